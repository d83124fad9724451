// The model answer to exercise 1a, the chain rule with a pencil
//
// Forwards: $u = 2 * (-3) = -6$, $v = -6 + 5 = -1$, $w = 2 * (-1) = -2$.
//
// Backwards, each gradient of the one behind it and a local derivative:
//
//     dw = 1
//     dv = dw (del w) / (del v) = 1 * a = 2
//     du = dv (del v) / (del u) = 2 * 1 = 2
//     dc = dv (del v) / (del c) = 2 * 1 = 2
//     db = du (del u) / (del b) = 2 * a = 4
//     da = dw (del w) / (del a) + du (del u) / (del a) = 1 * v + 2 * b = -1 - 6 = -7
//
// Two paths lead from `a` to `w`, so `da` is a sum of two terms.
#include <map>
#include <string>

std::map<std::string, double> values() { return {{"u", -6}, {"v", -1}, {"w", -2}}; }

std::map<std::string, double> gradients() {
    return {{"dw", 1}, {"dv", 2}, {"du", 2}, {"dc", 2}, {"db", 4}, {"da", -7}};
}

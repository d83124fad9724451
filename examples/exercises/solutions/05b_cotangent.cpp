// The model answer to exercise 5b, which cotangent sees the mistake
//
// A mistake is hidden where the wrong `dx` minus the right one is 0:
//
// - centre: the mean of dy minus $dy_0$. Hidden where $dy_0$ is the mean; so by dy = 1, which is
//   what the loss sum(y) sends back.
// - raise: the mean of dy. Hidden where the entries sum to 0.
// - turn: $dy_0 - dy_2$. Hidden where both ends are the same; so by dy = 1 as well.
//
// All three are conditions that a dy of random numbers has no reason to meet. Therefore gradcheck
// takes one, and not the ones of sum(y).
#include <map>
#include <string>
#include <vector>

std::map<std::string, std::vector<double>> cotangents() {
    return {
        {"hides centre", {1, 1, 1}},
        {"hides raise", {1, 0, -1}},
        {"hides turn", {1, 2, 1}},
        {"shows all", {0.3, -1.2, 2.5}},
    };
}

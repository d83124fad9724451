// The model answer to exercise 2b, gradients add up
//
// - square: `w * w` reads w twice, $dw = w + w = 6$.
// - and cube: this pass alone gives $3 w^2 = 27$; the 6 from before is still there, $6 + 27 = 33$.
// - dw of the sum: after `clear_gradient` it begins anew. Each entry sends back its own x, and w
//   gets the sum, $1 + 2 + 4 = 7$.
// - dx of the sum: each entry of x was multiplied by w, which is 3.
// - dv: the result is $v + v w$, and v is used twice: $1 + w = 4$.
// - dw through v: straight from $v w$ comes $v = 9$, through v comes $dv * 2 w = 4 * 6 = 24$;
//   together 33. It is the derivative of $w^2 + w^3$.
#include <map>
#include <string>

std::map<std::string, double> predictions() {
    return {
        {"square", 6},        {"and cube", 33}, {"dw of the sum", 7},
        {"dx of the sum", 3}, {"dv", 4},        {"dw through v", 33},
    };
}

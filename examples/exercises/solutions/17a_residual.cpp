// The model answer to exercise 17a, pre-norm and post-norm
//
// In $y = x + f("norm"(x))$ the plus sign hands `dy` on to both of its terms. One copy is at x
// already: that is the skip, whose Jacobian is 1. The other goes back through f, which came last,
// and then through the norm. At x both are added.
//
//     dx = dy + J_"norm"^T J_f^T dy
//
// In $y = "norm"(x + f(x))$ the norm came last, so `dy` passes it first, on both paths. Call the
// gradient of the sum s. Then it is the same again, without a norm:
//
//     ds = J_"norm"^T dy
//     dx = ds + J_f^T ds
//
// So in a pre-norm block `dy` itself arrives below, whatever f and the norm do. In a post-norm
// block nothing arrives that has not passed the norm.
#include <functional>

#include "core/array/array.hpp"

using namespace taper;

using Map = std::function<Array<double>(const Array<double>&)>;

Array<double> pre_norm(const Array<double>& x, const Map& f, const Map& norm) {
    return x + f(norm(x));
}

Array<double> post_norm(const Array<double>& x, const Map& f, const Map& norm) {
    return norm(x + f(x));
}

Array<double> pre_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm) {
    return dy + back_norm(back_f(dy));
}

Array<double> post_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm) {
    const Array<double> ds = back_norm(dy);
    return ds + back_f(ds);
}

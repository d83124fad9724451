// What must not compile. refused.cmake gives this file to the compiler and looks for each text that
// stands behind "refused:".
#include "core/ops.hpp"

using namespace taper;

struct Dual {
    double a, b;
};

void refused(Var<float>& f, Var<double>& d, Parameter<double>& w) {
    sum(f * d);              // refused: must have one number type, float or double
    d + Array<float>{1, 2};  // refused: an Array beside a Var must have its number type
    w += d;                  // refused: deleted
    sizeof(Var<Dual>);       // refused: the number type of a Var is float or double
}

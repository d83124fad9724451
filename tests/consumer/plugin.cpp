// Part of the consumer that is loaded while it runs: y = 2 x, on a tape of the consumer or on one
// of its own.
#include <core/ops.hpp>

using V = taper::Var<double>;

extern "C" void twice(const V& x, V& y) { y = x * 2.0; }
extern "C" void twice_on_its_own_tape(const V& x, V& y, double& gradient) {
    taper::Parameter<double> own("own", 3.0);
    taper::Tape<double> tape;
    const V on_tape = own * x.detach();
    y = on_tape;
    tape.backward(on_tape);
    gradient = own.gradient()();
}

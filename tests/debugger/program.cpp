// What session.gdb looks at. Built without optimisation whatever the preset, see ../CMakeLists.txt.
#include <cmath>
#include <cstring>

#include "core/ops.hpp"

using namespace taper;

unsigned char zeros_there[1024], ones_there[1024], others_there[1024];  // memory where nothing was made

static void stop() {}

static void arrays() {
    const Shape shape{2, 3};
    const Array<float> thirds{1.f / 3, -2.f / 3, 1};
    const Array<double> scalar = full<double>({}, 0.1), none = empty<double>({0, 3}), no_columns = empty<double>({2, 0});
    const Ids ids{{3, 1}, {4, 1}, {5, 9}};
    const Mask mask{true, false};
    Array<float> large = empty<float>({1000, 1000});
    for (std::size_t i = 0; i < large.size(); ++i) large.data()[i] = static_cast<float>(i);
    Array<double> deep = converted<double>(reshaped(large, {4, 10, 5, 5000})), moved = thirds;
    deep.data()[77] = std::nan("");
    const Array<double> kept = std::move(moved);
    stop();  // the arrays
}

static void variables() {
    Parameter<double> w("w", Array<double>{{1, 2, 3}, {1, 0, -1}}), moved("m", Array<double>{1, 2, 3});
    const Parameter<double> kept = std::move(moved), fixed("fixed", Array<double>{1, 2}, false);
    const Var<double> c = Array<double>{{1, 0, 0}, {0, 1, 0}}, unset;
    Tape<double> tape;
    const Var<double> y = softmax(w);
    const Var<double> loss = sum(y * c);
    tape.backward(loss);
    stop();  // the variables
}

int main() {
    std::memset(ones_there, 0xff, sizeof ones_there);
    for (std::size_t i = 0; i < sizeof others_there; ++i) others_there[i] = static_cast<unsigned char>(i);
    arrays();
    variables();
}

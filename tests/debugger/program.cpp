// What session.gdb looks at. Compiled without optimisation whatever the preset: see
// ../CMakeLists.txt.
#include <cmath>
#include <cstring>

#include "core/ops.hpp"

using namespace taper;

// memory in which nothing was made
unsigned char zeros_there[1024], ones_there[1024], numbers_there[1024];

static void look() {}
static void look_at([[maybe_unused]] const Tape<float>& tape,
                    [[maybe_unused]] const Var<float>& x) {}

static void arrays() {
    const Shape shape{4, 3, 2};
    const Array<double> scalar = full<double>({}, 0.1), no_rows = empty<double>({0, 3}),
                        no_columns = empty<double>({1000000, 0});
    const Array<float> few{{1.f / 3, -2.f / 3, 1}, {0, -INFINITY, 1e-9f}};
    const Ids ids = reshaped<std::int64_t>({7, 1, 5, 0, -100, 2}, {1, 3, 2});
    const Mask mask{true, false};
    Array<float> million = empty<float>({1000, 1000});
    for (std::size_t i = 0; i < million.size(); ++i) million.data()[i] = static_cast<float>(i) / 8;
    Array<double> deep = converted<double>(reshaped(million, {4, 10, 5, 5000})), moved{1, 2};
    deep.data()[77] = NAN;
    const Array<double> kept = std::move(moved), more = full<double>({1025, 1024}, 1);
    look();
}

static void pass() {
    Parameter<double> w("w", Array<double>{{1, 2, 3}, {1, 0, -1}}), moved("m", Array<double>{1, 2});
    const Parameter<double> kept = std::move(moved), fixed("fixed", Array<double>{3, 4}, false);
    const Var<double> target = Array<double>{{1, 0, 0}, {0, 1, 0}}, unset;
    Tape<double> tape;
    const Var<double> y = softmax(w);
    const Var<double> loss = sum(target * y);
    tape.backward(loss);
    look();
}

static void longer_tape() {
    const Parameter<float> weight("a.weight\n\xff\xe2\x80\xae" + std::string(600, 'x'),
                                  full<float>({65, 64}, 0.5f));
    Tape<float> tape;
    Var<float> x = sum(weight);
    for (int i = 0; i < 10; ++i) x = x + 1;
    tape.backward(x, Keep::everything);
    look_at(tape, weight);
}

int main() {
    std::memset(ones_there, 0xff, sizeof ones_there);
    for (std::size_t i = 0; i < sizeof numbers_there; ++i)
        numbers_there[i] = static_cast<unsigned char>(i);
    arrays();
    pass();
    longer_tape();
}

// The check of exercise 16a: two rows by hand, then taper's own op on several shapes.
#include <array>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

struct LayerNormGradients {
    Array<double> dx, dgain, dbias;
};
LayerNormGradients layer_norm_gradients(const Array<double>& x, const Array<double>& gain,
                                        double epsilon, const Array<double>& dy);

static Array<double> ninths(Array<double> of) {
    for (double& entry : of) entry /= 9;
    return of;
}

static void with_a_pencil(Check& check) {
    check.with(
        "x {{1,7,7,9},{0,0,2,2}}, gain {1,2,-1,3}, epsilon 0, dy {{3,0,6,-3},{4,-2,0,1}};\n"
        "so m is 6 and 1, v is 9 and 1, z is {{-5/3,1/3,1/3,1},{-1,-1,1,1}}");
    const LayerNormGradients d =
        layer_norm_gradients({{1, 7, 7, 9}, {0, 0, 2, 2}}, Array<double>{1, 2, -1, 3}, 0,
                             {{3, 0, 6, -3}, {4, -2, 0, 1}});
    check.compare("dbias", d.dbias, Array<double>{7, -2, 6, -2},
                  {{Array<double>{4, -2, 0, 1}, "That is the last row. All rows share the bias."},
                   {Array<double>{7, -4, -6, -6}, "The gain does not stand before the bias."}});
    check.compare("dgain", d.dgain, Array<double>{-9, 2, 2, -2},
                  {{Array<double>{-4, 2, 0, 1}, "That is the last row. All rows share the gain."},
                   {Array<double>{3, 0, 42, -25}, "That is with x. The gain stands before z."},
                   {Array<double>{-19, 2, 6, -8},
                    "That is with x - m. The gain stands before z, which is divided by the root."},
                   {Array<double>{-9, 4, -2, -6},
                    "That has the gain itself in it. The derivative of gain z by gain is z."}});
    check.compare("dx", d.dx, ninths({{-2, 13, -5, -6}, {36, -36, -13.5, 13.5}}),
                  {{ninths({{-11, 4, -14, -15}, {42.75, -29.25, -6.75, 20.25}}),
                    "The path through the mean m is missing."},
                   {ninths({{18, 9, -9, -18}, {29.25, -42.75, -6.75, 20.25}}),
                    "The path through the variance v is missing."},
                   {ninths({{9, 0, -18, -27}, {36, -36, 0, 27}}),
                    "That is the straight path alone. m and v are made of x as well."},
                   {ninths({{-6, 39, -15, -18}, {36, -36, -13.5, 13.5}}),
                    "A factor that each row has by itself is missing: the slope of z by x - m."},
                   {ninths({{-3, -3, 15, -9}, {27, -27, -4.5, 4.5}}),
                    "That is without the gain. Each dy_i passes it on its path to z_i."},
                   {ninths({{-35, 52, 34, 57}, {36, -36, -54, -27}}),
                    "There stand sums where there should be means: 1/d is in m and in v."},
                   {ninths({{-162, 45, 27, 90}, {36, -36, -13.5, 13.5}}),
                    "In the path through v stands x - m where it should be z."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, d] :
         std::vector<std::array<std::size_t, 2>>{{3, 5}, {1, 8}, {5, 3}, {4, 2}, {2, 1}})
        for (const double epsilon : {1e-5, 0.5}) {
            const Random random(1, "layer norm", ++number);
            const Parameter<double> x("x", normal<double>(random, {n, d}));
            const Parameter<double> gain("gain", normal<double>(random.substream(1), {d}));
            const Parameter<double> bias("bias", normal<double>(random.substream(2), {d}));
            const auto dy = normal<double>(random.substream(3), {n, d});
            Tape<double> tape;
            tape.backward(layer_norm(x, gain, bias, epsilon), dy);
            check.with("x " + to_string(x.shape()) + ", epsilon " + Check::text(epsilon));
            const LayerNormGradients yours =
                layer_norm_gradients(x.value(), gain.value(), epsilon, dy);
            check.compare("dbias", yours.dbias, bias.gradient());
            check.compare("dgain", yours.dgain, gain.gradient());
            check.compare("dx", yours.dx, x.gradient());
        }
}

int main() { return exercises::run("16a_layer_norm_backward", {with_a_pencil, as_the_op}); }

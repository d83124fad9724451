// The check of exercise 17a: maps that a pencil can follow, then a stack of three blocks of a
// feed-forward network and LayerNorm, held against a tape.
#include <functional>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

using Map = std::function<Array<double>(const Array<double>&)>;
Array<double> pre_norm(const Array<double>& x, const Map& f, const Map& norm);
Array<double> post_norm(const Array<double>& x, const Map& f, const Map& norm);
Array<double> pre_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm);
Array<double> post_norm_dx(const Array<double>& dy, const Map& back_f, const Map& back_norm);

static void with_a_pencil(Check& check) {
    const Map f = [](const Array<double>& x) { return Array<double>(3.0 * x + 1.0); };
    const Map norm = [](const Array<double>& x) { return Array<double>(x / 2.0); };
    const Array<double> x{{2, 10}};
    check.with("f(x) = 3 x + 1, and x / 2 in the place of the norm; x {{2,10}}");
    check.compare(
        "pre-norm", pre_norm(x, f, norm), Array<double>{{6, 26}},
        {{Array<double>{{4, 16}}, "That is f(norm(x)): the skip is missing."},
         {Array<double>{{5, 21}}, "There the skip starts behind the norm. It starts at x itself."},
         {Array<double>{{5.5, 25.5}}, "There the norm stands behind f."},
         {Array<double>{{4.5, 20.5}}, "That is post-norm."},
         {Array<double>{{9, 41}}, "That is x + f(x): the norm is missing."}});
    check.compare("post-norm", post_norm(x, f, norm), Array<double>{{4.5, 20.5}},
                  {{Array<double>{{6, 26}}, "That is pre-norm."},
                   {Array<double>{{5.5, 25.5}},
                    "There the norm is taken of f(x) alone. It is taken of the sum."},
                   {Array<double>{{3.5, 15.5}}, "That is norm(f(x)): the skip is missing."},
                   {Array<double>{{9, 41}}, "That is x + f(x): the norm is missing."}});

    // Matrices that do not commute: J_f^T (a, b) = (b, 0), J_norm^T (a, b) = (a, 2 b).
    const Map back_f = [](const Array<double>& dy) { return Array<double>{{dy(0, 1), 0}}; };
    const Map back_norm = [](const Array<double>& dy) {
        return Array<double>{{dy(0, 0), 2 * dy(0, 1)}};
    };
    check.with("back_f takes {{a,b}} to {{b,0}}, back_norm takes {{a,b}} to {{a,2b}}; dy {{3,5}}");
    check.compare("dx of pre-norm", pre_norm_dx({{3, 5}}, back_f, back_norm), Array<double>{{8, 5}},
                  {{Array<double>{{5, 0}}, "That is the path through f alone, without the skip."},
                   {Array<double>{{3, 5}}, "That is the skip alone, without the path through f."},
                   {Array<double>{{13, 5}}, "What comes last on the way to y comes first back."},
                   {Array<double>{{13, 10}}, "That is dx of post-norm."},
                   {Array<double>{{8, 10}}, "The skip passes no norm: dy arrives as it was."}});
    check.compare(
        "dx of post-norm", post_norm_dx({{3, 5}}, back_f, back_norm), Array<double>{{13, 10}},
        {{Array<double>{{10, 0}}, "That is the path through f alone, without the skip."},
         {Array<double>{{3, 10}}, "That is the skip alone, without the path through f."},
         {Array<double>{{13, 5}}, "The skip ends before the norm: its path passes the norm too."},
         {Array<double>{{8, 10}}, "Both paths pass the norm first, and f gets what comes of it."},
         {Array<double>{{8, 5}}, "That is dx of pre-norm."}});
}

// A map made of taper's ops, and its way back at a point.
struct TapedMap {
    std::function<Var<double>(const Var<double>&)> of;

    Map forward() const {
        return [of = of](const Array<double>& x) { return of(x).value(); };
    }
    Map back_at(const Array<double>& at) const {
        return [of = of, at](const Array<double>& dy) {
            const Parameter<double> x("x", at);
            Tape<double> tape;
            tape.backward(of(x), dy);
            return x.gradient();
        };
    }
};

static void three_blocks(Check& check, const Shape& shape, bool pre) {
    const Shape d{shape.back()};
    const Random random(1, "block");
    const TapedMap norm{[d](const Var<double>& x) {
        return layer_norm<double>(x, full<double>(d, 1.5), full<double>(d, 0.5));
    }};
    std::vector<TapedMap> fs;
    for (std::uint32_t block = 0; block < 3; ++block) {
        const auto W1 = normal<double>(random.substream(2 * block), {7, d[0]}, 0.5);
        const auto W2 = normal<double>(random.substream(2 * block + 1), {d[0], 7}, 0.5);
        fs.push_back({[d, W1, W2](const Var<double>& x) {
            return feed_forward<double>(x, W1, zeros<double>({7}), W2, full<double>(d, 0.1));
        }});
    }
    const Parameter<double> x("x", normal<double>(random.substream(8), shape));
    const auto dy = normal<double>(random.substream(9), shape);
    Tape<double> tape;
    Var<double> y = x;
    for (const TapedMap& f : fs) y = pre ? y + f.of(norm.of(y)) : norm.of(y + f.of(y));
    tape.backward(y, dy);

    check.with(std::string("three ") + (pre ? "pre" : "post") + "-norm blocks, x " +
               to_string(shape));
    std::vector<Array<double>> entry{x.value()};
    for (const TapedMap& f : fs)
        entry.push_back(pre ? pre_norm(entry.back(), f.forward(), norm.forward())
                            : post_norm(entry.back(), f.forward(), norm.forward()));
    if (!check.compare("y", entry.back(), y.value())) return;
    Array<double> dx = dy;
    for (std::size_t i = fs.size(); i-- > 0;) {
        const Array<double>& at = entry[i];
        if (pre) {
            const Map back_f = fs[i].back_at(norm.forward()(at));
            dx = pre_norm_dx(dx, back_f, norm.back_at(at));
        } else {
            const Array<double> sum = at + fs[i].forward()(at);
            dx = post_norm_dx(dx, fs[i].back_at(at), norm.back_at(sum));
        }
    }
    check.compare("dx", dx, x.gradient());
}

static void as_the_tape(Check& check) {
    for (const Shape& shape : {Shape{3, 4}, Shape{2, 3, 5}, Shape{1, 6}})
        for (const bool pre : {true, false}) three_blocks(check, shape, pre);
}

int main() { return exercises::run("17a_residual", {with_a_pencil, as_the_tape}); }

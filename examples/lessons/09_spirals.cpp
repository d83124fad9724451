// Lesson 9. A network learns: two spirals
//
// What does a network do that a line cannot? Here are two spirals of points, wound into one another
// (Lang and Witbrock 1988). No straight line parts them. Four linear layers with a bend between
// them do, after 500 steps of Adam, and a picture shows how. On the way come the words of every
// classifier: class, logit, margin, accuracy, hidden unit, activation.
//
// After lessons 3 and 8. About 30 minutes.
//
// Run it: build/release/bin/09_spirals [--page FILE]
#include <algorithm>
#include <cmath>
#include <numbers>

#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/layers/linear.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::above;
using lessons::below;
using lessons::between;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::Page;
using lessons::section;
using lessons::Table;

// ---- 1. Class, logit, margin
//
// A *classifier* says of a point to which of several kinds it belongs, its *class*. Ours has two, 0
// and 1. It answers with one number $z$, the *logit*: above 0 it says class 1, below 0 class 0, and
// the farther from 0, the surer it is. (The name comes from odds: a $z$ stands for the odds of
// $e^z$ to 1 for class 1, which is the probability $1 / (1 + e^(-z))$. Lesson 10 has more of this.)
//
// Let $s$ be 1 for a point of class 1 and $-1$ for one of class 0. Then $s z$ is the *margin*:
// above 0 the answer is right. The share of right answers is the *accuracy*.
//
// The accuracy cannot be trained for: move a weight a little, and nearly always no answer changes,
// so its derivative is 0. The loss must fall smoothly as the margin grows. This one does:
//
//     loss(z) = ln(1 + e^(-s z))
//     (del loss) / (del z) = -s / (1 + e^(s z))
//
// The op for $ln(1 + e^x)$ is `softplus`. For a large wrong margin the loss is nearly $-s z$, so it
// pulls with a force of nearly 1; for a large right margin it is nearly 0, and lets go. Lesson 11
// says why it is this function: it is the negative logarithm of the probability given to the right
// class.
struct Points {
    Array<float> x;     // (N, 2)
    Array<float> sign;  // (N, 1): 1 for class 1, -1 for class 0
};

static Var<float> loss_of(const Var<float>& logits, const Points& points) {
    return mean(softplus(-(points.sign * logits)));
}

static std::vector<float> margins(const Var<float>& logits, const Points& points) {
    const Array<float> products = points.sign * logits.value();
    return {products.begin(), products.end()};
}
static double accuracy(const std::vector<float>& margins) {
    const auto right =
        std::count_if(margins.begin(), margins.end(), [](float margin) { return margin > 0; });
    return static_cast<double>(right) / static_cast<double>(margins.size());
}

static void one_answer() {
    section("1. Class, logit, margin");
    Table table({"class", "logit", "margin", "loss", "d loss / d logit"});
    double worst = 0;
    for (const double s : {1.0, -1.0})
        for (const double z : {-5.0, -1.0, 0.0, 1.0, 5.0}) {
            Parameter<double> logit("z", full<double>({}, z));
            Tape<double> tape;
            const Var<double> loss = softplus(-s * logit);
            tape.backward(loss);
            table.row(s > 0 ? 1 : 0, z, s * z, loss.item(), logit.gradient()());
            worst = larger(worst, std::abs(loss.item() - std::log(1 + std::exp(-s * z))));
            worst = larger(worst, std::abs(logit.gradient()() + s / (1 + std::exp(s * z))));
        }
    table.print();
    claim(
        below(worst, 1e-14),
        "The loss is ln(1 + e^-margin), and its derivative -s / (1 + e^margin) with s = 1 or -1.");
}

// ---- 2. A line
//
// The spirals have 97 points each. With $i$ from 0 to 96, those of class 0 are
//
//     r_i (sin a_i, cos a_i),    r_i = 1 - i / 104,    a_i = i pi / 16
//
// three turns inward; those of class 1 are the same turned by half a turn.
//
// The simplest classifier is linear: $z = w_0 x_0 + w_1 x_1 + b$. The points with $z = 0$ are a
// straight line, and on its two sides stand the two answers. In taper it is `nn::Linear`, a
// *layer*: a struct that owns its Parameters, here `weight` and `bias`, and is called like a
// function. Training is the loop of lesson 8, with all points in each step.
//
// How good can a line be? Move any line until it goes through two of the points: on the way no
// point has changed its side. So it is enough to try the lines through all pairs, with either side
// for either class, and to count the points on the line as right.
static constexpr std::size_t each = 97;
static constexpr std::uint64_t seed = 1;

static Points spirals(double shift) {  // along the spirals: 0.5 is halfway to the next point
    Points points{empty<float>({2 * each, 2}), empty<float>({2 * each, 1})};
    for (std::size_t i = 0; i < 2 * each; ++i) {
        const double at = static_cast<double>(i / 2) + shift;
        const double angle = at * std::numbers::pi / 16;
        const double radius = (1 - at / 104) * (i % 2 == 0 ? 1 : -1);
        points.x(i, 0) = static_cast<float>(radius * std::sin(angle));
        points.x(i, 1) = static_cast<float>(radius * std::cos(angle));
        points.sign(i, 0) = i % 2 == 0 ? -1.0f : 1.0f;
    }
    return points;
}

template <class Model>
static void train(Model& model, const Points& points, const Page* page = nullptr) {
    const std::size_t steps = 500;
    nn::Parameters<float> parameters;
    model.list(parameters);
    nn::Adam<float> adam(parameters);
    const nn::Schedule rate{.lr = 1e-2, .warmup = 20, .steps = steps};
    Table table({"step", "loss", "accuracy"});
    for (std::size_t step = 1; step <= steps; ++step) {
        Tape<float> tape;
        const Var<float> logits = model(points.x);
        const Var<float> loss = loss_of(logits, points);
        if (step == 1 || step % 100 == 0)
            table.row(step, loss.item(), accuracy(margins(logits, points)));
        tape.backward(loss, page && step == steps ? Keep::everything : Keep::nothing);
        if (page && step == steps) page->show(tape, "the last step of two spirals");
        nn::clip_gradients(parameters, 1.0);
        adam.step(rate(step));
    }
    table.print();
}

static double best_line(const Points& points) {
    std::size_t best = 0;
    for (std::size_t p = 0; p < 2 * each; ++p)
        for (std::size_t q = 0; q < p; ++q) {
            std::size_t as_is = 0, turned = 0;
            const float dx = points.x(q, 0) - points.x(p, 0);
            const float dy = points.x(q, 1) - points.x(p, 1);
            for (std::size_t i = 0; i < 2 * each; ++i) {
                const float side =
                    dx * (points.x(i, 1) - points.x(p, 1)) - dy * (points.x(i, 0) - points.x(p, 0));
                as_is += std::abs(side) < 1e-6f || side * points.sign(i, 0) > 0;
                turned += std::abs(side) < 1e-6f || side * points.sign(i, 0) < 0;
            }
            best = std::max({best, as_is, turned});
        }
    return static_cast<double>(best) / (2 * each);
}

static void a_line() {
    section("2. A line");
    const Points points = spirals(0);
    nn::Linear<float> line("line", 2, 1, seed);
    train(line, points);
    const double trained = accuracy(margins(line(points.x), points));
    const double bound = best_line(points);
    std::cout << "The trained line has " << lessons::text_of(100 * trained, 3)
              << " % of the points right, the best of all lines "
              << lessons::text_of(100 * bound, 3) << " %.\n";
    claim(below(trained, 0.65), "A trained line has less than 65 % of the points right.");
    claim(below(bound, 0.65),
          "No line through two of the points has 65 % right, so no line at all has.");
}

// ---- 3. Why a network needs a bend
//
// Why not one linear layer upon another? Because two of them are one:
//
//     W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + (W_2 b_1 + b_2)
//
// With something bent between them this is no longer so. The simplest bend is
// $relu(x) = max(x, 0)$: a half of the line lies flat, the other rises. Two bends make what no line
// makes, an inside and an outside:
//
//     z = 1 - relu(x) - relu(-x) = 1 - |x|
//
// is above 0 between $-1$ and 1, and below 0 on both sides. A function that stands between two
// layers is called an *activation*, and what it gives, the numbers between the layers, are the
// *hidden units*. Each hidden unit puts a crease into the plane, along a line of its own; the next
// layer adds creased planes up, and bends the sum again.
//
// Language models use a bend with a round corner, `gelu` (Hendrycks and Gimpel, arXiv 1606.08415):
//
//     gelu(x) = x Phi(x),    (d gelu) / (d x) = Phi(x) + x phi(x)
//
// where $phi(x) = e^(-x^2 / 2) / sqrt(2 pi)$ is the bell curve and $Phi(x)$ the area under it to
// the left of $x$, from 0 far left to 1 far right. So gelu is nearly 0 far left, nearly $x$ far
// right. Its derivative is the product rule, since the derivative of the area is the height of the
// curve. Unlike relu it has a slope left of 0 too: a unit that is 0 for all points can come back.
static void a_bend() {
    section("3. Why a network needs a bend");
    const auto random = [](const char* name, const Shape& shape) {
        return normal<double>(Random(1, name), shape);
    };
    const Var<double> x = random("x", {5, 2});
    const Var<double> W1 = random("W1", {3, 2}), b1 = random("b1", {3});
    const Var<double> W2 = random("W2", {1, 3}), b2 = random("b2", {1});
    const Var<double> two = linear(linear(x, W1, b1), W2, b2);
    const Var<double> b = reshape(matmul(W2, reshape(b1, {3, 1})), {1}) + b2;
    claim(below(apart(linear(x, matmul(W2, W1), b), two), 1e-14),
          "Two linear layers give what one gives with the weight W2 W1 and the bias W2 b1 + b2.");

    Table table({"x", "1 - relu(x) - relu(-x)", "gelu(x)", "its derivative"});
    double worst_strip = 0, worst_slope = 0;
    for (const double at : {-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0}) {
        Parameter<double> input("x", full<double>({}, at));
        const double strip = (1.0 - relu(input) - relu(-input)).item();
        Tape<double> tape;
        const Var<double> y = gelu(input);
        tape.backward(y);
        const double slope = input.gradient()();
        table.row(at, strip, y.item(), slope);
        const double Phi = (1 + std::erf(at / std::sqrt(2))) / 2;
        const double phi = std::exp(-at * at / 2) / std::sqrt(2 * std::numbers::pi);
        worst_strip = larger(worst_strip, std::abs(strip - (1 - std::abs(at))));
        worst_slope = larger(worst_slope, std::abs(slope - (Phi + at * phi)));
    }
    table.print();
    claim(below(worst_strip, 1e-15), "Two bends make 1 - |x|, which is above 0 on a strip only.");
    claim(below(worst_slope, 1e-14), "The derivative of gelu is Phi(x) + x phi(x).");
}

// ---- 4. How large the first weights are
//
// With which weights does a network begin? Not with 0: all hidden units would be the same, get the
// same gradient and stay the same. They are random. How large should they be? A unit is a sum of as
// many products as the layer has inputs:
//
//     y = sum_(j=1)^m W_j x_j
//
// If the $W_j$ are independent with mean 0 and the standard deviation $sigma$, the mean squares add
// up: $y$ has a mean square of $m sigma^2$ times that of $x$. Each layer multiplies by this once
// more. So the numbers keep their size with $sigma = 1 / sqrt(m)$ (LeCun et al. 1998). Too small,
// and what reaches the end hardly depends on the input, and neither does a gradient on the way
// back; too large, and both explode.
//
// `nn::Linear` begins with 0.02, as language models do: their layers are wide, and lesson 16's
// LayerNorm sets the size anew in each block. Here that would be far too small.
static constexpr std::size_t width = 32;

// Called with x (n, 2) it gives logits (n, 1). deviation times 1 / sqrt(inputs) is that of the
// weights.
struct Network {
    std::vector<nn::Linear<float>> layers;

    explicit Network(float deviation) {
        const std::vector<std::size_t> widths{2, width, width, width, 1};
        for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
            auto& layer =
                layers.emplace_back("layers." + std::to_string(i), widths[i], widths[i + 1], seed);
            layer.weight.mutable_value() *= deviation / static_cast<float>(nn::weight_deviation) /
                                            std::sqrt(static_cast<float>(widths[i]));
        }
    }
    // What each layer gives; the last are the logits.
    std::vector<Var<float>> all(const Var<float>& x) const {
        std::vector<Var<float>> y{layers[0](x)};
        for (std::size_t i = 1; i < layers.size(); ++i) y.push_back(layers[i](gelu(y.back())));
        return y;
    }
    Var<float> operator()(const Var<float>& x) const { return all(x).back(); }
    void list(nn::Parameters<float>& parameters) {
        for (auto& layer : layers) layer.list(parameters);
    }
};

static void first_weights() {
    section("4. How large the first weights are");
    const Points points = spirals(0);
    Table table({"weights", "layer 1", "layer 2", "layer 3", "logits"}, 2);
    const auto sizes = [&](const char* name, float deviation) {
        std::vector<double> of;
        for (const Var<float>& y : Network(deviation).all(points.x))
            of.push_back(std::sqrt(mean(y * y).item()));
        table.row(name, of[0], of[1], of[2], of[3]);
        return of;
    };
    const auto small = sizes("0.1 / sqrt(inputs)", 0.1f);
    const auto right = sizes("1 / sqrt(inputs)", 1.0f);
    const auto large = sizes("10 / sqrt(inputs)", 10.0f);
    table.print();
    // The least and the most that a layer makes of the layer before it.
    const auto factors = [](const std::vector<double>& of) {
        std::vector<double> all;
        for (std::size_t i = 0; i + 1 < of.size(); ++i) all.push_back(of[i + 1] / of[i]);
        std::sort(all.begin(), all.end());
        return std::pair{all.front(), all.back()};
    };
    claim(
        between(factors(right).first, 0.25, 1) && between(factors(right).second, 0.25, 1),
        "With 1 / sqrt(inputs) each layer keeps more than a fourth of the size and enlarges none.");
    claim(below(factors(small).second, 0.1),
          "With a tenth of that each layer keeps less than a tenth.");
    claim(above(factors(large).first, 4),
          "With ten times that each layer makes the numbers more than four times as large.");
}

// ---- 5. The network
//
// Four linear layers with gelu between them, 32 hidden units each: 2241 numbers to train.
//
//     z = W_4 g(W_3 g(W_2 g(W_1 x + b_1) + b_2) + b_3) + b_4,    g = gelu
//
// The picture is the plane from $-1.1$ to $1.1$: a dot where the network says class 1, an `o` for a
// point of class 0, an `x` for one of class 1. At last it is asked for points that it has never
// seen, halfway between those it was trained with. What a model makes of such points is what
// counts: it could also have learned the others by heart.
static void draw(const Network& network, const Points& points);  // below

static void a_network(const Page& page) {
    section("5. The network");
    const Points points = spirals(0);
    const Points between_them = spirals(0.5);
    Network network(1);
    train(network, points, &page);
    draw(network, points);
    const auto seen = margins(network(points.x), points);
    const auto unseen = margins(network(between_them.x), between_them);
    const double smallest = *std::min_element(seen.begin(), seen.end());
    std::cout << "The smallest margin of a point is " << smallest << "; of the points halfway\n"
              << "between, the network has " << 100 * accuracy(unseen) << " % right.\n";
    claim(equal(accuracy(seen), 1.0), "The network has all 194 points right.");
    claim(above(smallest, 2), "The margin of every point is above 2.");
    claim(above(accuracy(unseen), 0.95),
          "The network has more than 95 % right of 194 points that it has never seen.");
}

// ---- The picture of the plane
static void draw(const Network& network, const Points& points) {
    const std::size_t rows = 34, columns = 68;
    auto plane = empty<float>({rows * columns, 2});
    for (std::size_t i = 0; i < rows * columns; ++i) {
        plane(i, 0) = 2.2f * (static_cast<float>(i % columns) + 0.5f) / columns - 1.1f;
        plane(i, 1) = 1.1f - 2.2f * (static_cast<float>(i / columns) + 0.5f) / rows;
    }
    const Array<float> logits = network(plane).value();
    std::vector<std::string> picture(rows, std::string(columns, ' '));
    for (std::size_t i = 0; i < rows * columns; ++i)
        if (logits(i, 0) > 0) picture[i / columns][i % columns] = '.';
    for (std::size_t i = 0; i < 2 * each; ++i) {
        const float column = (points.x(i, 0) + 1.1f) / 2.2f * columns;
        const float row = (1.1f - points.x(i, 1)) / 2.2f * rows;
        picture[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] =
            points.sign(i, 0) > 0 ? 'x' : 'o';
    }
    for (const std::string& line : picture) std::cout << "  " << line << "\n";
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    one_answer();
    a_line();
    a_bend();
    first_weights();
    a_network(page);
}

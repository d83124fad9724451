// A network that separates two spirals (Lang and Witbrock 1988), with Adam (Kingma and Ba 2015).
// Class 0 is the points
//     r_i (sin a_i, cos a_i),   r_i = 1 - i / 104,   a_i = i pi / 16,   i = 0 ... 96
// three turns inward; class 1 is the same turned by half. No line parts them. Four linear maps with
// a bend between them do:
//     logits = W4 g(W3 g(W2 g(W1 x + b1) + b2) + b3) + b4,   g = gelu
// Run it: build/release/bin/09_spirals
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numbers>

#include "examples/lessons/lesson.hpp"
#include "nn/layers/linear.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;
using lessons::claim;

static constexpr std::size_t each = 97, width = 32, steps = 500;
static constexpr std::uint64_t seed = 1;

struct Points {
    Array<float> x = empty<float>({2 * each, 2});
    Ids classes = empty<std::int64_t>({2 * each});
};
static Points spirals(double shift) {  // along the spirals: 0.5 is halfway to the next point
    Points points;
    for (std::size_t i = 0; i < 2 * each; ++i) {
        const double at = static_cast<double>(i / 2) + shift;
        const double angle = at * std::numbers::pi / 16;
        const double radius = (1 - at / 104) * (i % 2 == 0 ? 1 : -1);
        points.x(i, 0) = static_cast<float>(radius * std::sin(angle));
        points.x(i, 1) = static_cast<float>(radius * std::cos(angle));
        points.classes(i) = i % 2;
    }
    return points;
}

// The network. Called with x (n, 2) it gives logits (n, 2).
struct Network {
    std::vector<nn::Linear<float>> layers;

    Network() {
        for (const auto& [in, out] :
             {std::pair{std::size_t{2}, width}, {width, width}, {width, width}, {width, 2}}) {
            auto& layer =
                layers.emplace_back("layers." + std::to_string(layers.size()), in, out, seed);
            // Weights that keep the size of what passes. N(0, 0.02^2), as they are made, is for
            // wide layers behind a LayerNorm.
            layer.weight.mutable_value() /=
                static_cast<float>(nn::weight_deviation) * std::sqrt(static_cast<float>(in));
        }
    }
    Var<float> operator()(const Var<float>& x) const {
        Var<float> y = layers[0](x);
        for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](gelu(y));
        return y;
    }
    void list(nn::Parameters<float>& all) {
        for (auto& layer : layers) layer.list(all);
    }
};

// How much more a point's logit for its class is than the other one: above 0 is right.
static std::vector<float> margins(const Array<float>& logits, const Ids& classes) {
    std::vector<float> margins;
    for (std::size_t i = 0; i < classes.size(); ++i)
        margins.push_back((logits(i, 1) - logits(i, 0)) * (classes(i) == 1 ? 1.0f : -1.0f));
    return margins;
}
static double accuracy(const std::vector<float>& margins) {
    const auto right =
        std::count_if(margins.begin(), margins.end(), [](float margin) { return margin > 0; });
    return static_cast<double>(right) / static_cast<double>(margins.size());
}

// All points in one batch, each step.
template <class Model> static void train(Model& model, const Points& points) {
    nn::Parameters<float> parameters;
    model.list(parameters);
    nn::Adam<float> adam(parameters);
    const nn::Schedule rate{.lr = 1e-2, .warmup = 20, .steps = steps};
    for (std::size_t step = 1; step <= steps; ++step) {
        Tape<float> tape;
        const Var<float> logits = model(points.x);
        const Var<float> loss = cross_entropy(logits, points.classes);
        if (step == 1 || step % 100 == 0)
            std::cout << "  step " << std::setw(3) << step << "  loss " << std::setw(9)
                      << loss.item() << "  accuracy "
                      << accuracy(margins(logits.value(), points.classes)) << "\n";
        tape.backward(loss);
        nn::clip_gradients(parameters, 1.0);
        adam.step(rate(step));
    }
}

// What no line can surpass. Any line that parts the points can be moved until it goes through two
// of them, and back; so for each pair the better side is counted for the others, and what lies on
// the line counts as right.
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
                as_is += std::abs(side) < 1e-6f || (side > 0) == (points.classes(i) == 1);
                turned += std::abs(side) < 1e-6f || (side > 0) == (points.classes(i) == 0);
            }
            best = std::max({best, as_is, turned});
        }
    return static_cast<double>(best) / (2 * each);
}

// The plane from -1.1 to 1.1: a dot where the model says 1; the points of class 0 as o, of class 1
// as x.
static void draw(const Network& model, const Points& points) {
    const std::size_t rows = 34, columns = 68;
    auto plane = empty<float>({rows * columns, 2});
    for (std::size_t i = 0; i < rows * columns; ++i) {
        plane(i, 0) = 2.2f * (static_cast<float>(i % columns) + 0.5f) / columns - 1.1f;
        plane(i, 1) = 1.1f - 2.2f * (static_cast<float>(i / columns) + 0.5f) / rows;
    }
    const Array<float> logits = model(plane).value();
    std::vector<std::string> picture(rows, std::string(columns, ' '));
    for (std::size_t i = 0; i < rows * columns; ++i)
        if (logits(i, 1) > logits(i, 0)) picture[i / columns][i % columns] = '.';
    for (std::size_t i = 0; i < 2 * each; ++i) {
        const float column = (points.x(i, 0) + 1.1f) / 2.2f * columns;
        const float row = (1.1f - points.x(i, 1)) / 2.2f * rows;
        picture[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] =
            points.classes(i) == 1 ? 'x' : 'o';
    }
    for (const std::string& line : picture) std::cout << "  " << line << "\n";
}

int main() {
    const Points points = spirals(0);
    const Points between = spirals(0.5);
    std::cout << "1. One line\n";
    nn::Linear<float> line("line", 2, 2, seed);
    train(line, points);
    const double by_line = accuracy(margins(line(points.x).value(), points.classes));
    const double bound = best_line(points);
    std::cout << "  accuracy " << by_line << ", of the best of all lines at most " << bound << "\n";
    claim(by_line < 0.65 && bound < 0.65,
          "a linear classifier does little better than chance, and none could");

    std::cout << "2. A network\n";
    Network network;
    train(network, points);
    draw(network, points);
    const std::vector<float> at_points = margins(network(points.x).value(), points.classes);
    const std::vector<float> unseen = margins(network(between.x).value(), between.classes);
    std::cout << "  smallest margin " << *std::min_element(at_points.begin(), at_points.end())
              << ", accuracy on points halfway between " << accuracy(unseen) << "\n";
    claim(accuracy(at_points) == 1 && *std::min_element(at_points.begin(), at_points.end()) > 2,
          "the network has every point right");
    claim(accuracy(unseen) > 0.95, "and points it has never seen, halfway between");
}

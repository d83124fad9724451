// The check of exercise 9a: one row by hand, then taper's tape on several shapes.
#include <array>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

struct Network {
    Array<double> W1, b1, W2;
    double b2;
};

double network_loss(const Network& net, const Array<double>& x, const Array<double>& t);
Network network_gradient(const Network& net, const Array<double>& x, const Array<double>& t);

static const Network small{{{1, -1}, {2, 1}}, {0, 0.5}, {2, 1.5}, 1};

static void loss_with_a_pencil(Check& check) {
    check.with(
        "x {{2,1},{-1,1}}, W1 {{1,-1},{2,1}}, b1 {0,0.5}, W2 {2,1.5}, b2 1, t {8,10}; h "
        "{{4,-0.5},{1,2.5}}, y {9,6.75}");
    check.compare("L", network_loss(small, {{2, 1}, {-1, 1}}, {8, 10}), (1 + 3.25 * 3.25) / 2,
                  {{1 + 3.25 * 3.25, "That is the sum over the rows. L is the mean."},
                   {(0.25 * 0.25 + 3.25 * 3.25) / 2, "The bend is missing: a = max(h, 0)."}});
}

static void gradient_with_a_pencil(Check& check) {
    check.with(
        "x {{2,1}}, W1 {{1,-1},{2,1}}, b1 {0,0.5}, W2 {2,1.5}, b2 1, t {8}; h {{4,-0.5}}, y {9}");
    const Network d = network_gradient(small, {{2, 1}}, {8});
    check.compare("db2", d.b2, 2, {{1, "The derivative of a square has the factor 2."}});
    check.compare("dW2", d.W2, Array<double>{8, 0},
                  {{Array<double>{8, -1}, "That is h times dy. y was made of a = max(h, 0)."},
                   {Array<double>{4, 0}, "The derivative of a square has the factor 2."}});
    check.compare("db1", d.b1, Array<double>{4, 0},
                  {{Array<double>{4, 3}, "That is da: where h is below 0 nothing goes through."},
                   {Array<double>{2, 0}, "W2 stands between a and y."}});
    check.compare(
        "dW1", d.W1, Array<double>{{8, 0}, {4, 0}},
        {{Array<double>{{8, 6}, {4, 3}}, "That is of da: where h is below 0 nothing goes through."},
         {Array<double>{{8, 4}, {0, 0}}, "That is the transpose."}});
}

static void as_the_tape(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, in, width] :
         std::vector<std::array<std::size_t, 3>>{{2, 3, 4}, {5, 2, 6}, {1, 1, 3}, {4, 3, 1}}) {
        const Random random(3, "network", ++number);
        const auto x = normal<double>(random, {n, in});
        const auto t = normal<double>(random.substream(1), {n});
        Parameter<double> W1("W1", normal<double>(random.substream(2), {in, width}));
        Parameter<double> b1("b1", normal<double>(random.substream(3), {width}));
        Parameter<double> W2("W2", normal<double>(random.substream(4), {width}));
        Parameter<double> b2("b2", normal<double>(random.substream(5), {}));
        Tape<double> tape;
        const Var<double> a = relu(matmul<double>(x, W1) + b1);
        const Var<double> y = reshape(matmul(a, reshape(W2, {-1, 1})), {-1}) + b2;
        const Var<double> loss = mean(square(y - t));
        tape.backward(loss);
        const Network net{W1.value(), b1.value(), W2.value(), b2.item()};
        check.with("x " + to_string(x.shape()) + ", W1 " + to_string(W1.shape()));
        check.compare("L", network_loss(net, x, t), loss.item());
        const Network d = network_gradient(net, x, t);
        const auto times = [](const Array<double>& of, double factor) {
            return Array<double>(of * factor);
        };
        const double rows_in_it = static_cast<double>(n);
        const char* const no_mean = "L is a mean over the rows, so 1 / n is in every gradient.";
        check.compare("db2", d.b2, b2.gradient()(), {{b2.gradient()() * rows_in_it, no_mean}});
        check.compare("dW2", d.W2, W2.gradient(), {{times(W2.gradient(), rows_in_it), no_mean}});
        check.compare("db1", d.b1, b1.gradient(), {{times(b1.gradient(), rows_in_it), no_mean}});
        check.compare("dW1", d.W1, W1.gradient(), {{times(W1.gradient(), rows_in_it), no_mean}});
    }
}

int main() {
    return exercises::run("09a_relu_network",
                          {loss_with_a_pencil, gradient_with_a_pencil, as_the_tape});
}

// Lesson 17. Residual connections: how a deep network stays trainable
//
// A network of 24 blocks multiplies 24 Jacobians on the way back (lesson 5). If each shrinks the
// gradient to a half, then 0.00000006 of it arrives at the first block. How can a deep network
// learn at all?
//
// The answer is one plus sign. A block does not replace its input, it adds to it: $x + f(x)$. This
// is a *residual connection* (He, Zhang, Ren and Sun, arXiv 1512.03385), and practically every
// transformer has it. What is handed from block to block is then one sum, the *residual stream*:
// it runs from the embedding to the output, and each block reads it and adds its part. This lesson
// builds such stacks with and without the plus sign, and then asks where the LayerNorm of lesson
// 16 should stand. After lessons 8 and 16. About 30 minutes.
//
// Run it: build/release/bin/17_residual [--page FILE]
#include <algorithm>
#include <cmath>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::above;
using lessons::below;
using lessons::between;
using lessons::claim;
using lessons::near;
using lessons::section;
using lessons::Table;

// ---- 1. What stands in a block: the feed-forward network
//
// A transformer's block has two halves. One is the attention of lessons 14 and 15, which brings
// positions together. The other works on each position by itself, and is called the *feed-forward
// network*: two linear maps with a bend between them, from d columns to more (often 4 d) and back:
//
//     f(x) = W_2 g(W_1 x + b_1) + b_2
//
// where g is the bend gelu of lesson 9. taper has it as the op `feed_forward`. This lesson takes
// it for the f of its blocks; what is said of $x + f(x)$ holds for the attention as well, and
// lesson 20 puts both into one block.
static Array<double> random(const char* name, const Shape& shape, double deviation = 1,
                            std::uint32_t number = 0) {
    return normal<double>(Random(1, name, number), shape, deviation);
}

static void the_feed_forward_network() {
    section("1. What stands in a block: the feed-forward network");
    const Var<double> W1 = random("W1", {16, 4});
    const Var<double> b1 = random("b1", {16});
    const Var<double> W2 = random("W2", {4, 16}, 0.25);
    const Var<double> b2 = random("b2", {4});
    const Var<double> x = random("x", {3, 4});
    const Var<double> y = feed_forward(x, W1, b1, W2, b2);
    const Var<double> by_steps = linear(gelu(linear(x, W1, b1)), W2, b2);
    Array<double> other = x.value();
    other(2, 0) += 1;
    const Var<double> y_other = feed_forward<double>(other, W1, b1, W2, b2);
    Table table({"position", "y", "y with another x at position 2"});
    for (std::size_t t = 0; t < 3; ++t) table.row(t, y.value()(t, 0), y_other.value()(t, 0));
    table.print();
    claim(below(apart(y, by_steps), 1e-14), "The op feed_forward is linear, gelu, linear.");
    const Range first_two{.end = 2};
    const Range last{.begin = 2};
    claim(near(apart(slice(y, 0, first_two), slice(y_other, 0, first_two)), 0, 0) &&
              above(apart(slice(y, 0, last), slice(y_other, 0, last)), 0.01),
          "Another x at position 2 changes y there and nowhere else: each position is by itself.");
}

// ---- 2. One plus sign
//
// Take the smallest block: x is one number and $f(x) = a x$ with a = 0.1. A *plain* stack makes
// $x_(i + 1) = f(x_i)$, a residual one $x_(i + 1) = x_i + f(x_i)$. For L blocks the derivative of
// the output by the input is, by the chain rule,
//
//     "plain:"  a^L
//     "residual:"  (1 + a)^L
//
// With L = 24 that is $10^(-24)$ and 9.85. For rows the same holds with matrices. Let J be the
// Jacobian of f. Then the cotangent goes back through a residual block as
//
//     dx = dy + J^T dy
//
// The first term is dy itself. Whatever J is, the gradient at the top arrives at every block
// below, by the way of the plus signs alone, and what comes through the f is added to it.
static void one_plus_sign() {
    section("2. One plus sign");
    const double a = 0.1;
    Table table({"blocks", "plain: dx", "residual: dx"});
    double plain_dx = 0;
    double residual_dx = 0;
    for (const int L : {1, 6, 24}) {
        const Parameter<double> x("x", full<double>({}, 1));
        const Parameter<double> z("z", full<double>({}, 1));
        Tape<double> tape;
        Var<double> plain = x;
        Var<double> residual = z;
        for (int i = 0; i < L; ++i) {
            plain = a * plain;
            residual = residual + a * residual;
        }
        tape.backward(plain + residual);
        plain_dx = x.gradient()();
        residual_dx = z.gradient()();
        table.row(L, plain_dx, residual_dx);
    }
    table.print();
    claim(near(plain_dx, std::pow(a, 24), 1e-36), "Through 24 plain blocks dx is 0.1^24.");
    claim(near(residual_dx, std::pow(1 + a, 24), 1e-12),
          "Through 24 residual blocks dx is 1.1^24.");
}

// ---- 3. A plain stack does not learn
//
// Now with rows of 16 numbers and feed-forward networks without biases. The task is small: 64
// random rows, and for each a row that it is to become. The weights begin with the standard
// deviation $1/2 * 1 / sqrt(c)$, where c is the number of columns that they read. That is a usual
// size: PyTorch's linear layers begin with $0.58 / sqrt(c)$. A block with such weights shrinks
// what passes it. The loss is the mean squared error, and 200 steps of Adam (lesson 8) train it.
//
// The table shows, before training, |dx|: the length of the gradient at the first block's entry,
// as a part of the length at the exit. In its last two rows the weights are twice as large.
struct Trained {
    double part_of_gradient, first_loss, last_loss;
};

struct Net {
    bool residual;
    std::vector<Parameter<double>> W1, W2;

    Net(std::size_t blocks, bool with_residual, double size, std::uint64_t seed)
        : residual(with_residual) {
        for (std::uint32_t i = 0; i < blocks; ++i) {
            W1.emplace_back(
                "W1", normal<double>(Random(seed, "W1", i), {32, 16}, size / std::sqrt(16.0)));
            W2.emplace_back(
                "W2", normal<double>(Random(seed, "W2", i), {16, 32}, size / std::sqrt(32.0)));
        }
    }
    Var<double> operator()(Var<double> x) const {
        for (std::size_t i = 0; i < W1.size(); ++i) {
            const Var<double> up = matmul(x, W1[i], {.transpose_b = true});
            const Var<double> f = matmul(gelu(up), W2[i], {.transpose_b = true});
            x = residual ? x + f : f;
        }
        return x;
    }
};

static Trained train(std::size_t blocks, bool residual, double size, std::uint64_t seed) {
    Net net(blocks, residual, size, seed);
    nn::Parameters<double> parameters;
    for (Parameter<double>& W : net.W1) parameters.push_back(&W);
    for (Parameter<double>& W : net.W2) parameters.push_back(&W);
    nn::Adam<double> adam(parameters);
    const Parameter<double> x("x", normal<double>(Random(seed, "x"), {64, 16}));
    const Array<double> turn = normal<double>(Random(seed, "turn"), {16, 16}, 0.25);
    const Array<double> wanted = tanh(matmul<double>(x.value(), turn)).value();
    Trained seen{};
    for (int step = 0; step <= 200; ++step) {
        Tape<double> tape;
        const Var<double> y = net(x);
        const Var<double> error = y - wanted;
        const Var<double> loss = mean(error * error);
        seen.last_loss = loss.item();
        tape.backward(loss, Keep::everything);
        if (step == 0) {
            const NoGrad<double> values;
            const double exit = norm<double>(tape.gradient(y)).item();
            seen = {norm<double>(x.gradient()).item() / exit, loss.item(), loss.item()};
        }
        adam.step(0.003);
    }
    return seen;
}

static void a_plain_stack() {
    section("3. A plain stack does not learn");
    Table table({"stack", "blocks", "seed", "|dx|", "loss before", "loss after"});
    double plain_gradient = 0;
    double plain_gain = 0;
    double residual_gradient = 1e9;
    double residual_loss = 0;
    for (const bool residual : {false, true})
        for (const std::size_t blocks : {2u, 24u})
            for (const std::uint64_t seed : {1u, 2u, 3u}) {
                const Trained seen = train(blocks, residual, 0.5, seed);
                table.row(std::string(residual ? "residual" : "plain"), blocks, seed,
                          seen.part_of_gradient, seen.first_loss, seen.last_loss);
                if (blocks < 24) continue;
                if (residual) {
                    residual_gradient = std::min(residual_gradient, seen.part_of_gradient);
                    residual_loss = std::max(residual_loss, seen.last_loss);
                } else {
                    plain_gradient = std::max(plain_gradient, seen.part_of_gradient);
                    plain_gain = std::max(plain_gain, seen.first_loss - seen.last_loss);
                }
            }
    const Trained plain_large = train(24, false, 1, 1);
    const Trained large = train(24, true, 1, 1);
    table.row("plain, large weights", 24, 1, plain_large.part_of_gradient, plain_large.first_loss,
              plain_large.last_loss);
    table.row("residual, large weights", 24, 1, large.part_of_gradient, large.first_loss,
              large.last_loss);
    table.print();
    claim(below(plain_gradient, 1e-12),
          "Through 24 plain blocks less than 10^-12 of the gradient comes back, in every seed.");
    claim(below(plain_gain, 1e-3),
          "The plain stack of 24 learns nothing in 200 steps, in every seed.");
    claim(
        above(plain_large.last_loss, 0.1),
        "With weights twice as large the plain stack of 24 ends above a loss of 0.1 all the same.");
    claim(above(residual_gradient, 1),
          "Through 24 residual blocks all of the gradient comes back, and more.");
    claim(below(residual_loss, 0.01),
          "The residual stack of 24 learns the task, to a loss below 0.01 in every seed.");
    claim(above(large.first_loss, 100),
          "With weights twice as large the residual stream grows out of bounds: the loss begins "
          "above 100.");
}

// ---- 4. Where the norm stands: before f or after the sum
//
// The last row shows the price of the plus sign. Each block adds to the stream, so the stream
// grows, and how much depends on the weights. LayerNorm keeps it in bounds. It can stand in two
// places:
//
// ```
//     pre-norm: x + f(norm(x))         post-norm: norm(x + f(x))
//
//          x -------.                       x -------.
//          |        |                       |        |
//         norm      |                       f        |
//          |        |                       |        |
//          f        |                       + <------'
//          |        |                       |
//          + <------'                      norm
//          |                                |
//          y                                y
// ```
//
// The original transformer (Vaswani et al., arXiv 1706.03762) is post-norm, many later ones are
// pre-norm (Xiong et al., arXiv 2002.04745). In a *pre-norm* block the way of the plus sign passes
// nothing but plus signs: the stream is never scaled. It may grow, but each f reads a normalised
// copy of it, and one more norm stands at the very end. In a *post-norm* block the stream itself
// passes a norm each time. Forward it cannot grow. Backward each norm multiplies the gradient by
// its r, one over the standard deviation of $x + f(x)$ (lesson 16). The sum of two rows of about
// variance 1 varies more than either, so r is below 1, and it is so in each block.
//
// The program measures |dx| at the entry of each of 24 blocks, as a multiple of |dx| at the top,
// in six ways. "Stream alone" lets the gradient pass the plus signs and norms but no f. "All" is
// the true gradient. "All, bias 1" gives each f a random bias $b_2$ of deviation 1, so that it
// adds something that does not depend on x. taper has both kinds:
// `nn::Config{.norm = nn::Norm::pre}` is the default, and `nn::Norm::post` the other
// (`nn/layers/encoder.cpp`).
enum class Where { before_f, after_sum };

// The norm of lesson 16, with gain 1 and bias 0 as in a new model.
static Var<double> layer_norm_of(const Var<double>& x) {
    const Shape d{x.shape().back()};
    return layer_norm<double>(x, full<double>(d, 1), zeros<double>(d));
}

// A stack of L blocks, d = 32, and what comes back through it from a random cotangent at its top.
struct Stack {
    static constexpr std::size_t d = 32, hidden = 64, rows = 64;
    Where where;
    std::size_t L;
    double bias = 0;            // the deviation of b2; 0 in a new model
    bool stream_alone = false;  // for each f its input is a constant: no gradient passes f

    Var<double> f(const Var<double>& z, const Parameter<double>& W2, std::uint32_t block) const {
        const Array<double> W1 = random("W1", {hidden, d}, 1 / std::sqrt(32.0), block);
        const Array<double> b2 = random("b", {d}, bias, block);
        return feed_forward<double>(stream_alone ? z.detach() : z, W1, zeros<double>({hidden}), W2,
                                    b2);
    }

    struct Gradients {
        std::vector<double> dx;  // at the entry of block 0, ..., L - 1, and at the exit; exit: 1
        double dW2;              // of the last block
    };
    Gradients gradients() const {
        const Parameter<double> input("x", random("x", {rows, d}));
        std::vector<Parameter<double>> W2;
        for (std::uint32_t i = 0; i < L; ++i)
            W2.emplace_back("W2", random("W2", {d, hidden}, 1 / std::sqrt(64.0), i));
        Tape<double> tape;
        std::vector<Var<double>> x{input};
        for (std::uint32_t i = 0; i < L; ++i) {
            if (where == Where::before_f) x.push_back(x[i] + f(layer_norm_of(x[i]), W2[i], i));
            else x.push_back(layer_norm_of(x[i] + f(x[i], W2[i], i)));
        }
        const Var<double> y = where == Where::before_f ? layer_norm_of(x[L]) : x[L];
        tape.backward(y, random("dy", {rows, d}), Keep::everything);
        const NoGrad<double> values;
        Gradients result{{}, norm<double>(W2.back().gradient()).item()};
        const double exit = norm<double>(tape.gradient(x[L])).item();
        for (const Var<double>& entry : x)
            result.dx.push_back(norm<double>(tape.gradient(entry)).item() / exit);
        return result;
    }
};

static void print_by_depth(const std::string& name, const std::vector<double>& stream,
                           const std::vector<double>& all, const std::vector<double>& with_bias) {
    std::cout << "  " << name
              << ": |dx| at the entry of a block, as a multiple of |dx| at the top.\n";
    Table table({"block", "stream alone", "all", "all, bias 1"}, 3);
    const std::size_t L = stream.size() - 1;
    for (std::size_t i = 0; i <= L; i += 4)
        table.row(i == L ? "the top" : std::to_string(i), stream[i], all[i], with_bias[i]);
    table.print();
}

static void by_depth() {
    section("4. Where the norm stands: before f or after the sum");
    const std::size_t L = 24;
    const std::vector<double> post_stream = Stack{Where::after_sum, L, 0, true}.gradients().dx;
    const std::vector<double> post_all = Stack{Where::after_sum, L}.gradients().dx;
    const std::vector<double> post_bias = Stack{Where::after_sum, L, 1}.gradients().dx;
    const std::vector<double> pre_stream = Stack{Where::before_f, L, 0, true}.gradients().dx;
    const std::vector<double> pre_all = Stack{Where::before_f, L}.gradients().dx;
    const std::vector<double> pre_bias = Stack{Where::before_f, L, 1}.gradients().dx;
    print_by_depth("Post-norm", post_stream, post_all, post_bias);
    print_by_depth("Pre-norm", pre_stream, pre_all, pre_bias);
    double stream_error = 0;
    double largest_ratio = 0;  // of a block's dx to the one above
    double least_all = 1;
    double most_all = 1;
    double least_pre = 1;
    double most_pre = 1;
    for (std::size_t i = 0; i < L; ++i) {
        stream_error = larger(stream_error, std::abs(pre_stream[i] - 1));
        largest_ratio = std::max(largest_ratio, post_stream[i] / post_stream[i + 1]);
        least_all = std::min(least_all, post_all[i]);
        most_all = std::max(most_all, post_all[i]);
        least_pre = std::min({least_pre, pre_all[i], pre_bias[i]});
        most_pre = std::max({most_pre, pre_all[i], pre_bias[i]});
    }
    claim(
        near(stream_error, 0, 0),
        "Pre-norm: by the stream alone the gradient comes back to every block as it was, exactly.");
    claim(below(largest_ratio, 1) && below(post_stream[0], 0.05),
          "Post-norm: by the stream alone less comes back from block to block, and below 0.05 to "
          "block 0.");
    claim(above(least_all, 0.5) && below(most_all, 2),
          "Post-norm: in a new stack the f bring back what the stream loses; the gradient stays "
          "between 0.5 and 2.");
    claim(below(post_bias[0], 0.02),
          "Post-norm: with biases, which the norms divide by too, less than 0.02 comes back to "
          "block 0.");
    claim(above(least_pre, 0.9) && below(most_pre, 6),
          "Pre-norm: with biases or without, between 0.9 and 6 times the gradient comes back to "
          "every block.");
}

// ---- 5. What each costs
//
// So why is post-norm not simply worse? Look at the gradient of a weight near the top, $W_2$ of
// the last block, in stacks of 6, 24 and 96 blocks. Post-norm has about the same there at any
// depth: the last block's output counts fully, however many stand below. A first step of a large
// learning rate then changes the function a lot, which is the reason that Xiong et al. (Theorem 1)
// give why post-norm needs a *warm-up*, a learning rate that grows from 0. In a pre-norm stack the
// stream has grown by the time it reaches the last norm, about as $sqrt(L)$: L independent parts
// whose variances add up (lesson 14). The norm divides by that, and so the gradients of the upper
// blocks are smaller the deeper the stack is: training is calmer, and each upper block counts for
// less.
static void costs() {
    section("5. What each costs");
    Table table({"blocks", "post-norm: |dW2| of the last", "pre-norm: |dW2| of the last"}, 3);
    std::vector<double> post;
    std::vector<double> pre;
    for (const std::size_t L : {6u, 24u, 96u}) {
        post.push_back(Stack{Where::after_sum, L}.gradients().dW2);
        pre.push_back(Stack{Where::before_f, L}.gradients().dW2);
        table.row(L, post.back(), pre.back());
    }
    table.print();
    claim(above(post[1], 0.6 * post[0]) && above(post[2], 0.6 * post[0]),
          "Post-norm: the gradient of the last block does not shrink with depth.");
    // As 1 / sqrt(L) it would be halved.
    claim(between(pre[1] / pre[0], 0.4, 0.7) && between(pre[2] / pre[1], 0.4, 0.7),
          "Pre-norm: four times as many blocks about halve the gradient of the last, as 1 / "
          "sqrt(L) does.");
}

// ---- 6. One block on the tape
//
// With `--page FILE` the program writes the page of one pre-norm block, with 3 positions and d =
// 4. See there how the cotangent of the sum comes back twice: unchanged to x by the plus sign, and
// through f and the norm. The two are added where x was first used.
static void one_block(const lessons::Page& page) {
    section("6. One block on the tape");
    const Parameter<double> x("x", random("x", {3, 4}));
    const Parameter<double> W1("W1", random("W1", {8, 4}, 0.5));
    const Parameter<double> W2("W2", random("W2", {4, 8}, 0.5));
    Tape<double> tape;
    const Var<double> z = layer_norm_of(x);
    const Var<double> f = feed_forward<double>(z, W1, zeros<double>({8}), W2, zeros<double>({4}));
    const Var<double> y = x + f;
    const Array<double> dy = random("dy", {3, 4});
    tape.backward(y, dy, Keep::everything);

    const Parameter<double> branch("x", x.value());
    Tape<double> other_tape;
    other_tape.backward(
        feed_forward<double>(layer_norm_of(branch), W1, zeros<double>({8}), W2, zeros<double>({4})),
        dy);
    const Array<double> through_f = branch.gradient();
    const NoGrad<double> values;
    std::cout << "  The length of dy is " << norm<double>(dy).item()
              << ", of what comes through f and the norm " << norm<double>(through_f).item()
              << ", and of dx " << norm<double>(x.gradient()).item() << ".\n";
    claim(near(apart(tape.gradient(f), dy), 0, 0), "The cotangent of the sum reaches f unchanged.");
    claim(below(apart(x.gradient(), dy + through_f), 1e-14),
          "dx is dy, by the plus sign, and what comes back through f and the norm, added to it.");
    page.show(tape, "one pre-norm block");
}

int main(int argc, char** argv) {
    const lessons::Page page(argc, argv);
    the_feed_forward_network();
    one_plus_sign();
    a_plain_stack();
    by_depth();
    costs();
    one_block(page);
}

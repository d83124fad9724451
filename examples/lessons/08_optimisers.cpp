// Lesson 8. Optimisers: from a gradient to a step
//
// Backpropagation says how the loss changes with every weight. An *optimiser* makes a step of it:
// it says in which direction, and how far, each weight moves. This lesson goes from the plainest
// one, gradient descent, to the one that trains language models, Adam with weight decay, a schedule
// and clipping. They are written by hand in a few lines and then held against taper's own classes.
//
// After lessons 1 to 7. About 45 minutes.
//
// Run it: build/release/bin/08_optimisers [--page FILE]
#include <cmath>
#include <numbers>

#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"
#include "nn/optim/sgd.hpp"

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

// ---- 1. A loss is a landscape
//
// Training looks for the weights at which one number, the *loss*, is lowest. With two weights one
// can picture it: the weights are a place on a map, the loss is the height there. Ours is a valley,
// flat along $w_0$ and steep along $w_1$:
//
//     f(w) = (c_0 w_0^2 + c_1 w_1^2) / 2
//     (del f) / (del w_i) = c_i w_i
//
// with $c_0 = 1$ and $c_1 = 25$. The lowest point is $w = 0$. The second derivative along a weight,
// here $c_i$, is called the *curvature*. A network has millions of weights, and nobody knows its
// lowest point; but near such a point every smooth loss looks like this one, seen along suitable
// directions: its Taylor series has no linear part there, and begins with the squares.
//
// Now take a short step $s$ from $w$. With $g$ for the gradient, the Taylor series says
//
//     f(w + s) - f(w) = sum_i g_i s_i + ...
//
// where the dots stand for terms with products of two and more entries of $s$, which are small when
// $s$ is. The sum is the product of the lengths of $g$ and $s$ and of the cosine of the angle
// between them. So among all steps of one length the one straight against the gradient falls most.
// This is *gradient descent* (Cauchy 1847), which lesson 1 ends with. From here on an arrow gives a
// weight its next value:
//
//     w <- w - lr g
//
// The factor $lr$ is the *learning rate*, $r$ in lesson 1. With $s = -lr g$ the sum above is
// $-lr |g|^2$: so much the loss falls, as long as the rate is small.
static const Array<double> curvatures{1, 25};
static const Array<double> start{10, 2};

static Var<double> valley(const Var<double>& w) { return 0.5 * sum(curvatures * w * w); }

static double length(const Array<double>& x) { return norm<double>(x).item(); }

static void a_landscape() {
    section("1. A loss is a landscape");
    Parameter<double> w("w", start);
    Tape<double> tape;
    const Var<double> loss = valley(w);
    tape.backward(loss);
    const Array<double> g = w.gradient();
    claim(near(loss.item(), 100, 1e-13) && near(g(0), 10, 1e-14) && near(g(1), 50, 1e-14),
          "At w = (10, 2) the loss is (1 * 100 + 25 * 4) / 2 = 100 and the gradient (10, 50).");

    Table directions({"degrees from -g", "fall / (|s| |g|)", "cosine"});
    double worst = 0;
    for (const int degrees : {0, 45, 80, 100, 135, 180}) {
        const double angle = degrees * std::numbers::pi / 180;
        const double c = std::cos(angle);
        const double s = std::sin(angle);
        const Array<double> turned{c * g(0) - s * g(1), s * g(0) + c * g(1)};
        const Array<double> step = -1e-6 * turned;
        const double fall = loss.item() - valley(Array<double>(start + step)).item();
        const double relative = fall / (length(step) * length(g));
        directions.row(degrees, relative, c);
        worst = larger(worst, std::abs(relative - c));
    }
    directions.print();
    claim(below(worst, 1e-4),
          "The fall of a short step goes with the cosine of its angle to -g: most at 0 degrees.");

    Table rates({"lr", "w_0", "w_1", "loss after the step", "fall", "lr |g|^2"});
    double ratio = 0;
    for (const double lr : {0.01, 0.001, 0.0001}) {
        const Array<double> next = start - lr * g;
        const double after = valley(next).item();
        const double expected = lr * length(g) * length(g);
        rates.row(lr, next(0), next(1), after, loss.item() - after, expected);
        ratio = (loss.item() - after) / expected;
    }
    rates.print();
    claim(near(ratio, 1, 2e-3),
          "At the rate 0.0001 the loss falls by lr |g|^2, to two thousandths of it.");
}

// ---- 2. How large a step?
//
// The larger the rate, the faster, one would think. Take one weight with curvature $c$, so that its
// gradient is $c w$. A step is
//
//     w <- w - lr c w = (1 - lr c) w
//
// Each step multiplies the weight by the same number, $1 - lr c$. This shrinks it if that number
// lies between $-1$ and $1$, which is so if $lr c$ lies between 0 and 2:
//
// - below 1 the weight comes nearer from its own side, slowly if the rate is small;
// - at 1 it lands on the lowest point in one step;
// - between 1 and 2 it jumps over the point, each time to a place less far than before;
// - at 2 it jumps from side to side for ever;
// - above 2 each jump lands farther away: training *diverges*.
//
// So the curvature sets a hard limit, $lr < 2 / c$. A loss that suddenly grows without bound is
// most often a rate above it.
static void how_large_a_step() {
    section("2. How large a step?");
    const double c = 25;
    std::cout << "A weight of 1, after some steps:\n";
    Table table({"lr c", "1 - lr c", "after 1 step", "after 2", "after 3", "after 50"});
    std::vector<double> first, last;
    for (const double lr_c : {0.1, 0.5, 1.0, 1.5, 1.9, 2.0, 2.1}) {
        const double lr = lr_c / c;
        std::vector<double> w{1};
        for (int step = 0; step < 50; ++step) w.push_back(w.back() - lr * c * w.back());
        table.row(lr_c, 1 - lr_c, w[1], w[2], w[3], w[50]);
        first.push_back(w[1]);
        last.push_back(w[50]);
    }
    table.print();
    claim(near(first[2], 0, 1e-15), "With lr = 1 / c the first step reaches the lowest point.");
    claim(near(last[0], std::pow(0.9, 50), 1e-15) && near(last[4], std::pow(-0.9, 50), 1e-12),
          "50 steps with lr c = 0.1 leave 0.9^50 of the weight, and so do 50 with lr c = 1.9.");
    claim(near(last[5], 1, 1e-12), "With lr = 2 / c the weight jumps to and fro and stays at 1.");
    claim(above(last[6], 100),
          "With lr = 2.1 / c the weight has grown a hundredfold after 50 steps: it diverges.");
}

// ---- 3. A stretched valley
//
// With two weights the rate must be right for both. The steep direction sets the limit, here
// $lr < 2 / 25$. The flat one has to live with it: its weight shrinks by $1 - lr$ in a step, at
// best by about $0.92$. The path shows both: it jumps from wall to wall of the valley, while it
// creeps along its floor.
//
// The best rate is the one at which both factors are equally large, $1 - lr c_0 = lr c_1 - 1$:
//
//     lr = 2 / (c_0 + c_1),    1 - lr c_0 = (kappa - 1) / (kappa + 1),    kappa = c_1 / c_0
//
// The number $kappa$ is called the *condition number*: how many times longer than wide the valley
// is, squared. With $kappa = 25$ a step leaves $24 / 26$ of the way. In networks the curvatures
// differ far more: most are near 0 and a few are large (Sagun et al., arXiv 1611.07476). Sections 4
// to 6 are about getting along faster than this.
struct GradientDescent {
    double lr;

    void step(Array<double>& w, const Array<double>& g) { w -= lr * g; }
};

// The places from the start on.
using Loss = Var<double> (*)(const Var<double>& w);
template <class Optimiser>
static std::vector<Array<double>> walk(Optimiser optimiser, std::size_t steps, Loss f = valley,
                                       const Array<double>& from = start) {
    Parameter<double> w("w", from);
    std::vector<Array<double>> path{from};
    for (std::size_t i = 0; i < steps; ++i) {
        Tape<double> tape;
        tape.backward(f(w));
        optimiser.step(w.mutable_value(), w.gradient());
        w.clear_gradient();
        path.push_back(w.value());
    }
    return path;
}

// The first place from which on all are nearer than a thousandth of the way.
static std::size_t steps_needed(const std::vector<Array<double>>& path) {
    std::size_t needed = path.size();
    while (needed > 0 && length(path[needed - 1]) < 1e-3 * length(start)) --needed;
    return needed;
}

static void draw(const std::vector<Array<double>>& path);  // a map, below

static void a_stretched_valley() {
    section("3. A stretched valley");
    std::cout << "The first ten places of gradient descent with lr = 0.075 in the valley,\n"
                 "w_0 to the right, w_1 upward, the lowest point +:\n";
    draw(walk(GradientDescent{0.075}, 9));

    Table table({"lr", "1 - lr c_0", "1 - lr c_1", "steps to a thousandth"});
    const double best = 2.0 / 26;
    std::vector<std::size_t> needed;
    for (const double lr : {0.01, 0.04, best, 0.079}) {
        needed.push_back(steps_needed(walk(GradientDescent{lr}, 2000)));
        table.row(lr, 1 - lr, 1 - 25 * lr, needed.back());
    }
    table.print();
    claim(
        equal(needed[2], static_cast<std::size_t>(std::ceil(std::log(1e-3) / std::log(24. / 26)))),
        "The rate 2 / 26 needs the 87 steps after which (24 / 26)^steps is below a thousandth.");
    claim(above(static_cast<double>(std::min({needed[0], needed[1], needed[3]})),
                static_cast<double>(needed[2])),
          "The rates 0.01, 0.04 and 0.079 need more steps than 2 / 26.");
    claim(above(length(walk(GradientDescent{0.081}, 200).back()), length(start)),
          "With lr = 0.081, above 2 / 25, gradient descent is farther off after 200 steps than at "
          "the start.");
}

// ---- 4. Momentum
//
// From wall to wall the gradient changes its sign; along the floor it keeps it. So let us add up
// the gradients, and forget old ones slowly: what changes its sign cancels, what keeps it grows.
// This is *momentum*, from the picture of a heavy ball (Polyak 1964). With $mu$ between 0 and 1:
//
//     v <- mu v + g
//     w <- w - lr v
//
// The sum $v$ is called the *velocity*. Where the gradient is the same in each step, $v$ is
// $g (1 + mu + mu^2 + ...)$, which goes to $g / (1 - mu)$: with $mu = 0.9$ ten times as far.
//
// How fast is it in the valley? Along one weight $g = c w$, and two steps together give a rule for
// $w$ alone. From $w' = w - lr v'$ and $v' = mu v + c w$, where $v = (w_(old) - w) / (lr)$:
//
//     w' = (1 + mu - lr c) w - mu w_(old)
//
// Try $w = z^t$: then $z^2 = (1 + mu - lr c) z - mu$. The product of the two roots is $mu$. Where
// they are complex, they are conjugate, and each has the absolute value $sqrt(mu)$, whatever $c$
// is. They are so for every $lr c$ between $(1 - sqrt(mu))^2$ and $(1 + sqrt(mu))^2$. So steep and
// flat directions shrink alike, and the best choice puts $c_0$ and $c_1$ at the two ends:
//
//     sqrt(mu) = (sqrt(kappa) - 1) / (sqrt(kappa) + 1),    lr = (1 + sqrt(mu))^2 / c_1
//
// The condition number stands under a root: instead of $24 / 26$ a step leaves about $4 / 6$. The
// rate is $1 / 9$, more than gradient descent can bear.
//
// In taper this is `nn::Sgd` (stochastic gradient descent; section 8 says why stochastic).
struct Momentum {
    double lr, momentum;
    Array<double> v = zeros<double>({2});

    void step(Array<double>& w, const Array<double>& g) {
        v = momentum * v + g;
        w -= lr * v;
    }
};

// The same walk with an optimiser of taper's, which clears the gradient by itself.
template <class Optimiser>
static std::vector<Array<double>> walk(Optimiser& optimiser, Parameter<double>& w, double lr,
                                       std::size_t steps) {
    std::vector<Array<double>> path{w.value()};
    for (std::size_t i = 0; i < steps; ++i) {
        Tape<double> tape;
        tape.backward(valley(w));
        optimiser.step(lr);
        path.push_back(w.value());
    }
    return path;
}

static double apart_of_paths(const std::vector<Array<double>>& a,
                             const std::vector<Array<double>>& b) {
    double most = a.size() == b.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        most = larger(most, apart(a[i], b[i]));
    return most;
}

static void momentum() {
    section("4. Momentum");
    Momentum rolling{0, 0.9};
    Array<double> nowhere = start;
    for (int i = 0; i < 200; ++i) rolling.step(nowhere, Array<double>{3, -3});
    claim(near(rolling.v(0), 30, 1e-6) && near(rolling.v(1), -30, 1e-6),
          "With mu = 0.9 and a gradient that stays (3, -3), the velocity becomes (30, -30).");

    const double mu = 4.0 / 9;
    const auto path = walk(Momentum{1.0 / 9, mu}, 100);
    std::cout << "The first ten places with momentum, lr = 1/9 and mu = 4/9:\n";
    draw(path);
    Table table({"optimiser", "lr", "mu", "a step leaves", "steps to a thousandth"});
    const std::size_t without = steps_needed(walk(GradientDescent{2.0 / 26}, 200));
    const std::size_t with = steps_needed(path);
    table.row("gradient descent", 2.0 / 26, 0, 24.0 / 26, without);
    table.row("with momentum", 1.0 / 9, mu, 4.0 / 6, with);
    table.print();
    claim(below(static_cast<double>(with), static_cast<double>(without) / 3),
          "With momentum it takes less than a third of the steps of gradient descent.");
    claim(above(length(walk(GradientDescent{1.0 / 9}, 100).back()), 1e6),
          "Gradient descent with the rate 1/9, without momentum, is more than a million away after "
          "100 steps.");

    Parameter<double> w("w", start);
    nn::Sgd<double> sgd({&w}, {.momentum = mu});
    claim(below(apart_of_paths(walk(sgd, w, 1.0 / 9, 100), path), 1e-13),
          "nn::Sgd goes the same way as momentum by hand, 100 places to 13 decimals.");
}

// ---- 5. Adam, by hand
//
// Momentum has still one rate for all weights. *Adam* (Kingma and Ba, arXiv 1412.6980) gives each
// weight its own. It keeps two running means for each weight, of the gradient and of its square,
// which are called the first and the second *moment*:
//
//     m <- beta_1 m + (1 - beta_1) g
//     v <- beta_2 v + (1 - beta_2) g^2
//
// and divides the one by the root of the other:
//
//     w <- w - lr hat(m) / (sqrt(hat(v)) + epsi)
//
// The root of the mean square is the usual size of this weight's gradient. So the fraction says how
// sure the sign is: near 1 or $-1$ where the gradients agree, near 0 where they cancel. A weight
// moves by about $lr$ at most, whether its gradients are large or small. The small number $epsi$,
// $10^(-8)$, keeps a weight whose gradients were all 0 from dividing by 0.
//
// What are the hats? Both moments begin at 0, and that is a mistake that must be made good. Unroll
// the first line for a gradient that stays $g$:
//
//     m_t = (1 - beta_1) (1 + beta_1 + ... + beta_1^(t - 1)) g = (1 - beta_1^t) g
//
// The factors of a mean should sum to 1. These sum to $1 - beta_1^t$: after one step, with
// $beta_1 = 0.9$, to $0.1$. Adam divides by that sum, which is called *bias correction*:
//
//     hat(m) = m / (1 - beta_1^t),    hat(v) = v / (1 - beta_2^t)
//
// Then the first step is easy to tell: $hat(m) = g$, $hat(v) = g^2$, and the weight moves by $lr$
// against the sign of its gradient. Without the correction it would move by
// $(1 - beta_1) / sqrt(1 - beta_2)$ of that: with Adam's first choice $beta_2 = 0.999$ that is more
// than three times as far, in the very step that knows least.
//
// taper's defaults are 0.9 and 0.95: large language models are trained with 0.95 (Brown et al.,
// arXiv 2005.14165), which forgets a gradient after some 20 steps instead of 1000.
struct Adam {
    double lr;
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
    Array<double> m = zeros<double>({2}), v = zeros<double>({2});
    int t = 0;

    void step(Array<double>& w, const Array<double>& g) {
        ++t;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        const Array<double> m_hat = m / (1 - std::pow(beta1, t));
        const Array<double> v_hat = v / (1 - std::pow(beta2, t));
        w -= lr * m_hat / (xt::sqrt(v_hat) + epsilon);
    }
};

static void adam_by_hand() {
    section("5. Adam, by hand");
    Adam still{0};
    Array<double> nowhere = start;
    Table table({"t", "m of a gradient that stays 3", "1 - 0.9^t", "m / (1 - 0.9^t)"});
    double worst = 0;
    for (int t = 1; t <= 20; ++t) {
        still.step(nowhere, Array<double>{3, 3});
        const double sum_of_weights = 1 - std::pow(0.9, t);
        const double corrected = still.m(0) / sum_of_weights;
        if (t <= 3 || t % 10 == 0) table.row(t, still.m(0), sum_of_weights, corrected);
        worst = larger(worst, std::abs(corrected - 3));
    }
    table.print();
    claim(below(worst, 1e-13), "Divided by 1 - 0.9^t, the mean of a gradient that stays 3 is 3.");

    const auto path = walk(Adam{0.1}, 300);
    claim(near(path[1](0), 10 - 0.1, 1e-9) && near(path[1](1), 2 - 0.1, 1e-9),
          "Gradients of 10 and of 50: the first step of Adam moves both weights by the rate, 0.1.");
    Adam uncorrected{0.1, 0.9, 0.999};
    uncorrected.t = 100000;  // both corrections are 1 then
    Array<double> w = start;
    uncorrected.step(w, curvatures * start);
    claim(
        near((10 - w(0)) / 0.1, std::sqrt(10), 1e-6),
        "Without bias correction, with beta_2 = 0.999, the first step is sqrt(10) = 3.16 times the "
        "rate.");

    Parameter<double> weights("w", start);
    nn::Adam<double> adam({&weights});
    claim(below(apart_of_paths(walk(adam, weights, 0.1, 300), path), 1e-13),
          "nn::Adam goes the same way as Adam by hand, 300 places to 13 decimals.");
}

// ---- 6. What Adam does not see
//
// Multiply the loss by 1000. Every gradient is 1000 times as large, $m$ too, $v$ a million times
// and its root 1000 times: the fraction is what it was. Adam does not see the scale of a loss, nor
// does it matter whether the loss of a batch is a mean or a sum.
//
// The same holds for each weight by itself. Our valley is two losses side by side, one for each
// weight, at different scales. So Adam walks through the valley as if it were a round bowl: it does
// not see a condition number that lies along the weights' own axes.
//
// Only along those. Turn the valley by 45 degrees, and every gradient is a mixture of both
// directions: then Adam sees two weights of the same scale, and the valley is stretched for it as
// for everyone. Gradient descent does not mind the turn.
static Var<double> steep(const Var<double>& w) { return 1000.0 * valley(w); }
static Var<double> bowl(const Var<double>& w) { return 0.5 * sum(w * w); }
static Var<double> diagonal_valley(const Var<double>& w) {
    const double c = std::sqrt(0.5);
    const Var<double> turned = matmul<double>(Array<double>{{c, c}, {-c, c}}, reshape(w, {2, 1}));
    return valley(reshape(turned, {2}));
}

static void what_adam_does_not_see() {
    section("6. What Adam does not see");
    Table steps({"loss", "first step of gradient descent", "first step of Adam"});
    const auto first = [](const std::vector<Array<double>>& path) {
        return length(path[1] - path[0]);
    };
    const double plain = first(walk(GradientDescent{0.01}, 1));
    const double scaled = first(walk(GradientDescent{0.01}, 1, steep));
    const auto path = walk(Adam{0.05}, 300);
    const auto path_scaled = walk(Adam{0.05}, 300, steep);
    steps.row("the valley", plain, first(path));
    steps.row("1000 times the valley", scaled, first(path_scaled));
    steps.print();
    claim(near(scaled / plain, 1000, 1e-9),
          "On 1000 times the loss gradient descent makes a step 1000 times as long.");
    claim(below(apart_of_paths(path, path_scaled), 1e-6),
          "The 300 places of Adam are the same for both losses, to six decimals.");
    claim(below(apart_of_paths(path, walk(Adam{0.05}, 300, bowl)), 1e-6),
          "The 300 places of Adam in a round bowl are those in the valley, to six decimals.");

    // The start is turned with the valley.
    const double c = std::sqrt(0.5);
    const Array<double> there{c * (start(0) - start(1)), c * (start(0) + start(1))};
    const auto descent = walk(GradientDescent{2.0 / 26}, 600);
    const auto descent_turned = walk(GradientDescent{2.0 / 26}, 600, diagonal_valley, there);
    const auto straight = walk(Adam{0.05}, 600);
    const auto path_turned = walk(Adam{0.05}, 600, diagonal_valley, there);
    Table turn({"steps to a thousandth", "valley along the axes", "turned by 45 degrees"});
    turn.row("gradient descent", steps_needed(descent), steps_needed(descent_turned));
    turn.row("Adam", steps_needed(straight), steps_needed(path_turned));
    turn.print();
    claim(equal(steps_needed(descent_turned), steps_needed(descent)),
          "Gradient descent needs as many steps in the turned valley.");
    claim(above(static_cast<double>(steps_needed(path_turned)),
                static_cast<double>(steps_needed(straight))),
          "Adam needs more in the turned valley than along the axes.");
}

// ---- 7. Weight decay, beside the gradient
//
// Large weights make a model steep and sure of itself, and often of what it has merely learned by
// heart. *Weight decay* takes a small share of each weight away at every step, so that one stays
// large only if the loss asks for it again and again. Two ways look alike:
//
// - a penalty in the loss, $lambda / 2 |w|^2$, which adds $lambda w$ to the gradient;
// - the decay beside the gradient, *decoupled* from it: $w <- w - lr lambda w$.
//
// For gradient descent they are the same. For Adam they are not: it divides whatever is in the
// gradient by its usual size. A weight with large gradients then hardly decays, and one with small
// gradients is moved by $lr$ toward 0, whatever $lambda$ is. With the decoupled decay every weight
// keeps the share $1 - lr lambda$ (AdamW: Loshchilov and Hutter, arXiv 1711.05101):
//
//     w <- w - lr hat(m) / (sqrt(hat(v)) + epsi) - lr lambda w
//
// The table has two weights whose gradients change their sign in each step, so that only the decay
// can move them far: one has gradients of 100 and $-100$, one of $0.0001$ and $-0.0001$. Both begin
// at 1.
//
// `nn::Adam` and `nn::Sgd` decay decoupled, and only what has two axes or more: matrices, and the
// tables of lesson 13. Biases and the gains of lesson 16 they leave alone: a gain belongs near 1,
// not near 0.
static const Array<double> sizes{100, 1e-4};  // of the gradients

static void weight_decay() {
    section("7. Weight decay, beside the gradient");
    const double lr = 0.01, lambda = 0.1;
    Adam none{lr}, in_the_loss{lr}, beside{lr};
    Array<double> w_none{1, 1}, w_penalty{1, 1}, w_decoupled{1, 1};
    Parameter<double> weights("weights", full<double>({2, 1}, 1));
    nn::Adam<double> adam({&weights}, {.weight_decay = lambda});
    for (int step = 0; step < 300; ++step) {
        const Array<double> g = (step % 2 == 0 ? 1 : -1) * sizes;
        none.step(w_none, g);
        in_the_loss.step(w_penalty, g + lambda * w_penalty);
        w_decoupled *= 1 - lr * lambda;
        beside.step(w_decoupled, g);

        Tape<double> tape;
        tape.backward(sum(reshape(weights, {2}) * g));
        adam.step(lr);
    }
    Table table({"after 300 steps", "gradients of 100", "gradients of 0.0001"});
    table.row("no decay", w_none(0), w_none(1));
    table.row("penalty in the loss", w_penalty(0), w_penalty(1));
    table.row("decoupled decay", w_decoupled(0), w_decoupled(1));
    table.print();
    claim(near(w_penalty(0), w_none(0), 0.01) && below(std::abs(w_penalty(1)), 0.1),
          "The penalty has moved the weight with large gradients by less than a hundredth, and has "
          "taken nine tenths and more from the other.");
    const double left = std::pow(1 - lr * lambda, 300);
    claim(near(w_decoupled(0), left, 2 * lr) && near(w_decoupled(1), left, 2 * lr),
          "With the decoupled decay both have kept (1 - lr lambda)^300 = 0.74, give or take two "
          "steps.");
    claim(below(apart(reshaped<double>(weights.value(), {2}), w_decoupled), 1e-13),
          "nn::Adam with weight_decay has made the same weights as decay by hand, to 13 decimals.");

    Parameter<double> matrix("matrix", full<double>({1, 2}, 1));
    Parameter<double> bias("bias", full<double>({2}, 1));
    nn::Adam<double> both({&matrix, &bias}, {.weight_decay = lambda});
    Tape<double> tape;
    tape.backward(sum(matrix + bias) * 0.0);
    both.step(lr);
    claim(near(matrix.value()(0, 0), 1 - lr * lambda, 1e-15) && near(bias.value()(0), 1, 0),
          "Where gradients are 0, nn::Adam moves a matrix by its decay alone, and a bias not at "
          "all.");
}

// ---- 8. Minibatches: a gradient with noise
//
// A loss is a mean over examples, and its gradient is the mean of theirs. To read all examples for
// every step would be slow. So one draws a few at random, a *minibatch* of $B$ examples, and takes
// their mean for that of all (Robbins and Monro 1951). This is *stochastic* gradient descent. Two
// things are known of such a mean:
//
// - in the mean over many draws it is the gradient of all examples: it is wrong, but on no side;
// - its *standard deviation*, the root of its mean squared distance from that, is $1 / sqrt(B)$ of
//   the standard deviation of one example's. Four times the examples halve the noise.
//
// The mean of 1000 draws should be off by $1 / sqrt(1000)$ of one draw's deviation. Here are 1024
// points near the line $y = 2 x - 1$, and the loss is the mean squared error of a line with the
// slope $w_0$ and the height $w_1$, as lesson 7 has it.
struct Examples {
    Array<double> x, y;  // (B, 2): an abscissa and a 1; (B, 1)
};

static Examples all_examples() {
    const std::size_t N = 1024;
    const Random abscissa(1, "x"), noise(1, "noise");
    Examples all{full<double>({N, 2}, 1), empty<double>({N, 1})};
    for (std::size_t i = 0; i < N; ++i) {
        all.x(i, 0) = abscissa.normal(i);
        all.y(i, 0) = 2 * all.x(i, 0) - 1 + 0.5 * noise.normal(i);
    }
    return all;
}

// B of them, drawn by a number: with the same number the same ones.
static Examples drawn(const Examples& all, std::size_t B, std::uint32_t number) {
    const Random draw(1, "minibatch", number);
    Examples some{empty<double>({B, 2}), empty<double>({B, 1})};
    for (std::size_t i = 0; i < B; ++i) {
        const std::size_t from = draw.below(i, all.x.shape(0));
        for (const std::size_t column : {0u, 1u}) some.x(i, column) = all.x(from, column);
        some.y(i, 0) = all.y(from, 0);
    }
    return some;
}

static Var<double> squared_error(const Var<double>& w, const Examples& examples) {
    const Var<double> error = matmul<double>(examples.x, w) - examples.y;
    return mean(error * error);
}

static Array<double> gradient_at(const Array<double>& at, const Examples& examples) {
    Parameter<double> w("w", at);
    Tape<double> tape;
    tape.backward(squared_error(w, examples));
    return w.gradient();
}

static void minibatches() {
    section("8. Minibatches: a gradient with noise");
    const Examples all = all_examples();
    const Array<double> at = zeros<double>({2, 1});
    const Array<double> right = gradient_at(at, all);
    const std::uint32_t draws = 1000;
    Table table({"B", "standard deviation", "times sqrt(B)", "mean of 1000: off by", "expected"});
    std::vector<double> deviations, off;
    for (const std::size_t B : {1u, 4u, 16u, 64u}) {
        double squares = 0;
        Array<double> total = zeros<double>({2, 1});
        for (std::uint32_t number = 0; number < draws; ++number) {
            const Array<double> error = gradient_at(at, drawn(all, B, number)) - right;
            squares += length(error) * length(error);
            total += error;
        }
        deviations.push_back(std::sqrt(squares / draws));
        off.push_back(length(total) / draws);
        const double root = std::sqrt(static_cast<double>(B));
        table.row(B, deviations.back(), root * deviations.back(), off.back(),
                  deviations.back() / std::sqrt(1000));
    }
    table.print();
    claim(below(off[0], 3 * deviations[0] / std::sqrt(1000)) &&
              below(off[3], 3 * deviations[3] / std::sqrt(1000)),
          "The mean of 1000 draws of 1 or of 64 is the gradient of all, within three times what is "
          "to be expected.");
    claim(
        near(deviations[0] / deviations[2], 4, 0.4) && near(deviations[1] / deviations[3], 4, 0.4),
        "Sixteen times the examples have a fourth of the noise, to a tenth of it.");
}

// ---- 9. A schedule: warm-up, and a cosine
//
// With noise a constant rate does not arrive. Near the lowest point the true gradient is small and
// the noise is not: each step goes some way in a random direction, and the weights hover at a
// distance that goes with the rate. A small rate hovers nearer, and takes long to get there. So the
// rate should be large at first and small at last: that is a *schedule*. `nn::Schedule` has one of
// a kind that language models are trained with:
//
//     lr_t = lr t / warmup                                         (t < warmup)
//     lr_t = lr (0.1 + 0.9 (1 + cos(pi (t - warmup) / (steps - warmup))) / 2)     (t >= warmup)
//
// - *Warm-up*: from the first step on it rises in a straight line (Goyal et al., arXiv 1706.02677).
//   In the first steps the moments of Adam are means of very few gradients, and the weights are
//   random: a full step then goes far in the direction of one minibatch's noise.
// - *Cosine*: then it falls as half a cosine (Loshchilov and Hutter, arXiv 1608.03983), slowly at
//   first, fast in the middle, slowly again at last, and here down to a tenth of the largest rate.
//
// The second table trains the line of section 8 with Adam and minibatches of 8, each kind 20 times
// with other minibatches. The distance is that from the best line through all 1024 points.
static Array<double> best_line(const Examples& all) {
    Array<double> w = zeros<double>({2, 1});
    for (int step = 0; step < 200; ++step) w -= 0.4 * gradient_at(w, all);
    return w;
}

// The mean distance from the best line after so many steps, of 20 runs.
template <class Rate>
static double distance_after(std::uint32_t steps, const Examples& all, const Array<double>& best,
                             const Rate& rate) {
    double total = 0;
    for (std::uint32_t run = 0; run < 20; ++run) {
        Parameter<double> w("w", zeros<double>({2, 1}));
        nn::Adam<double> adam({&w});
        for (std::uint32_t step = 1; step <= steps; ++step) {
            Tape<double> tape;
            tape.backward(squared_error(w, drawn(all, 8, 1000 * run + step)));
            adam.step(rate(step));
        }
        total += length(w.value() - best);
    }
    return total / 20;
}

static void a_schedule() {
    section("9. A schedule: warm-up, and a cosine");
    const nn::Schedule schedule{.lr = 0.1, .warmup = 20, .steps = 400};
    Table rates({"step", "rate", ""});
    double worst = 0;
    for (std::uint64_t step = 1; step <= 400; ++step) {
        const double t = static_cast<double>(step);
        const double cosine = std::cos(std::numbers::pi * (t - 20) / (400 - 20));
        const double by_hand = step < 20 ? 0.1 * t / 20 : 0.1 * (0.1 + 0.9 * (1 + cosine) / 2);
        worst = larger(worst, std::abs(schedule(step) - by_hand));
        if (step == 1 || step == 10 || step == 20 || step % 40 == 0) {
            const auto bar = static_cast<std::size_t>(400 * schedule(step));
            rates.row(step, schedule(step), std::string(bar, '#'));
        }
    }
    rates.print();
    claim(below(worst, 1e-15),
          "nn::Schedule is a straight line up and then half a cosine down, at each of 400 steps.");
    claim(near(schedule(1), 0.1 / 20, 1e-15) && near(schedule(20), 0.1, 1e-15) &&
              near(schedule(400), 0.01, 1e-15),
          "The schedule begins at a twentieth of 0.1, has 0.1 at step 20, and ends at a tenth of "
          "it.");

    const Examples all = all_examples();
    const Array<double> best = best_line(all);
    const auto large = [](std::uint32_t) { return 0.1; };
    const auto small = [](std::uint32_t) { return 0.002; };
    Table table({"rate", "distance after 50 steps", "after 200", "after 400"}, 2);
    const auto distances = [&](const char* name, const auto& rate) {
        std::vector<double> of;
        for (const std::uint32_t steps : {50u, 200u, 400u})
            of.push_back(distance_after(steps, all, best, rate));
        table.row(name, of[0], of[1], of[2]);
        return of;
    };
    const auto hovering = distances("always 0.1", large);
    const auto slow = distances("always 0.002", small);
    const auto scheduled = distances("schedule up to 0.1", schedule);
    table.print();
    claim(above(hovering[2], hovering[1] / 1.5) && below(hovering[2], 1.5 * hovering[1]),
          "At a rate of 0.1 it comes no nearer between 200 and 400 steps: it hovers.");
    claim(above(slow[2], 1), "At a rate of 0.002 it is still more than 1 away after 400 steps.");
    claim(below(scheduled[2], hovering[2] / 2),
          "The schedule ends at less than half the distance of its largest rate alone.");
}

// ---- 10. A spike, and clipping
//
// One bad example can have a gradient a thousand times the usual one: a word of a foreign alphabet,
// or a table of numbers in the middle of prose. *Clipping* sets a limit to the length of the
// gradient of all weights together (Pascanu, Mikolov and Bengio, arXiv 1211.5063):
//
//     g <- g min(1, limit / |g|)
//
// The direction stays, only the length is cut. Gradients within the limit pass as they are.
//
// What a spike does depends on the optimiser. Plain gradient descent is thrown far away at once.
// Adam divides by the root of $v$, so that it is not thrown far; but the spike stays in $v$, which
// forgets a twentieth a step. Until it has, every fraction $hat(m) / sqrt(hat(v))$ is tiny, and
// training stands still. Clipping spares both.
//
// The table trains the line again. At step 30 one example of the minibatch has 1000 added to its
// $y$. `nn::Sgd` without momentum is gradient descent.
template <class Optimiser>
static std::vector<double> distances_with_spike(Optimiser& optimiser, Parameter<double>& w,
                                                double lr, double limit) {
    const Examples all = all_examples();
    const Array<double> best = best_line(all);
    std::vector<double> distances;
    for (std::uint32_t step = 1; step <= 150; ++step) {
        Examples some = drawn(all, 8, step);
        if (step == 30) some.y(0, 0) += 1000;
        Tape<double> tape;
        tape.backward(squared_error(w, some));
        nn::clip_gradients({&w}, limit);
        optimiser.step(lr);
        distances.push_back(length(w.value() - best));
    }
    return distances;
}

static void clipping() {
    section("10. A spike, and clipping");
    Parameter<double> w("w", zeros<double>({2}));
    const auto clipped = [&w](double limit) {
        w.clear_gradient();
        Tape<double> tape;
        tape.backward(sum(w * Array<double>{3, 4}));
        const double before = nn::clip_gradients({&w}, limit);
        return std::pair{before, Array<double>(w.gradient())};
    };
    const auto [length_before, cut] = clipped(1);
    claim(near(length_before, 5, 1e-14) && below(apart(cut, Array<double>{0.6, 0.8}), 1e-15),
          "clip_gradients with limit 1 makes (0.6, 0.8) of (3, 4), and returns the length 5.");
    claim(equal(apart(clipped(10).second, Array<double>{3, 4}), 0.0),
          "With limit 10 clip_gradients leaves (3, 4) as it is.");

    Table table(
        {"distance from the best line", "after 29 steps", "30, the spike", "60", "100", "150"});
    const auto run = [&table](const char* name, auto make, double lr, double limit) {
        Parameter<double> line("line", zeros<double>({2, 1}));
        auto optimiser = make(line);
        const auto d = distances_with_spike(optimiser, line, lr, limit);
        table.row(name, d[28], d[29], d[59], d[99], d[149]);
        return d;
    };
    const auto sgd = [](Parameter<double>& line) {
        return nn::Sgd<double>({&line}, {.momentum = 0});
    };
    const auto adam = [](Parameter<double>& line) { return nn::Adam<double>({&line}); };
    const auto thrown = run("gradient descent", sgd, 0.05, INFINITY);
    const auto held = run("gradient descent, clipped to 5", sgd, 0.05, 5);
    const auto deaf = run("Adam", adam, 0.03, INFINITY);
    const auto awake = run("Adam, clipped to 5", adam, 0.03, 5);
    table.print();
    claim(above(thrown[29], 20) && below(held[29] - held[28], 0.2501),
          "The spike throws gradient descent more than 20 away; clipped to 5, it is thrown no "
          "farther than lr times 5 = 0.25.");
    claim(below(std::abs(deaf[29] - deaf[28]), 0.1) && above(deaf[99], deaf[28]),
          "Adam is thrown by less than 0.1, and 70 steps later is no nearer than before the "
          "spike.");
    claim(below(awake[99], awake[28] / 4),
          "With clipping Adam has come to less than a fourth of its distance in those 70 steps.");
}

// ---- 11. The loop of all later lessons
//
// Put together, a training step has five lines: draw a minibatch, go forward on a tape, go
// backward, clip, and let the optimiser step with the rate of the schedule. Later lessons have
// other models and other losses; their loop is this one.
//
// Three more things `nn::Adam` and `nn::Sgd` do. They clear the gradients after the step, since
// gradients add up over backward passes (lesson 2). They leave alone a weight that no backward pass
// has reached, or that is frozen. And they refuse a gradient that is not finite, with an Error that
// names its parameter, before they have moved anything; lesson 25 shows how to find where it came
// from.
static void the_loop(const Page& page) {
    section("11. The loop of all later lessons");
    const Examples all = all_examples();
    Parameter<double> w("w", zeros<double>({2, 1}));
    nn::Adam<double> adam({&w}, {.weight_decay = 0.01});
    const nn::Schedule rate{.lr = 0.1, .warmup = 20, .steps = 400};
    Table table({"step", "loss of the minibatch", "length of its gradient", "slope", "height"});
    for (std::uint32_t step = 1; step <= 400; ++step) {
        const Examples minibatch = drawn(all, 8, step);
        Tape<double> tape;
        const Var<double> loss = squared_error(w, minibatch);
        tape.backward(loss, step == 400 ? Keep::everything : Keep::nothing);
        const double before = nn::clip_gradients({&w}, 1.0);
        adam.step(rate(step));
        if (step == 1 || step == 20 || step % 100 == 0)
            table.row(step, loss.item(), before, w.value()(0, 0), w.value()(1, 0));
        if (step == 400) page.show(tape, "the last step of a line's training");
    }
    table.print();
    const Array<double> best = best_line(all);
    claim(below(apart(w.value(), best), 0.1),
          "The slope and the height are those of the best line, to a tenth.");
    claim(!w.has_gradient(), "After the optimiser's step the weights have no gradient any more.");

    const Array<double> before = w.value();
    Tape<double> broken;
    broken.backward(sum(w) * INFINITY);
    std::string refusal;
    try {
        adam.step(0.1);
    } catch (const Error& error) {
        refusal = error.what();
    }
    std::cout << "Error: " << refusal << "\n";
    claim(refusal.find("w: the square of a gradient must be finite") != std::string::npos &&
              apart(w.value(), before) == 0,
          "nn::Adam refuses an infinite gradient of w, and w is as it was.");
}

// ---- The map of the valley
//
// Lines of equal loss are dots, the places of the path are the digits of their steps, and the
// lowest point is a cross.
static void draw(const std::vector<Array<double>>& path) {
    const std::size_t rows = 17, columns = 67;
    std::vector<std::string> map(rows, std::string(columns, ' '));
    const auto mark = [&map](double w_0, double w_1, char sign) {
        const double column = 6 * w_0 + 3.5;
        const double row = 8.5 - 2.2 * w_1;
        if (column >= 0 && column < columns && row >= 0 && row < rows)
            map[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = sign;
    };
    for (const double height : {50.0, 25.0, 5.0})
        for (int i = 0; i < 1000; ++i) {
            const double angle = i * std::numbers::pi / 500;
            mark(std::sqrt(2 * height) * std::cos(angle),
                 std::sqrt(2 * height / 25) * std::sin(angle), '.');
        }
    mark(0, 0, '+');
    for (std::size_t i = std::min<std::size_t>(path.size(), 10); i-- > 0;)
        mark(path[i](0), path[i](1), "0123456789"[i]);
    for (std::string& line : map) {
        line.erase(line.find_last_not_of(' ') + 1);
        if (!line.empty()) std::cout << "   " << line << "\n";
    }
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    a_landscape();
    how_large_a_step();
    a_stretched_valley();
    momentum();
    adam_by_hand();
    what_adam_does_not_see();
    weight_decay();
    minibatches();
    a_schedule();
    clipping();
    the_loop(page);
}

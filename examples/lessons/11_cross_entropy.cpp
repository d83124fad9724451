// Softmax and cross-entropy, and why they are one op. From logits x (N, V), one row for each guess,
// and the right classes t (N):
//     p_j  = e^x_j / sum_i e^x_i
//     loss = 1/N sum over the rows of -ln p_t
//     dx_j = (p_j - [j = t]) / N
// where [j = t] is 1 for the right class, else 0: "onehot". On paper these are three lines. In
// floating point exp overflows, a small p rounds to 0, and large logits lose their digits
// (Goodfellow, Bengio and Courville, Deep Learning, 2016, section 4.1). The op cross_entropy has
// none of this: see core/ops/softmax.cpp and core/ops/cross_entropy.cpp. Run it:
// build/release/bin/11_cross_entropy
#include <cmath>
#include <iomanip>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::apart;
using lessons::claim;

// The formulas as they stand.
static Var<float> textbook_softmax(const Var<float>& x) {
    const Var<float> e = exp(x);
    return e / sum(e, {-1}, KeepDims::yes);
}
// -ln p_t, mean over the rows
template <class T> static Var<T> textbook_loss(const Var<T>& p, const Ids& targets) {
    Mask right(p.shape(), false);
    for (std::size_t row = 0; row < targets.size(); ++row)
        right(row, static_cast<std::size_t>(targets(row))) = true;
    return -sum(select(right, log(p), T(0))) / static_cast<T>(targets.size());
}

static std::string row_text(const Array<float>& x) {  // abs: a nan may have a sign
    std::string text;
    for (const float v : x) text += shortest(std::abs(std::round(v * 1e4f) / 1e4f)) + " ";
    return text;
}

struct Step {
    double loss;
    Array<double> dx;  // of the logits
    // made: arrays of N V numbers that ops returned; held: for backward
    std::size_t records, made = 0, held = 0;
};
template <class T, class LossOf> static Step step(Parameter<T>& logits, LossOf loss_of) {
    Tape<T> tape;
    // x is an op's output, as a model's logits are: freed unless held
    const Var<T> loss = loss_of(logits + T(0));
    Step result{static_cast<double>(loss.item()), {}, tape.records().size()};
    for (const auto& record : tape.records()) {
        if (record.leaf || record.shape != logits.shape()) continue;
        ++result.made;
        result.held += !record.value.expired();
    }
    tape.backward(loss);
    result.dx = converted<double>(logits.gradient());
    logits.clear_gradient();
    return result;
}

int main() {
    std::cout
        << "1. In float exp ends at 88.7. Softmax of (m - 2, m - 1, m), which is the same for "
           "every m\n"
        << "        m   by the formula           by the op, which subtracts the largest first\n";
    const Array<float> expected = softmax<float>(Array<float>{{-2, -1, 0}}).value();
    bool small = true, large = true, shifted = true;
    for (const float m : {2.f, 88.f, 89.f, 1000.f}) {
        const Var<float> x = Array<float>{{m - 2, m - 1, m}};
        const Array<float> naive = textbook_softmax(x).value();
        const Array<float> y = softmax(x).value();
        std::cout << std::setw(9) << m << "   " << std::left << std::setw(25) << row_text(naive)
                  << std::right << row_text(y) << "\n";
        if (m <= 88) small = small && apart(naive, expected) < 1e-5;
        else large = large && std::isnan(naive(0, 2));
        shifted = shifted && apart(y, expected) < 1e-6;
    }
    claim(small, "at 88 the formula is still right");
    claim(large, "from 89 on e^m is inf, and inf / inf is nan");
    claim(shifted,
          "the op is right for every m: e^(x - m) is 1 at most, and the factor e^-m cancels");

    std::cout << "2. The right class is an improbable one: logits (0, gap), t = 0. The loss is gap "
                 "+ ln(1 + e^-gap)\n"
              << "      gap   -ln softmax: loss    |dx_0|   cross_entropy: loss    |dx_0|\n";
    bool fine = true, lost = true, right = true;
    for (const float gap : {10.f, 80.f, 120.f}) {
        Parameter<float> logits("logits", Array<float>{{0, gap}});
        const Step two =
            step(logits, [](const Var<float>& x) { return textbook_loss(softmax(x), {0}); });
        const Step one = step(logits, [](const Var<float>& x) { return cross_entropy(x, {0}); });
        std::cout << std::setw(9) << gap << std::setw(21) << two.loss << std::setw(10)
                  << std::abs(two.dx(0)) << std::setw(22) << one.loss << std::setw(10)
                  << std::abs(one.dx(0)) << "\n";
        const double p = 1 / (1 + std::exp(static_cast<double>(gap)));
        const auto is_right = [p](const Step& s) {
            return std::abs(s.loss + std::log(p)) < 1e-4 && std::abs(s.dx(0) - (p - 1)) < 1e-5;
        };
        right = right && is_right(one);
        if (gap < 100) fine = fine && is_right(two);
        else lost = std::isinf(two.loss) && std::isnan(two.dx(0));
    }
    claim(fine, "two ops: right while p is a number above 0");
    claim(lost,
          "then p is 0, -ln p is inf and dx_0 is 0 * inf = nan. A shift inside softmax does not "
          "help: p is too small");
    claim(right,
          "fused: right, and so is dx. The loss is m - x_t + ln sum e^(x - m), near gap; p is "
          "nowhere");

    std::cout
        << "3. Large logits (m, m): p is 1/2, 1/2 and the loss ln 2\n"
        << "        m   l - x_t, l one float   sum of e^(x - l)   cross_entropy   m + 1 - m\n";
    bool exact = true, gone = false, same = false;
    for (const float m : {0.f, 1e3f, 1e6f, 1e8f}) {
        const Var<float> x = Array<float>{{m, m}};
        const float l = m + std::log(2.f);
        const float total = 2 * std::exp(m - l);
        const float next = m + 1;
        const float fused = cross_entropy(x, {0}).item();
        const float log_p = log_softmax(x).value()(0, 0);
        std::cout << std::setw(9) << m << std::setw(25) << l - m << std::setw(19) << total
                  << std::setw(16) << fused << std::setw(12) << next - m << "\n";
        exact = exact && std::abs(fused - std::log(2.f)) < 1e-6f && std::abs(fused + log_p) < 1e-6f;
        // Of the last m.
        gone = l == m && total == 2;
        same = next == m;
    }
    claim(gone, "l in one float: at 1e8 ln 2 is lost below m, and the probabilities sum to 2");
    claim(exact,
          "cross_entropy and log_softmax keep m and ln sum e^(x - m) apart, and lose nothing");
    claim(same,
          "what no op brings back: floats near 1e8 are 8 apart, and logits that differ by 1 are "
          "the same");

    std::cout << "4. The gradient, in double: p - onehot, over N\n";
    const std::size_t N = 8, V = 1000;
    const Ids targets{3, 1, 4, 1, 5, 9, 2, 6};
    Parameter<double> logits("logits", normal<double>(Random(1, "logits"), {N, V}, 2));
    const Array<double> p = softmax(logits).value();
    Array<double> formula = p / static_cast<double>(N);
    for (std::size_t row = 0; row < N; ++row)
        formula(row, static_cast<std::size_t>(targets(row))) -= 1 / static_cast<double>(N);
    const Step one = step(logits, [&](const Var<double>& x) { return cross_entropy(x, targets); });
    const Step two =
        step(logits, [&](const Var<double>& x) { return textbook_loss(softmax(x), targets); });
    std::cout << "  row 0, N dx of the right class " << N * one.dx(0, 3) << " where p is "
              << p(0, 3) << "; of another " << N * one.dx(0, 4) << " where p is " << p(0, 4)
              << "\n";
    claim(apart(one.dx, formula) < 1e-14,
          "dx is (p - onehot) / N: the right logit is to rise, all others to fall");
    claim(std::abs(one.loss - two.loss) < 1e-12 && apart(one.dx, two.dx) < 1e-12,
          "softmax, log and the choice of p_t one by one give the same, where they work");
    std::cout << "            records   arrays of N V numbers made   held for backward\n";
    for (const auto& [name, s] : {std::pair{"fused", &one}, std::pair{"composed", &two}})
        std::cout << "  " << std::left << std::setw(8) << name << std::right << std::setw(9)
                  << s->records << std::setw(29) << s->made << std::setw(20) << s->held << "\n";
    claim(two.records == one.records + 5,
          "softmax, log, select, sum, neg and div: six records. cross_entropy: one");
    claim(one.made == 1 && two.made == 4,
          "fused: the logits alone. Composed: p, ln p and what is chosen, besides");
    claim(one.held == 1 && two.held == 1,
          "backward needs one of them either way: the logits, or p");

    std::cout << "5. What a loss means: knowing nothing costs ln V\n";
    bool uniform_is_ln_V = true, others_cost_more = true;
    for (const std::size_t classes : {2u, 29u, 1024u}) {
        Ids each = empty<std::int64_t>({classes});  // every class is the right one once
        for (std::size_t t = 0; t < classes; ++t) each(t) = static_cast<std::int64_t>(t);
        const auto guess = normal<double>(Random(1, "guess"), {1, classes});
        const double uniform =
            cross_entropy<double>(full<double>({classes, classes}, 7), each).item();
        const double other = cross_entropy<double>(expand(guess, {classes, classes}), each).item();
        const double ln_V = std::log(static_cast<double>(classes));
        std::cout << "  V " << std::setw(4) << classes << "  ln V " << std::setw(8) << ln_V
                  << "  equal logits " << std::setw(8) << uniform
                  << "  others, the same in every row " << other << "\n";
        uniform_is_ln_V = uniform_is_ln_V && std::abs(uniform - ln_V) < 1e-12;
        others_cost_more = others_cost_more && other > ln_V + 1e-3;
    }
    claim(uniform_is_ln_V, "equal logits cost ln V: there a new model starts");
    claim(others_cost_more,
          "where all classes are as frequent, any other guess that ignores the input costs more");
}

// Section 6 of arXiv 2006.04768, broader impact: a cheaper model needs less energy. What can be
// counted here is the arithmetic of a token (multiply-adds, by formula) and the time that the cores
// spend on it; watts are not measured, and a core that waits in a loop for the others counts as one
// that works. Both against n, forward and backward, of full attention and of Linformer.
#include <cmath>

#include "examples/common/arithmetic.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/paper/cost_verdicts.hpp"
#include "examples/paper/passes.hpp"

namespace taper::examples {

namespace {

struct Section6Options : PaperOptions {
    std::vector<std::uint64_t> lengths{512, 1024, 2048, 4096, 8192};
    std::uint64_t k = 128;
    PassModel model;

    Section6Options() : PaperOptions("section_6") {}
};

using Points = std::vector<std::pair<double, double>>;  // n, core-seconds of a sequence

Points measured(const Section6Options& o, AttentionForm form, WorkProgress& progress) {
    Points points;
    for (const std::uint64_t n : o.lengths) {
        const SequenceCost cost = sequence_cost(o.model, form, n, o.k, PassMode::train);
        points.emplace_back(static_cast<double>(n), cost.core_seconds);
        progress.done();
    }
    return points;
}

// Multiply-adds of a token, forward and backward, in millions.
double arithmetic_of_token(const Section6Options& o, AttentionForm form, std::size_t n) {
    constexpr double forward_and_backward = 3;
    const double sequence = forward_and_backward * multiply_adds(o.model.config(form, n, o.k), 1);
    return 1e-6 * sequence / static_cast<double>(n);
}

Spread exponents_of(const std::vector<Points>& of_seeds) {
    std::vector<double> exponents;
    for (const Points& points : of_seeds) exponents.push_back(exponent_of(points));
    return spread_of(exponents);
}

// Core-microseconds of a token at the i-th n.
Spread token_cost(const std::vector<Points>& of_seeds, std::size_t i) {
    std::vector<double> costs;
    for (const Points& points : of_seeds) costs.push_back(1e6 * points[i].second / points[i].first);
    return spread_of(costs);
}

Curve curve_of(const std::string& title, const std::vector<Points>& of_seeds) {
    Curve curve{title, "linespoints lw 2 pt 7 ps 0.5", {}};
    for (std::size_t i = 0; i < of_seeds[0].size(); ++i) {
        add_point(curve, of_seeds[0][i].first, token_cost(of_seeds, i));
    }
    return curve;
}

std::string form_text(const Section6Options& o, AttentionForm form,
                      const std::vector<Points>& of_seeds) {
    const auto at = [&](std::size_t i) {
        return text_of(token_cost(of_seeds, i)) + " core-microseconds and " +
               significant(arithmetic_of_token(o, form, o.lengths[i])) +
               " million multiply-adds a token at n " + std::to_string(o.lengths[i]);
    };
    return at(0) + ", " + at(o.lengths.size() - 1) + "; of a sequence n^" +
           text_of(exponents_of(of_seeds));
}

void draw(const PaperReport& report, const Section6Options& o, const std::vector<Points>& linformer,
          const std::vector<Points>& full) {
    const std::size_t last = o.lengths.size() - 1;
    const double ratio = token_cost(full, last).mean / token_cost(linformer, last).mean;
    const std::string title = "At n " + std::to_string(o.lengths[last]) +
                              " a token of full attention takes " + significant(ratio, 2) +
                              " times the core time of Linformer's";
    const bool drawn =
        plot(report.picture_path(), title, "n, tokens in a sequence",
             "core-microseconds a token, forward and backward",
             {curve_of("full", full), curve_of("Linformer, k " + std::to_string(o.k), linformer)},
             Scale::logarithmic);
    show_picture(drawn, report.picture_path());
}

int section_6(const Section6Options& o) {
    PaperReport report(o, "section_6", "Section 6", "arithmetic and core time of a token");
    WorkProgress progress(2 * o.seeds * o.lengths.size());
    std::vector<Points> linformer, full;
    for (std::uint64_t repeat = 0; repeat < o.seeds; ++repeat) {
        linformer.push_back(measured(o, AttentionForm::linformer, progress));
        full.push_back(measured(o, AttentionForm::full, progress));
    }
    progress.leave();
    report.numbers()["linformer, core-seconds of a sequence"] = linformer;
    report.numbers()["full, core-seconds of a sequence"] = full;
    for (const std::uint64_t n : o.lengths)
        report.numbers()["million multiply-adds of a token"]["n " + std::to_string(n)] = {
            {"linformer", arithmetic_of_token(o, AttentionForm::linformer, n)},
            {"full", arithmetic_of_token(o, AttentionForm::full, n)}};
    report.add({.claim = "Less energy: the core time of a token in training does not grow with n",
                .paper = "says so of energy, without figures",
                .ours = "k " + std::to_string(o.k) + ": " +
                        form_text(o, AttentionForm::linformer, linformer),
                .verdict = is_linear(exponents_of(linformer)),
                .control = "full attention: " + form_text(o, AttentionForm::full, full),
                .control_verdict = is_linear(exponents_of(full))});
    return report.finish([&] { draw(report, o, linformer, full); });
}

}  // namespace

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("section_6", [&] {
        Section6Options o;
        Options options("section_6", "The arithmetic and the core time of a token, against n.");
        o.declare(options, "two minutes");
        options.counts("--lengths", o.lengths, 2, 1 << 16, "n, growing: N,N,...");
        options.count("--k", o.k, 1, 1 << 16, "projected length, at most the least n");
        o.model.declare(options);
        if (!options.parse(argc, argv)) return 0;
        if (o.quick) {
            if (!options.given("--lengths")) o.lengths = {256, 512, 1024};
            if (!options.given("--k")) o.k = 16;
            if (!options.given("--width")) o.model.width = 32;
            if (!options.given("--seeds")) o.seeds = 1;
        }
        check_growing("--lengths", o.lengths);
        check_options(o.model.config(AttentionForm::linformer, o.lengths[0], o.k), options);
        o.apply(options);
        return section_6(o);
    });
}

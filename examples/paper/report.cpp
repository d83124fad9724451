#include "examples/paper/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <stdexcept>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/kernels/parallel.hpp"
#include "examples/common/output_path.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/reporting.hpp"

namespace taper::examples {

const std::string& name_of(Verdict verdict) {
    static const std::array<std::string, 4> names{"holds", "holds weaker",
                                                  "not visible at this size", "does not hold"};
    return names.at(static_cast<std::size_t>(verdict));
}

Spread spread_of(const std::vector<double>& numbers) {
    const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
    const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
    return {sum / static_cast<double>(numbers.size()), *least, *most, numbers.size()};
}

std::string significant(double number, int digits) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*g", digits, number);
    return text.data();
}

std::string text_of(const Spread& spread, int digits) {
    const std::string mean = significant(spread.mean, digits);
    if (spread.seeds == 1) return mean + " (1 seed)";
    return mean + " (" + significant(spread.least, digits) + " to " +
           significant(spread.most, digits) + ", " + std::to_string(spread.seeds) + " seeds)";
}

double exponent_of(const std::vector<std::pair<double, double>>& points) {
    const auto count = static_cast<double>(points.size());
    double mean_n = 0;
    double mean_y = 0;
    for (const auto& [n, y] : points) {
        mean_n += std::log(n) / count;
        mean_y += std::log(y) / count;
    }
    double covariance = 0;
    double variance = 0;
    for (const auto& [n, y] : points) {
        const double deviation = std::log(n) - mean_n;
        covariance += deviation * (std::log(y) - mean_y);
        variance += deviation * deviation;
    }
    return covariance / variance;
}

PaperOptions::PaperOptions(const std::string& program)
    : out("build/paper/" + program), threads(static_cast<std::uint64_t>(taper::threads())) {}

void PaperOptions::declare(Options& options, const std::string& minutes) {
    options.path("--out", out, "a directory for the numbers (JSON) and the picture (SVG)");
    options.flag("--quick", quick, "small sizes: seconds instead of " + minutes);
    options.count("--seed", seed, 0, 1U << 31, "of the random numbers");
    options.count("--seeds", seeds, 1, 100, "so many seeds, from --seed on: the spread");
    options.count("--threads", threads, 1, max_threads, "threads");
}

void PaperOptions::apply(const Options& options) {
    check_output_directory("--out", out);
    std::filesystem::create_directories(out);
    set_threads(static_cast<int>(threads));
    settings_ = options.all_but({"--out", "--quick", "--seed", "--seeds", "--threads"});
}

void check_growing(const std::string& option, const std::vector<std::uint64_t>& list) {
    if (list.size() < 2)
        throw Error(option + ": there must be two or more: " + std::to_string(list.size()));
    for (std::size_t i = 1; i < list.size(); ++i)
        if (list[i] <= list[i - 1])
            throw Error(option + ": each must be more than the one before: " +
                        std::to_string(list[i - 1]) + ", " + std::to_string(list[i]));
}

PaperReport::PaperReport(const PaperOptions& options, const std::string& program,
                         const std::string& place, const std::string& title)
    : options_(options), program_(program) {
    json_["program"] = program;
    json_["place"] = place;
    json_["title"] = title;
    json_["quick"] = options.quick;
    json_["seed"] = options.seed;
    json_["seeds"] = options.seeds;
    json_["settings"] = options.settings();
    json_["findings"] = nlohmann::ordered_json::array();
    json_["numbers"] = nlohmann::ordered_json::object();
    print_result(place + " of arXiv 2006.04768: " + title + "\n");
}

void PaperReport::add(const Finding& finding) {
    json_["findings"].push_back(
        {{"claim", finding.claim},
         {"paper", finding.paper},
         {"ours", finding.ours},
         {"verdict", name_of(finding.verdict)},
         {"control", {{"what", finding.control}, {"verdict", name_of(finding.control_verdict)}}}});
    if (finding.verdict == finding.control_verdict) not_flipped_.push_back(finding.claim);
    print_result("\nclaim    " + finding.claim + "\npaper    " + finding.paper + "\nours     " +
                 finding.ours + "\nverdict  " + name_of(finding.verdict) + "\ncontrol  " +
                 finding.control + ": " + name_of(finding.control_verdict) + "\n");
}

std::string PaperReport::picture_path() const { return options_.out + "/" + program_ + ".svg"; }

int PaperReport::finish(const std::function<void()>& draw) {
    const std::string path = options_.out + "/" + program_ + ".json";
    write_file(path, json_.dump(1) + "\n");
    print_result("\nnumbers  " + path + "\n");
    draw();
    for (const std::string& claim : not_flipped_)
        note("a control must flip its verdict, and did not; the verdict says nothing: " + claim);
    return not_flipped_.empty() ? 0 : 1;
}

WorkProgress::WorkProgress(std::uint64_t parts)
    : parts_(parts), began_at_(now()), shown_at_(began_at_) {}

void WorkProgress::done() {
    ++done_;
    const double between = terminal_columns() ? 0.2 : 10;
    const double time = now();
    if (time - shown_at_ >= between) show(time);
}

void WorkProgress::leave() {
    if (!terminal_columns()) return;
    if (done_ > 0) show(now());
    leave_line();
}

void WorkProgress::show(double time) {
    shown_at_ = time;
    const auto columns = terminal_columns();
    const double elapsed = time - began_at_;
    const double of_a_part = elapsed / static_cast<double>(done_);
    const Standing standing{.step = done_,
                            .steps = parts_,
                            .loss = {},
                            .validation = {},
                            .tokens_per_second = {},
                            .elapsed = elapsed,
                            .left = of_a_part * static_cast<double>(parts_ - done_),
                            .validating = false};
    if (columns) say_in_place(progress_line(standing, *columns - 1));
    else say_line(report_line(standing, any_width));
}

void add_point(Curve& curve, double x, const Spread& spread) {
    curve.points.emplace_back(x, spread.mean);
    curve.band.emplace_back(spread.least, spread.most);
}

void show_picture(bool drawn, const std::string& path) {
    if (!drawn)
        throw std::runtime_error(
            "--out: the picture needs gnuplot (Debian: gnuplot-nox): it is missing or failed: " +
            path);
    print_result("picture  " + path + "\n");
}

}  // namespace taper::examples

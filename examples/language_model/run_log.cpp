#include "examples/language_model/run_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "core/file.hpp"
#include "examples/common/plot.hpp"
#include "examples/common/program.hpp"

namespace taper::examples {

std::string StepMetrics::json() const {
    nlohmann::ordered_json line{{"step", step},
                                {"loss", loss},
                                {"lr", lr},
                                {"grad_norm", grad_norm},
                                {"tokens_per_second", tokens_per_second},
                                {"seconds", seconds}};
    if (val_loss) line["val_loss"] = *val_loss;
    if (val_bits_per_char) line["val_bits_per_char"] = *val_bits_per_char;
    if (val_bits_per_byte) line["val_bits_per_byte"] = *val_bits_per_byte;
    return line.dump();
}

StepMetrics StepMetrics::from_json(const std::string& line) {
    const auto json = nlohmann::json::parse(line);
    StepMetrics m{.step = json.at("step"),
                  .loss = json.at("loss"),
                  .lr = json.at("lr"),
                  .grad_norm = json.at("grad_norm"),
                  .tokens_per_second = json.at("tokens_per_second"),
                  .seconds = json.at("seconds"),
                  .val_loss = {},
                  .val_bits_per_char = {},
                  .val_bits_per_byte = {}};
    const auto read = [&](const char* key, std::optional<double>& value) {
        if (json.contains(key)) value = json[key].get<double>();
    };
    read("val_loss", m.val_loss);
    read("val_bits_per_char", m.val_bits_per_char);
    read("val_bits_per_byte", m.val_bits_per_byte);
    return m;
}

static std::string contents(const std::string& path) { return std::filesystem::exists(path) ? read_file(path) : ""; }

static void append(std::ofstream& file, const std::string& path, const std::string& text) {
    errno = 0;
    file << text << std::flush;
    if (!file) throw std::system_error(errno, std::generic_category(), path + ": the file must be writable");
}

static std::string sample_heading(std::uint64_t step) { return "== step " + std::to_string(step) + "\n"; }

// The steps in metrics.jsonl. A last line without its end was cut by a kill.
static std::vector<StepMetrics> read_metrics(const std::string& path) {
    std::vector<StepMetrics> steps;
    std::istringstream lines(contents(path));
    for (std::string line; std::getline(lines, line) && !lines.eof();) try {
            steps.push_back(StepMetrics::from_json(line));
        } catch (const nlohmann::json::exception& error) {
            throw Error(path + ":" + std::to_string(steps.size() + 1) +
                        ": a line must hold a step of the run: " + error.what());
        }
    return steps;
}

void RunLog::open(std::uint64_t step) {
    std::string kept;
    std::uint64_t last = 0, lines = 0;
    for (const StepMetrics& metrics : read_metrics(path("metrics.jsonl"))) {
        if (metrics.step <= last || metrics.step > step) continue;
        last = metrics.step;
        ++lines;
        kept += metrics.json() + "\n";
    }
    if (lines < step)
        say(path("metrics.jsonl") + ": of the " + std::to_string(step) + " steps done, " +
            std::to_string(step - lines) + " have no line\n");
    write_file(path("metrics.jsonl"), kept);

    const std::string samples = contents(path("samples.txt"));
    std::size_t end = 0;
    for (std::size_t at = samples.find("== step "); at != std::string::npos; at = samples.find("\n== step ", at + 1)) {
        if (at) ++at;
        if (std::strtoull(samples.c_str() + at + 8, nullptr, 10) > step) break;
        const std::size_t next = samples.find("\n== step ", at);
        end = next == std::string::npos ? samples.size() : next + 1;
    }
    write_file(path("samples.txt"), samples.substr(0, end));
    for (const auto& [file, name] : {std::pair{&metrics_, "metrics.jsonl"}, {&samples_, "samples.txt"}}) {
        errno = 0;
        file->open(path(name), std::ios::app);
        append(*file, path(name), "");
    }
}

void RunLog::record(const StepMetrics& metrics) { append(metrics_, path("metrics.jsonl"), metrics.json() + "\n"); }

void RunLog::sample(std::uint64_t step, const std::string& text) {
    append(samples_, path("samples.txt"), sample_heading(step) + text);
}

void RunLog::draw() const {
    Curve training{"training (mean of the steps so far, the last 20 at most)", "lines lc rgb '#9ab8d8'", {}};
    Curve validation{"validation", "linespoints pt 7 ps 0.5 lw 2 lc rgb '#c0392b'", {}};
    const std::vector<StepMetrics> steps = read_metrics(path("metrics.jsonl"));
    const std::size_t stride = 1 + steps.size() / 1000;  // about as many points as the picture is wide
    double sum = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const double step = static_cast<double>(steps[i].step);
        sum += steps[i].loss;
        if (i >= 20) sum -= steps[i - 20].loss;
        if (i % stride == 0 || i + 1 == steps.size())
            training.points.emplace_back(step, sum / static_cast<double>(std::min<std::size_t>(i + 1, 20)));
        if (steps[i].val_loss) validation.points.emplace_back(step, *steps[i].val_loss);
    }
    std::vector<Curve> curves;
    for (Curve* curve : {&training, &validation})
        if (!curve->points.empty()) curves.push_back(*curve);
    static bool said = false;
    if (!curves.empty() && !plot(path("loss.svg"), "loss", "step", "nats per predicted token", curves) && !said) {
        said = true;
        say("no loss.svg: the program gnuplot could not draw it (Debian: gnuplot-nox)\n");
    }
}

}  // namespace taper::examples

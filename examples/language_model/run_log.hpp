// What a run writes for people: metrics.jsonl, samples.txt and loss.svg.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace taper::examples {

// One line of metrics.jsonl.
struct StepMetrics {
    std::uint64_t step;
    double loss, lr, grad_norm, tokens_per_second, seconds;
    std::optional<double> val_loss, val_bits_per_char, val_bits_per_byte;

    std::string json() const;
    static StepMetrics from_json(const std::string& line);
};

// metrics.jsonl, samples.txt and loss.svg.
class RunLog {
  public:
    explicit RunLog(std::string directory) : directory_(std::move(directory)) {}
    void open(std::uint64_t step);  // continues the files of a run that stands at this step: what is later is dropped
    void record(const StepMetrics& metrics);
    void sample(std::uint64_t step, const std::string& text);
    void draw() const;  // loss.svg; says once where gnuplot is missing

  private:
    std::string path(const std::string& file) const { return directory_ + "/" + file; }
    std::string directory_;
    std::ofstream metrics_, samples_;
};

}  // namespace taper::examples

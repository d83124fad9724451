// What is known of one step of training: a line of metrics.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taper::examples {

struct StepMetrics {
    std::uint64_t step;
    double loss, lr, grad_norm, tokens_per_second, seconds;
    std::optional<double> val_loss, val_bits_per_char, val_bits_per_byte;

    std::string json() const;
    // Of a line as json() writes it, which is read fast, or of any other JSON. Error, which begins
    // with the subject: no such line.
    static StepMetrics from_json(std::string_view line, const std::string& subject);
};

}  // namespace taper::examples

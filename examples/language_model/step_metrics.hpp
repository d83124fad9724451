// What is known of one step of training: a line of metrics.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taper::examples {

struct StepMetrics {
    std::uint64_t step = 0;  // from 1 on
    double loss = 0;         // nats per target
    double lr = 0;           // the learning rate of this step
    double grad_norm = 0;    // before clipping
    double tokens_per_second = 0;
    double seconds = 0;                   // spent in training, over all sittings
    std::optional<double> val_loss = {};  // nats per target
    std::optional<double> val_bits_per_char = {};
    std::optional<double> val_bits_per_byte = {};

    std::string json() const;
    // Of a line as json() writes it, which is read fast, or of any other JSON. Error, which begins
    // with the subject: no such line.
    static StepMetrics from_json(std::string_view line, const std::string& subject);
};

}  // namespace taper::examples

#include "examples/language_model/step_metrics.hpp"

#include <nlohmann/json.hpp>

#include "core/error.hpp"

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

StepMetrics StepMetrics::from_json(std::string_view line, const std::string& subject) try {
    const auto shallow = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
        constexpr int deepest = 8;
        if (depth > deepest) throw Error(subject + ": a line must hold a step of the run: it is nested too deep");
        return true;
    };
    const auto json = nlohmann::json::parse(line, shallow);
    if (const auto& step = json.at("step"); !step.is_number_unsigned() || step == 0)
        throw Error(subject + ": the step must be a whole number from 1 on: " + step.dump().substr(0, 100));
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
} catch (const nlohmann::json::exception& error) {
    throw Error(subject + ": a line must hold a step of the run: " + error.what());
}

}  // namespace taper::examples

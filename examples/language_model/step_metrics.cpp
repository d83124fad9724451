#include "examples/language_model/step_metrics.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/io/json.hpp"
#include "examples/common/text.hpp"

namespace taper::examples {

namespace {

struct Number {
    std::string_view name;
    double StepMetrics::*value;
};
constexpr std::array<Number, 5> numbers{{{"loss", &StepMetrics::loss},
                                         {"lr", &StepMetrics::lr},
                                         {"grad_norm", &StepMetrics::grad_norm},
                                         {"tokens_per_second", &StepMetrics::tokens_per_second},
                                         {"seconds", &StepMetrics::seconds}}};

struct OptionalNumber {
    std::string_view name;
    std::optional<double> StepMetrics::*value;
};
constexpr std::array<OptionalNumber, 3> optional_numbers{
    {{"val_loss", &StepMetrics::val_loss},
     {"val_bits_per_char", &StepMetrics::val_bits_per_char},
     {"val_bits_per_byte", &StepMetrics::val_bits_per_byte}}};

// Whether what from_chars took for a number is one of JSON with a fraction or an exponent: no inf,
// 01.5, .5 or 1., nor 1, which json() does not write for a double.
bool is_json_fraction(std::string_view number) {
    const auto is_digit = [&](std::size_t i) {
        return i < number.size() && number[i] >= '0' && number[i] <= '9';
    };
    if (number.starts_with('-')) number.remove_prefix(1);
    const std::size_t end_of_whole = number.find_first_of(".eE");
    const bool whole =
        end_of_whole != number.npos && is_digit(0) && (number[0] != '0' || end_of_whole == 1);
    return whole && (number[end_of_whole] != '.' || is_digit(end_of_whole + 1));
}

// A line that json() wrote, read from left to right, in much less time than JSON takes. What is
// spelled in any other way is not good, whatever it is.
class WrittenLine {
  public:
    explicit WrittenLine(std::string_view line) : rest_(line) {}

    void read(std::string_view text) {
        good_ = good_ && rest_.starts_with(text);
        if (good_) rest_.remove_prefix(text.size());
    }
    void read(std::uint64_t& number) {
        good_ = good_ && !rest_.starts_with('0');
        take(number);
    }
    void read(double& number) {
        const std::string_view text = take(number);
        good_ = good_ && is_json_fraction(text);
    }
    void read_key(std::string_view name) {
        read(",\"");
        read(name);
        read("\":");
    }
    bool has_key(std::string_view name) const {
        WrittenLine ahead = *this;
        ahead.read_key(name);
        return ahead.good_;
    }
    bool ended_well() const { return good_ && rest_.empty(); }

  private:
    template <class N> std::string_view take(N& number) {
        const auto [end, error] =
            std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
        const std::string_view text = rest_.substr(0, static_cast<std::size_t>(end - rest_.data()));
        good_ = good_ && error == std::errc();
        rest_.remove_prefix(text.size());
        return text;
    }

    std::string_view rest_;
    bool good_ = true;
};

std::optional<StepMetrics> as_written(std::string_view text) {
    StepMetrics metrics{};
    WrittenLine line(text);
    line.read("{\"step\":");
    line.read(metrics.step);
    for (const auto& [name, value] : numbers) {
        line.read_key(name);
        line.read(metrics.*value);
    }
    for (const auto& [name, value] : optional_numbers) {
        if (!line.has_key(name)) continue;
        line.read_key(name);
        line.read((metrics.*value).emplace());
    }
    line.read("}");
    return line.ended_well() ? std::optional(metrics) : std::nullopt;
}

}  // namespace

std::string StepMetrics::json() const {
    nlohmann::ordered_json line{{"step", step}};
    for (const auto& [name, value] : numbers) line[std::string(name)] = this->*value;
    for (const auto& [name, value] : optional_numbers)
        if (this->*value) line[std::string(name)] = *(this->*value);
    return line.dump();
}

StepMetrics StepMetrics::from_json(std::string_view line, const std::string& subject) try {
    if (const auto written = as_written(line)) return *written;
    const auto json = parse_object(line, subject + ": a line must hold a step of the run");
    const auto& step = json.at("step");
    if (!step.is_number_unsigned() || step == 0)
        throw Error(subject +
                    ": the step must be a whole number from 1 on: " + shortened(step.dump()));
    StepMetrics metrics{};
    metrics.step = json.at("step");
    for (const auto& [name, value] : numbers) metrics.*value = json.at(std::string(name));
    for (const auto& [name, value] : optional_numbers) {
        const std::string key(name);
        if (json.contains(key)) metrics.*value = json[key].get<double>();
    }
    return metrics;
} catch (const nlohmann::json::exception& error) {
    throw Error(subject + ": a line must hold a step of the run: " + json_reason(error));
}

}  // namespace taper::examples

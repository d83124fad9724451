#include "examples/paper/step_times.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/io/file.hpp"
#include "core/io/json.hpp"

namespace taper::examples {

StepTimes kept_step_times(const PaperOptions& o, const nlohmann::json& settings,
                          const std::function<StepTimes()>& measure) {
    const std::string path = o.out + (o.quick ? "/quick_step_times.json" : "/step_times.json");
    if (std::filesystem::exists(path)) {
        const std::string rule = path + ": it must be what this program has written";
        const nlohmann::json there = parse_object(read_file(path), rule);
        if (there.value("settings", nlohmann::json()) == settings)
            return there.at("seconds").get<StepTimes>();
    }
    StepTimes times = measure();
    const nlohmann::json json{{"settings", settings}, {"seconds", times}};
    write_file(path, json.dump(1) + "\n");
    return times;
}

std::uint64_t steps_in_the_same_time(double slower, double faster, std::uint64_t steps) {
    const double fewer = std::round(static_cast<double>(steps) * faster / slower);
    return static_cast<std::uint64_t>(std::max(1.0, fewer));
}

}  // namespace taper::examples

#include "examples/paper/step_times.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/io/json.hpp"

namespace taper::examples {

StepTimes kept_step_times(const PaperOptions& o, const std::string& program,
                          const nlohmann::json& settings,
                          const std::function<StepTimes()>& measure) {
    const std::string path = o.out + "/" + program + "_step_times.json";
    const std::string rule = path + ": it must be what " + program + " has written";
    nlohmann::json kept = nlohmann::json::object();
    if (std::filesystem::exists(path)) kept = parse_object(read_file(path), rule);
    const std::string key = settings.dump();
    try {
        if (kept.contains(key)) return kept.at(key).get<StepTimes>();
    } catch (const nlohmann::json::exception& e) {
        throw Error(rule + ": " + json_reason(e));
    }
    StepTimes times = measure();
    kept[key] = times;
    write_file(path, kept.dump(1) + "\n");
    return times;
}

std::uint64_t steps_in_the_same_time(double slower, double faster, std::uint64_t steps) {
    const double fewer = std::round(static_cast<double>(steps) * faster / slower);
    return static_cast<std::uint64_t>(std::max(1.0, fewer));
}

}  // namespace taper::examples

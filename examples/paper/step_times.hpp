// What a step of each of several models takes, for comparisons after the same time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "examples/paper/report.hpp"

namespace taper::examples {

// Seconds, by the names of models.
using StepTimes = std::map<std::string, double>;

// Those that were measured with the same settings before, or what `measure` returns: how many steps
// a run has may follow from them, so they are kept, in OUT/PROGRAM_step_times.json, those of other
// settings beside them. Error: the file there is none of these.
StepTimes kept_step_times(const PaperOptions& o, const std::string& program,
                          const nlohmann::json& settings,
                          const std::function<StepTimes()>& measure);

// As many steps of `slower` seconds as fit into the time of `steps` of `faster` seconds; one at
// least.
std::uint64_t steps_in_the_same_time(double slower, double faster, std::uint64_t steps);

// Two models after the same time: the slower one has fewer steps.
template <class Model> struct SameTime {
    Model full, linformer;
    double ratio;  // of the time of a step of full attention to that of the other one

    const Model& slower() const { return full.steps ? full : linformer; }
};

template <class Model>
SameTime<Model> same_time(const StepTimes& times, const Model& full, const Model& linformer,
                          std::uint64_t steps) {
    const double first = times.at(full.name()), second = times.at(linformer.name());
    SameTime<Model> pair{.full = full, .linformer = linformer, .ratio = first / second};
    Model& slower = pair.ratio > 1 ? pair.full : pair.linformer;
    slower.steps = steps_in_the_same_time(std::max(first, second), std::min(first, second), steps);
    return pair;
}

}  // namespace taper::examples

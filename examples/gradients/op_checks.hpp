// Whether the backward passes of ops agree with numeric derivatives, as a table for people. The
// cases are in cases.hpp, whole models in model_checks.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/gradients/cases.hpp"

namespace taper::examples {

// The ops of these cases, each once, in the order of their first case.
std::vector<std::string> ops_of(const std::vector<GradientCase>& cases);

// The cases of the ops named. Error: an op that has none; the message names the nearest.
std::vector<GradientCase> cases_of(const std::vector<std::string>& ops,
                                   const std::vector<GradientCase>& cases);

// gradcheck of one case, whose outputs must all be finite. Where no entry goes in or none comes
// out, backward must run and leave gradients of 0: that passes with 0 entries. An Error that the op
// throws is a problem in the report.
GradcheckReport check_case(const GradientCase& c, std::uint64_t seed = 1);

// Checks the cases and prints a row for each op as soon as it is done. Below the rows: the report
// of the first wrong case of each op, if any, and a line that sums up. Returns whether all agree.
bool check_ops(const std::vector<GradientCase>& cases, std::uint64_t seed,
               const std::function<void(std::string_view)>& print);

}  // namespace taper::examples

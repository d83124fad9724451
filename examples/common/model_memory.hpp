// What a model needs of the machine's memory, asked before any of it is taken.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "examples/common/options.hpp"
#include "nn/config.hpp"

namespace taper::examples {

// A lower bound: the weights, each of those that are trained `arrays` times, and of a batch the
// tokens, the embedded tokens and the logits. arrays: 1 for a forward pass alone, 4 for training
// (weight, gradient, two moments). Double: it may be larger than any memory.
struct MemoryNeed {
    double parameters = 0;
    double bytes = 0;
    std::vector<std::string> options;  // those that make the largest part of it
};
MemoryNeed memory_need(const nn::Config& config, std::size_t batch, std::size_t arrays);

// Error, which names the options, where that is more than the memory and swap of the machine, or
// than a limit of this process (ulimit -v).
void check_memory(const nn::Config& config, std::size_t batch, std::size_t arrays,
                  const Options& options);

}  // namespace taper::examples

// Passes of a whole model whose attention has one of three forms, on random tokens: what table_3
// and section_6 measure.
#pragma once

#include <cstddef>
#include <string>

#include "examples/common/measuring.hpp"
#include "examples/common/options.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

enum class AttentionForm {
    linformer,
    full,  // taper's op, which holds one tile of the n x n scores at a time
    held,  // the composition of ops, which holds all n x n scores, as the paper's Transformer does
};

enum class PassMode { forward, train };  // train: forward and backward, no optimiser
const std::string& name_of(PassMode mode);

// The model that is measured, but for n, k and the attention.
struct PassModel {
    std::uint64_t width = 128;
    std::uint64_t heads = 4;
    std::uint64_t layers = 2;
    std::uint64_t tokens = 4096;  // in a pass: the sequences are tokens / n, one at least

    void declare(Options& options);
    std::size_t batch(std::size_t n) const { return n < tokens ? tokens / n : 1; }
    // One projection for all layers, as in the paper's measurements.
    nn::Config config(AttentionForm form, std::size_t n, std::size_t k) const;
};

// Logits of a pre-norm model with full attention whose attention is composed::attention, from its
// parts: (B, n, V), the same as the model's own to rounding.
Var<float> logits_holding_scores(const nn::Linformer<float>& model, const Ids& tokens);

// Of one sequence.
struct SequenceCost {
    double seconds, core_seconds;
    double megabytes;  // that the pass takes at its peak, with the model
};

// Measured in a process of its own. k: of linformer.
SequenceCost sequence_cost(const PassModel& model, AttentionForm form, std::size_t n, std::size_t k,
                           PassMode mode);

}  // namespace taper::examples

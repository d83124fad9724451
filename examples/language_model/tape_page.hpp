// What a language model computes of a text, op by op, as a page to step through in a browser:
// core/show/inspect.hpp.
#pragma once

#include <string>

#include "examples/common/tokenizer.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// Error, which names --page, where the page cannot be written, or would stand in the place of a
// file of the model's directory: asked before the work.
void check_page(const std::string& path, const std::string& model_directory);

// Writes the tape of a forward pass over the tokens, and of the backward pass of their
// cross-entropy with the targets, as many: ignore_index, where there is none; none at all: of the
// forward pass alone. The model's gradients are left behind. std::system_error: it cannot be
// written.
void write_page(const nn::Linformer<float>& model, const Tokenizer& tokenizer, const TokenIds& ids,
                const TokenIds& targets, const std::string& title, const std::string& path);

}  // namespace taper::examples

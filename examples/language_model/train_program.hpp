// The main function that train_mlm and train_lm share: options, texts, tokenizer, corpus, and then
// the training loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/model_kind.hpp"
#include "examples/language_model/task.hpp"
#include "examples/language_model/training.hpp"

namespace taper::examples {

using MakeTask = std::function<std::unique_ptr<Task>(const Tokenizer&, const Corpus&)>;

// Returns the exit status of the program.
int train(int argc, char** argv, const std::string& program, const std::string& what_it_does,
          ModelKind kind, const MakeTask& make_task);

// The same in another program that is in run_program already, which gets the errors. command_line:
// as it would be typed, the path of the program first, which a message says to call for --resume.
// after_step: as in Training::run.
int train_here(const std::vector<std::string>& command_line, const std::string& program,
               const std::string& what_it_does, ModelKind kind, const MakeTask& make_task,
               const AfterStep& after_step = {});

}  // namespace taper::examples

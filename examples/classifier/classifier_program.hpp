// What train_classifier does: options, documents, tokenizer, model, the training loop, and the
// test.
#pragma once

#include <string>
#include <vector>

namespace taper::examples {

// In train_classifier, or in another program that is in run_program already and gets the errors.
// command_line: as it would be typed, the path of train_classifier first, which a message says to
// call for --resume. Returns the exit status of the program. Where --test was given, the numbers of
// the test are afterwards in results.json of the --out directory: judging.hpp.
int classify_here(const std::vector<std::string>& command_line, const std::string& program);

}  // namespace taper::examples

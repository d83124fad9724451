// Trains a classifier of texts, from nothing or from a masked language model, and judges it on a
// test set.
#include "examples/classifier/classifier_program.hpp"
#include "examples/common/program.hpp"

int main(int argc, char** argv) {
    using namespace taper::examples;
    return run_program("train_classifier", [&] {
        const std::vector<std::string> command_line(argv, argv + argc);
        return classify_here(command_line, "train_classifier");
    });
}

// Trains a masked language model on text: some tokens are hidden, and predicted from those around
// them.
#include "examples/language_model/masked_task.hpp"
#include "examples/language_model/train_program.hpp"

int main(int argc, char** argv) {
    using namespace taper::examples;
    const auto make_task = [](const Tokenizer& tokenizer, const Corpus& corpus) {
        return std::make_unique<MaskedTask>(tokenizer, corpus);
    };
    return train(argc, argv, "train_mlm", "Trains a masked language model on text files.",
                 ModelKind::masked, make_task);
}

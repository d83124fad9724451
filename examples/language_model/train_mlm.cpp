// Trains a masked language model on text: some tokens are hidden, the model tells them from what
// stands around.
#include "examples/language_model/masking.hpp"

int main(int argc, char** argv) {
    using namespace taper::examples;
    return train(argc, argv, "train_mlm", "Trains a masked language model on text files.",
                 Model::masked, [](const Tokenizer& tokenizer, const Corpus& corpus) {
                     return std::make_unique<MaskedTask>(tokenizer, corpus);
                 });
}

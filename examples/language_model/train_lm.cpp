// Trains a causal language model on text: each token is told from those before it.
#include "examples/language_model/generating.hpp"

int main(int argc, char** argv) {
    using namespace taper::examples;
    return train(argc, argv, "train_lm",
                 "Trains a causal (left to right) language model on text files.", Model::causal,
                 [](const Tokenizer& tokenizer, const Corpus&) {
                     return std::make_unique<CausalTask>(tokenizer);
                 });
}

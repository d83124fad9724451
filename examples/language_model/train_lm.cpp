// Trains a causal language model on text: each token is predicted from those before it.
#include "examples/language_model/causal_task.hpp"
#include "examples/language_model/train_program.hpp"

int main(int argc, char** argv) {
    using namespace taper::examples;
    const auto make_task = [](const Tokenizer& tokenizer, const Corpus&) {
        return std::make_unique<CausalTask>(tokenizer);
    };
    return train(argc, argv, "train_lm",
                 "Trains a causal (left to right) language model on text files.", ModelKind::causal,
                 make_task);
}

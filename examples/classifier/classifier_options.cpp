#include "examples/classifier/classifier_options.hpp"

namespace taper::examples {

void ClassifierOptions::declare(Options& options) {
    options.text("--model", model,
                 "masked model to start from, a directory as train_mlm writes it: its tokenizer, "
                 "config.json and weights, with a new classifier. Of the options that say what a "
                 "model is, --dropout alone then has an effect. Default: from nothing");
    options.files("--train", train,
                  "documents to learn from; repeatable. A file has a line for each: label, tab, "
                  "text, UTF-8 (byte: any); quotes are letters, and a carriage return at the end "
                  "of a line is part of that end. A directory has a folder for each class, with a "
                  "file for each document. A tenth of each class, at most 1000 documents in all, "
                  "validates [required, except with --resume]");
    options.files("--test", test,
                  "documents to judge the classifier on at the end, in the same form; repeatable, "
                  "optional. With --resume they may be given later, or be others");
    declare_directory(options);
    declare_tokenizer(options);
    declare_model(options, "n, tokens of a document that are read: its first");
    declare_rescale(options);
    declare_steps(options, "documents", "the held-out documents");
    declare_film(options, "the first held-out document");
}

std::string ClassifierOptions::idle_with_model(const Options& options) {
    return options.without_effect(
        {"--tokenizer", "--vocab", "--length", "--k", "--width", "--heads", "--layers",
         "--ffn-width", "--attention", "--sharing", "--projection", "--projection-init", "--norm",
         "--tie-embeddings", "--rescale"},
        "--model");
}

std::vector<std::string> ClassifierOptions::stored() {
    std::vector<std::string> names = TrainingOptions::stored();
    names.insert(names.end(), {"--model", "--train", "--test", "--rescale"});
    return names;
}

std::vector<std::string> ClassifierOptions::may_change() {
    std::vector<std::string> names = TrainingOptions::may_change();
    // The one is known by its hash, nothing is learned from the other.
    names.insert(names.end(), {"--train", "--test"});
    return names;
}

}  // namespace taper::examples

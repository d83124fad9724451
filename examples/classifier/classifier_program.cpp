#include "examples/classifier/classifier_program.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/kernels/parallel.hpp"
#include "examples/classifier/classifier_objective.hpp"
#include "examples/classifier/classifier_options.hpp"
#include "examples/classifier/judging.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/run_start.hpp"
#include "examples/language_model/training.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace {

LoadedModel load_masked(const std::string& directory) {
    if (directory.empty()) throw Error("--model: the value must be a path: ''");
    const std::string path = directory + "/config.json";
    if (nn::read_config(path).causal)
        throw Error(path +
                    ": causal: the value must be false: a classifier reads whole texts: "
                    "true");
    return load(directory, ModelKind::masked);
}

// Of all paths, with a line for each.
std::vector<Document> read_all(const std::vector<std::string>& paths, Encoding encoding) {
    std::vector<Document> all;
    for (const std::string& path : paths) {
        Documents read = read_documents(path, encoding);
        say_notices(read.notices);
        const std::size_t classes = class_names_of(read.documents).size();
        say_line(path + ": " + grouped(read.documents.size()) + " documents of " +
                 grouped(classes) + (classes == 1 ? " class" : " classes"));
        std::move(read.documents.begin(), read.documents.end(), std::back_inserter(all));
    }
    return all;
}

void require_same(const std::string& hash, const StoredRun& stored,
                  const ClassifierOptions& chosen) {
    if (hash == stored.identity.text_hashes) return;
    throw Error(chosen.train[0] +
                ": with --resume the documents of --train must be as they were when the run in " +
                chosen.out +
                " was started: they are others (--train says where those are; --out "
                "begins a run with these)");
}

// Error: there are less than two.
std::vector<std::string> classes_to_tell_apart(std::span<const Document> train) {
    std::vector<std::string> names = class_names_of(train);
    if (names.size() < 2)
        throw Error(
            "--train: there must be at least two classes to tell apart: all documents are "
            "of '" +
            shortened(names[0]) + "'");
    return names;
}

std::unique_ptr<Tokenizer> tokenizer_of(const ClassifierOptions& chosen, TokenizerKind kind,
                                        std::span<const Document> train) {
    std::vector<Text> texts;
    for (const Document& document : train) texts.push_back({document.place, document.text});
    return new_tokenizer(chosen, kind, texts, true);
}

// Of a new run.
nn::Config new_config(const ClassifierOptions& chosen, const Options& options,
                      const std::optional<LoadedModel>& base, const Tokenizer& tokenizer,
                      const std::vector<std::string>& class_names) {
    const auto vocab_size = static_cast<std::size_t>(tokenizer.vocab_size());
    nn::Config config = base ? base->model.config : chosen.model_config(vocab_size, false);
    config.class_names = class_names;
    config.tokenizer_hash = tokenizer.hash();
    config.seed = chosen.seed;
    if (options.given("--dropout")) config.dropout = chosen.dropout;
    return config;
}

// A model of the configuration: new, or with the weights of the base and a new classifier. The head
// is kept as it is: no loss reaches it.
nn::Linformer<float> starting_model(const nn::Config& config, std::optional<LoadedModel> base) {
    nn::Linformer<float> model(config);
    std::map<std::string, const Parameter<float>*> weights;
    if (base)
        for (const Parameter<float>* p : base->model.parameters()) weights.emplace(p->name(), p);
    for (Parameter<float>* p : model.parameters()) {
        const auto known = weights.find(p->name());
        if (known != weights.end()) p->mutable_value() = known->second->value();
        if (p->name().starts_with("head.")) freeze(*p);
    }
    return model;
}

TrainingDocuments split_documents(std::vector<EncodedDocument> all,
                                  const std::vector<bool>& held_out) {
    TrainingDocuments documents;
    for (std::size_t i = 0; i < all.size(); ++i)
        (held_out[i] ? documents.validation : documents.training).push_back(std::move(all[i]));
    return documents;
}

// The documents of --test, as they are judged.
struct Test {
    std::vector<EncodedDocument> documents;
    Baselines baselines;
};

int judge_run(const Training& training, const ClassifierOptions& chosen, const Test& test) {
    const auto& class_names = training.model().config.class_names;
    const auto results = judge(training.model(), test.documents, chosen.batch);
    if (!results) return stop_status();
    training.save_file("results.json", results_json(*results, test.baselines, class_names,
                                                    chosen.test, training.steps()));
    say(report_of(*results, test.baselines, class_names));
    say_line("the numbers of the test: " + chosen.out + "/results.json");
    return 0;
}

int classify_with(const std::string& program, ClassifierOptions& chosen, Options& options) {
    auto directory = std::make_unique<RunDirectory>(chosen.out);
    std::optional<StoredRun> stored;
    std::optional<LoadedModel> base;
    std::vector<std::string> notices;
    if (chosen.resume) {
        directory->reopen();
        stored = load_run(chosen.out, RunKind::classifier, options, ClassifierOptions::stored(),
                          ClassifierOptions::may_change());
    } else if (options.given("--model")) {
        directory->require_new();
        base = load_masked(chosen.model);
        notices.push_back(ClassifierOptions::idle_with_model(options));
    } else {
        notices.push_back(chosen.fit_default_k(options));
        directory->require_new();
        check_options(chosen.model_config(1, false), options);  // before any long work
        notices.push_back(chosen.idle_options(options));
    }
    if (chosen.train.empty()) throw Error("--train: at least one file or directory must be given");
    set_threads(static_cast<int>(chosen.threads));
    notices.push_back(chosen.late_warmup());
    say_notices(notices);

    std::unique_ptr<Tokenizer> tokenizer;
    if (stored) tokenizer = std::move(stored->tokenizer);
    if (base) tokenizer = std::move(base->tokenizer);
    const TokenizerKind kind =
        tokenizer ? tokenizer->kind() : tokenizer_kind_from(chosen.tokenizer);
    const std::vector<Document> train = read_all(chosen.train, encoding_of(kind));
    const std::vector<Document> test = read_all(chosen.test, encoding_of(kind));
    const std::string hash = hash_of(train);
    if (stored) require_same(hash, *stored, chosen);
    const std::vector<std::string> class_names = classes_to_tell_apart(train);
    require_known_classes(test, class_names);
    if (!tokenizer) tokenizer = tokenizer_of(chosen, kind, train);

    nn::Config config;
    if (stored) {
        const std::string subject = "the run in " + chosen.out + ": config";
        config = nn::config_from_json(stored->identity.config, subject);
        stored->checkpoint.check_model(config);
        config.seed.reset();  // the weights are those of the checkpoint
    } else {
        config = new_config(chosen, options, base, *tokenizer, class_names);
    }
    check_memory(config, chosen.batch, 4, options);
    const RunIdentity identity{.options = options.stored(ClassifierOptions::stored()).dump(),
                               .text_hashes = hash,
                               .tokenizer = tokenizer->to_json(),
                               .config = nn::config_json(config)};

    EncodedDocuments encoded =
        encode_documents(train, class_names, *tokenizer, config.length, "--train");
    say_notices(encoded.notices);
    std::vector<std::size_t> labels;
    for (const EncodedDocument& document : encoded.documents) labels.push_back(document.label);
    const std::vector<bool> held = held_out(labels, class_names.size());
    std::optional<Test> judged;
    if (!test.empty()) {
        EncodedDocuments of_test =
            encode_documents(test, class_names, *tokenizer, config.length, "--test");
        say_notices(of_test.notices);
        judged = Test{std::move(of_test.documents), baselines_of(train, held, test, class_names)};
    }
    const TrainingDocuments documents = split_documents(std::move(encoded.documents), held);

    ClassifierObjective objective(chosen, *tokenizer, documents);
    Training training(chosen, starting_model(config, std::move(base)), identity, *tokenizer,
                      objective);
    if (stored) {
        training.resume(std::move(directory), stored->checkpoint, stored->steps);
        stored.reset();  // its memory is as much as the model's and Adam's
    }
    int status = training.run();
    if (status == 0) say_done(chosen, training.log());
    if (status == 0 && judged) status = judge_run(training, chosen, *judged);
    if (status != 0) say_how_to_resume(program, chosen);
    return status;
}

}  // namespace

int classify_here(const std::vector<std::string>& command_line, const std::string& program) {
    ClassifierOptions chosen;
    Options options(program,
                    "Trains a classifier of texts, from nothing or from a masked language model, "
                    "and judges it on a test set: accuracy, F1 and confusion matrix, beside naive "
                    "Bayes and the most frequent class. They stand in results.json, too.");
    chosen.declare(options);
    if (!options.parse(command_line)) return 0;
    return classify_with(command_line.at(0), chosen, options);
}

}  // namespace taper::examples

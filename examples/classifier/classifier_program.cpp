#include "examples/classifier/classifier_program.hpp"

#include <algorithm>
#include <iterator>
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
#include "examples/language_model/attention_film.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/run_start.hpp"
#include "examples/language_model/training.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace {

// What a run begins with: the run that is to go on, a model to fine-tune, or neither.
struct Beginning {
    std::unique_ptr<RunDirectory> directory;
    std::optional<StoredRun> stored;
    std::optional<LoadedModel> base;

    // Of one of them; or null.
    std::unique_ptr<Tokenizer> take_tokenizer() {
        if (stored) return std::move(stored->tokenizer);
        if (base) return std::move(base->tokenizer);
        return nullptr;
    }
};

LoadedModel load_base(const std::string& directory) {
    if (directory.empty()) throw Error("--model: the value must be a path: ''");
    const std::string path = directory + "/config.json";
    if (nn::read_config(path).causal)
        throw Error(path +
                    ": causal: the value must be false: a classifier reads whole texts: true");
    return load(directory, ModelKind::masked);
}

// All that can be refused before any long work. Gives the options of a stored run their values.
Beginning begin(ClassifierOptions& chosen, Options& options) {
    Beginning beginning{std::make_unique<RunDirectory>(chosen.out), std::nullopt, std::nullopt};
    std::vector<std::string> notices;
    if (chosen.resume) {
        beginning.directory->reopen();
        beginning.stored = load_run(chosen.out, ModelKind::classifier, options,
                                    ClassifierOptions::stored(), ClassifierOptions::may_change());
    } else if (options.given("--model")) {
        beginning.directory->require_new();
        beginning.base = load_base(chosen.model);
        notices.push_back(ClassifierOptions::idle_with_model(options));
    } else {
        notices.push_back(chosen.fit_default_k(options));
        beginning.directory->require_new();
        check_options(chosen.model_config(1, false), options);
        notices.push_back(chosen.idle_options(options));
    }
    if (chosen.train.empty()) throw Error("--train: at least one file or directory must be given");
    set_threads(static_cast<int>(chosen.threads));
    check_film(chosen);
    notices.push_back(chosen.late_warmup());
    notices.push_back(chosen.idle_plot_text());
    say_notices(notices);
    return beginning;
}

// The documents of a run, whole, and their classes.
struct Data {
    std::vector<Document> train, test;
    std::vector<std::string> class_names;
    std::string hash;  // of train
};

// Of all paths, with a line for each.
std::vector<Document> read_all(const std::vector<std::string>& paths, Encoding encoding) {
    std::vector<Document> all;
    for (const std::string& path : paths) {
        Documents read = read_documents(path, encoding);
        say_notices(read.notices);
        say_line(path + ": " + counted(read.documents.size(), "document", "documents") + " of " +
                 counted(class_names_of(read.documents).size(), "class", "classes"));
        std::move(read.documents.begin(), read.documents.end(), std::back_inserter(all));
    }
    return all;
}

Data read_data(const ClassifierOptions& chosen, Encoding encoding,
               const std::optional<StoredRun>& stored) {
    Data data;
    data.train = read_all(chosen.train, encoding);
    data.hash = hash_of(data.train);
    if (stored && data.hash != stored->identity.text_hashes)
        throw Error(chosen.train[0] +
                    ": with --resume the documents of --train must be as they were when the run "
                    "in " +
                    chosen.out +
                    " was started: they are others (--train says where those are; --out begins a "
                    "run with these)");
    say_line("classes: " + classes_text(data.train));
    data.class_names = class_names_of(data.train);
    if (data.class_names.size() < 2)
        throw Error(
            "--train: there must be at least two classes to tell apart: all documents are "
            "of '" +
            shortened(data.class_names[0]) + "'");
    data.test = read_all(chosen.test, encoding);
    require_known_classes(data.test, data.class_names);
    return data;
}

std::unique_ptr<Tokenizer> tokenizer_of(const ClassifierOptions& chosen, TokenizerKind kind,
                                        std::span<const Document> train) {
    std::vector<Text> texts;
    for (const Document& document : train) texts.push_back({document.place, document.text});
    return new_tokenizer(chosen, kind, texts, true);
}

nn::Config config_of(const ClassifierOptions& chosen, const Options& options,
                     const Beginning& beginning, const Tokenizer& tokenizer,
                     const std::vector<std::string>& class_names) {
    if (beginning.stored) {
        const std::string subject = "the run in " + chosen.out + ": config";
        nn::Config config = nn::config_from_json(beginning.stored->identity.config, subject);
        beginning.stored->checkpoint.check_model(config);
        config.seed.reset();  // the weights are those of the checkpoint
        return config;
    }
    const auto vocab_size = static_cast<std::size_t>(tokenizer.vocab_size());
    nn::Config config =
        beginning.base ? beginning.base->model.config : chosen.model_config(vocab_size, false);
    config.class_names = class_names;
    config.tokenizer_hash = tokenizer.hash();
    config.seed = chosen.seed;
    if (options.given("--dropout")) config.dropout = chosen.dropout;
    return config;
}

// The documents as the model reads them, and those of --test, with what it is held against.
struct Test {
    std::vector<EncodedDocument> documents;
    Baselines baselines;
};
struct EncodedData {
    TrainingDocuments training;
    std::optional<Test> test;
};

EncodedData encode_data(const Data& data, const Tokenizer& tokenizer, std::size_t length) {
    EncodedDocuments all =
        encode_documents(data.train, data.class_names, tokenizer, length, "--train");
    say_notices(all.notices);
    std::vector<std::size_t> labels;
    for (const EncodedDocument& document : all.documents) labels.push_back(document.label);
    const std::vector<bool> held = held_out(labels, data.class_names.size());
    EncodedData encoded;
    for (std::size_t i = 0; i < labels.size(); ++i)
        (held[i] ? encoded.training.validation : encoded.training.training)
            .push_back(std::move(all.documents[i]));
    if (data.test.empty()) return encoded;
    EncodedDocuments test =
        encode_documents(data.test, data.class_names, tokenizer, length, "--test");
    say_notices(test.notices);
    encoded.test = Test{std::move(test.documents),
                        baselines_of(data.train, held, data.test, data.class_names)};
    return encoded;
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

// Returns the exit status: not 0 where a signal asked the program to stop.
int judge_run(const Training& training, const ClassifierOptions& chosen, const Test& test) {
    const auto& class_names = training.model().config.class_names;
    const auto results = judge(training.model(), test.documents, chosen.batch);
    if (!results) return stop_status();
    training.save_file("results.json", results_json(*results, test.baselines, class_names,
                                                    chosen.test, training.steps()));
    say(report_of(*results, test.baselines, class_names, training.steps()));
    say_line("the numbers of the test: " + chosen.out + "/results.json");
    return 0;
}

int classify_with(const std::string& program, ClassifierOptions& chosen, Options& options) {
    Beginning beginning = begin(chosen, options);
    std::unique_ptr<Tokenizer> tokenizer = beginning.take_tokenizer();
    const TokenizerKind kind =
        tokenizer ? tokenizer->kind() : tokenizer_kind_from(chosen.tokenizer);
    std::optional<Data> data = read_data(chosen, encoding_of(kind), beginning.stored);
    if (!tokenizer) tokenizer = tokenizer_of(chosen, kind, data->train);
    const nn::Config config = config_of(chosen, options, beginning, *tokenizer, data->class_names);
    check_memory(config, chosen.batch, 4, options);
    const RunIdentity identity{.options = options.stored(ClassifierOptions::stored()).dump(),
                               .text_hashes = data->hash,
                               .tokenizer = tokenizer->to_json(),
                               .config = nn::config_json(config)};
    const EncodedData encoded = encode_data(*data, *tokenizer, config.length);
    data.reset();  // of the texts nothing more is needed
    const auto& [training_documents, held_out_documents] = encoded.training;
    const auto& examples = held_out_documents.empty() ? training_documents : held_out_documents;
    const auto kept = without(ClassifierOptions::stored(), ClassifierOptions::may_change());
    auto film = film_of(chosen, *tokenizer, examples[0].tokens, config.length,
                        options.stored(kept).dump() + identity.text_hashes,
                        beginning.stored ? beginning.stored->checkpoint.steps() : 0);

    ClassifierObjective objective(chosen, *tokenizer, encoded.training);
    Training training(chosen, starting_model(config, std::move(beginning.base)), identity,
                      *tokenizer, objective);
    if (beginning.stored) {
        training.resume(std::move(beginning.directory), beginning.stored->checkpoint,
                        beginning.stored->steps);
        beginning.stored.reset();  // its memory is as much as the model's and Adam's
    }
    int status = training.run({}, frames_of(film));
    if (status == 0) {
        say_done(chosen, training.log());
        say_film(film);
    }
    if (status == 0 && encoded.test) status = judge_run(training, chosen, *encoded.test);
    if (status != 0) {
        say_how_to_resume(program, chosen);
        return status;
    }
    say_how_to_use(program, chosen, ModelKind::classifier,
                   beginning_of(examples[0].tokens, *tokenizer));
    return 0;
}

}  // namespace

int classify_here(const std::vector<std::string>& command_line, const std::string& program) {
    ClassifierOptions chosen;
    Options options(program,
                    "Trains a classifier of texts, from nothing or from a masked language model, "
                    "and judges it on a test set: accuracy, F1 (macro: the mean over the classes "
                    "that the test has) and confusion matrix, beside naive Bayes and the most "
                    "frequent class. They stand in results.json in the --out directory, too.");
    chosen.declare(options);
    if (!options.parse(command_line)) return 0;
    return classify_with(command_line.at(0), chosen, options);
}

}  // namespace taper::examples

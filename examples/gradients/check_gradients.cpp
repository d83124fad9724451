// Holds gradients against numeric derivatives, for people: check_gradients [OP...] those of single
// ops, check_gradients --whole [OPTIONS OF A MODEL] those of a whole model.
#include <nlohmann/json.hpp>

#include "core/kernels/parallel.hpp"
#include "examples/common/model_memory.hpp"
#include "examples/common/model_options.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/gradients/model_checks.hpp"
#include "examples/gradients/op_checks.hpp"
#include "examples/gradients/shake.hpp"
#include "examples/language_model/loading.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

// What the program is asked for. A new model is small: every entry is checked within seconds.
struct Asked {
    std::vector<std::string> ops;
    bool list = false;
    bool whole = false;
    std::string directory, text;
    ModelOptions model{.length = 8, .width = 8, .heads = 2, .layers = 2, .k = {4}};
    bool causal = false;
    bool padding = false;
    std::uint64_t vocab = 11;
    std::uint64_t batch = 2;
    ModelChecks checks;
    std::uint64_t threads = static_cast<std::uint64_t>(taper::threads());
};

static void declare(Options& options, Asked& asked) {
    options.words("OP", asked.ops, "the ops that are checked, as softmax; none: all");
    options.flag("--list", asked.list, "print the names of the ops instead");
    options.count("--seed", asked.checks.seed, 0, std::numeric_limits<std::uint64_t>::max(),
                  "another one draws other inputs, weights and tokens");
    options.count("--threads", asked.threads, 1, max_threads, "threads");
    options.flag("--whole", asked.whole, "check a whole model, not single ops");
    options.count("--entries", asked.checks.entries, 1, 1'000'000'000,
                  "of a parameter that has more entries, so many are drawn and checked; a model "
                  "of usual size takes minutes with 4");
    options.count("--batch", asked.batch, 1, 1'000'000, "B, rows of random tokens");
    options.flag("--padding", asked.padding, "the last third of the last row is padding");
    options.path("--model", asked.directory, "check the model of this directory, not a new one");
    options.text("--text", asked.text, "with --model: its loss on this text, not on random tokens");
    asked.model.declare_model(options, "n, tokens in a row");
    asked.model.declare_window(options);
    asked.model.declare_rescale(options);
    options.flag("--causal", asked.causal, "left to right");
    options.count("--vocab", asked.vocab, 1, 1'000'000, "V, tokens in the vocabulary");
}

// Those that the command line names, of all options but these.
static std::vector<std::string> given_but(const Options& options,
                                          const std::vector<std::string>& names) {
    std::vector<std::string> given;
    const nlohmann::json others = options.all_but(names);
    for (const auto& [name, value] : others.items())
        if (options.given(name)) given.push_back(name);
    return given;
}

static const std::vector<std::string> of_every_check{"OP", "--list", "--seed", "--threads"};
// Those of a whole model that do not say what a new one is made of.
static const std::vector<std::string> of_every_model{"--whole",   "--entries", "--batch",
                                                     "--padding", "--model",   "--text"};

static void say_what_is_checked() {
    print_result(
        "What backward computes, beside numeric derivatives of the forward pass alone, in double.\n"
        "An error is relative to the terms that the derivative is a sum of. At a kink, where the\n"
        "function has a corner, a gradient between the slopes on either side is right.\n\n");
}

static int check(const Asked& asked) {
    std::vector<GradientCase> cases = gradient_table(asked.checks.seed);
    if (!asked.ops.empty()) cases = cases_of(asked.ops, cases);
    if (asked.list) {
        for (const std::string& op : ops_of(cases)) print_result(op + "\n");
        return 0;
    }
    say_what_is_checked();
    return check_ops(cases, asked.checks.seed, print_result) ? 0 : 1;
}

static int check(const std::string& which, nn::Linformer<double>& model, const Batch& batch,
                 const ModelChecks& checks) {
    const auto loss = [&] { return loss_of(model, batch, checks.seed); };
    const nn::Config& c = model.config;
    const std::string kind = c.classes() > 0 ? "a classifier" : c.causal ? "causal" : "masked";
    say_what_is_checked();
    print_result(which + ", " + kind + ", attention " + nn::name_of(c.attention) + ": n " +
                 std::to_string(c.length) + ", d " + std::to_string(c.width) + ", h " +
                 std::to_string(c.heads) + ", L " + std::to_string(c.layers) + ", V " +
                 std::to_string(c.vocab_size) + ".\nIts loss on " +
                 counted(batch.tokens.shape(0), "row", "rows") + " of " +
                 counted(batch.tokens.shape(1), "token", "tokens") + " is " +
                 fixed(loss().item(), 4) + " nats. d loss / d parameter:\n\n");
    return check_model(loss, model.parameters(), checks, print_result) ? 0 : 1;
}

static int check_directory(const Asked& asked, const Options& options) {
    auto without = of_every_check;
    without.insert(without.end(), of_every_model.begin(), of_every_model.end());
    const std::string of_new = options.without_effect(given_but(options, without), "--model");
    const std::string of_rows =
        asked.text.empty() ? "" : options.without_effect({"--batch", "--padding"}, "--text");
    for (const std::string& line : {of_new, of_rows})
        if (!line.empty()) note(line);
    auto model = nn::load_model<double>(asked.directory);
    if (asked.text.empty()) {
        const Batch batch =
            random_batch(model.config, asked.batch, asked.padding, asked.checks.seed);
        return check(asked.directory, model, batch, asked.checks);
    }
    const ModelKind kind = model.config.classes() > 0 ? ModelKind::classifier
                           : model.config.causal      ? ModelKind::causal
                                                      : ModelKind::masked;
    const LoadedModel loaded = load(asked.directory, kind);
    return check(asked.directory, model, batch_of_text(*loaded.tokenizer, model.config, asked.text),
                 asked.checks);
}

static int check_new_model(Asked& asked, const Options& options) {
    asked.model.seed = asked.checks.seed;
    const std::string chosen_k = asked.model.fit_default_k(options);
    const nn::Config config = asked.model.model_config(asked.vocab, asked.causal);
    check_options(config, options);
    check_memory(config, asked.batch, 4, options);
    for (const std::string& line : {chosen_k, asked.model.idle_options(options)})
        if (!line.empty()) note(line);
    nn::Linformer<double> model(config);
    shake(model.parameters(), asked.checks.seed);
    return check("A new model", model,
                 random_batch(config, asked.batch, asked.padding, asked.checks.seed), asked.checks);
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("check_gradients", [&] {
        Asked asked;
        Options options(
            "check_gradients",
            "Holds what backward computes against numeric derivatives of the forward pass alone.\n"
            "  check_gradients                    every op; composed::X is X made of other ops\n"
            "  check_gradients softmax add        these ops\n"
            "  check_gradients --whole            d loss / d parameter of a small new model;\n"
            "                                     with any option of a model --whole is implied\n"
            "  check_gradients --model DIR        the same of the model in a directory\n"
            "The status is 0 where all agree, 1 where something does not.");
        declare(options, asked);
        if (!options.parse(argc, argv)) return 0;
        set_threads(static_cast<int>(asked.threads));
        const std::vector<std::string> of_a_model = given_but(options, of_every_check);
        if (of_a_model.empty()) return check(asked);
        if (!asked.ops.empty() || asked.list)
            throw Error(of_a_model[0] +
                        ": a whole model and single ops must be checked one at a time: " +
                        (asked.list ? "--list" : "'" + shortened(asked.ops[0]) + "'"));
        if (!asked.directory.empty()) return check_directory(asked, options);
        if (options.given("--text"))
            throw Error("--text: --model must be given, too: a new model has no tokenizer: '" +
                        shortened(asked.text) + "'");
        return check_new_model(asked, options);
    });
}

// check_gradients: its table of ops, whole models, and what it refuses.
#include <set>

#include "nn/model_directory.hpp"
#include "tests/core/ops/declared_ops.hpp"
#include "tests/support/models.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/trained.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

Result check_gradients(const Arguments& arguments) { return run("check_gradients", arguments); }

// The first words of the lines between the heading, which begins with this word, and the sum.
std::set<std::string> rows(const std::string& text, const std::string& heading) {
    std::istringstream lines(text.substr(text.find("\n" + heading + " ") + 1));
    std::set<std::string> names;
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line))
        if (!line.empty()) names.insert(line.substr(0, line.find(' ')));
    return names;
}

}  // namespace

TEST_CASE("programs check_gradients: every op that core/ops.hpp declares has a row, and agrees") {
    const Result result = check_gradients({"--threads", "1"});
    CHECK(result.status == 0);
    CHECK(result.err.empty());
    const std::vector<std::string> declared = declared_ops();
    std::set<std::string> expected(declared.begin(), declared.end());
    std::istringstream list(check_gradients({"--list"}).out);
    std::set<std::string> listed;
    for (std::string op; std::getline(list, op);) listed.insert(op);
    CHECK(listed == expected);
    expected.insert(std::to_string(declared.size()));  // of the line that sums up
    CHECK(rows(result.out, "op") == expected);
    CHECK(Pattern(std::to_string(declared.size()) +
                  " ops, [0-9,]+ cases, [0-9,]+ entries: all agree with numeric derivatives\n")
              .matches(last_line(result.out)));
}

TEST_CASE(
    "programs check_gradients: some ops, and the same seed gives the same text on any threads") {
    const Arguments ops{"softmax", "--seed", "3", "matmul"};
    const Result one = check_gradients(ops + Arguments{"--threads", "1"});
    CHECK(one.status == 0);
    CHECK(rows(one.out, "op") == std::set<std::string>{"matmul", "softmax", "2"});
    CHECK(check_gradients(ops + Arguments{"--threads", "3"}).out == one.out);
    CHECK(check_gradients({"softmax", "matmul", "--seed", "4"}).out != one.out);
    CHECK(check_gradients({"--list", "softmax"}).out == "softmax\n");
    const Arguments model{"--causal", "--layers", "1", "--entries", "9", "--seed", "3"};
    const Result whole = check_gradients(model + Arguments{"--threads", "1"});
    CHECK(whole.status == 0);
    CHECK(check_gradients(model + Arguments{"--threads", "3"}).out == whole.out);
    CHECK(check_gradients({"--causal", "--layers", "1", "--entries", "9"}).out != whole.out);
}

TEST_CASE("programs check_gradients: a new model is made of the options, each parameter a row") {
    const Result usual = check_gradients({"--whole"});
    CHECK(usual.status == 0);
    CHECK(contains(usual.out, "masked, attention linformer: n 8, d 8, h 2, L 2, V 11."));
    CHECK(Pattern("42 parameters, [0-9,]+ entries, 2 directions: all agree with numeric "
                  "derivatives\n")
              .matches(last_line(usual.out)));
    const Result other = check_gradients({"--causal", "--window",         "2",         "--k",
                                          "3",        "--sharing",        "layerwise", "--norm",
                                          "post",     "--layers",         "1",         "--width",
                                          "6",        "--heads",          "3",         "--vocab",
                                          "5",        "--ffn-width",      "7",         "--length",
                                          "9",        "--tie-embeddings", "--padding", "--batch",
                                          "3",        "--dropout",        "0.1"});
    CHECK(other.status == 0);
    CHECK(contains(other.out, "causal, attention linformer: n 9, d 6, h 3, L 1, V 5."));
    CHECK(contains(other.out, "on 3 rows of 9 tokens"));
    for (const char* row : {"\nE +[(]3,9[)] +27 ", "\nlayers.0.feed_forward.up.weight +[(]7,6[)] "})
        CHECK_MESSAGE(Pattern(row).is_in(other.out), other.out);
    CHECK_FALSE(contains(other.out, "\nhead.weight"));
    const Result full = check_gradients({"--attention", "full", "--layers", "1", "--k", "3"});
    CHECK(full.status == 0);
    CHECK(full.err == "check_gradients: --k: no effect with --attention full\n");
}

TEST_CASE("programs check_gradients: the model of a directory, on random tokens and on a text") {
    Trained trained({"--layers", "1"});
    const Arguments model{"--model", trained.model, "--entries", "3"};
    const Result random = check_gradients(model);
    CHECK_MESSAGE(random.status == 0, random.out);
    CHECK(contains(random.out, trained.model + ", causal, attention linformer: n 32, d 32, "));
    CHECK(contains(random.out, "Its loss on 2 rows of 32 tokens is "));
    const Result text = check_gradients(model + Arguments{"--text", "the river"});
    CHECK_MESSAGE(text.status == 0, text.out);
    CHECK(contains(text.out, "Its loss on 1 row of 8 tokens is "));
    const Result idle =
        check_gradients(model + Arguments{"--text", "the river", "--batch", "9", "--heads", "2"});
    CHECK(idle.out == text.out);
    CHECK(idle.err ==
          "check_gradients: --heads: no effect with --model\n"
          "check_gradients: --batch: no effect with --text\n");
    check_refused(check_gradients(model + Arguments{"--text", "t"}),
                  {"--text: the text must have"});
    check_refused(check_gradients(model + Arguments{"--text", "\u20AC"}), {"--text", "\u20AC"});
}

// Large scores of equal keys: the weights jump where E moves by less than its rounding.
TEST_CASE("programs check_gradients: the status is 1 where the numeric derivative does not exist") {
    const Scratch scratch;
    nn::Config config = tiny;
    config.layers = 1;
    nn::Linformer<float> model(config);
    for (Parameter<float>* p : model.parameters()) {
        Array<float>& value = p->mutable_value();
        if (contains(p->name(), "attention.E")) std::fill(value.begin(), value.end(), 1.0f);
        if (contains(p->name(), "query.weight") || contains(p->name(), "key.weight"))
            value *= 1e18f;
    }
    std::filesystem::create_directory(scratch.path("model"));
    nn::save_model(scratch.path("model"), model);
    const Result result = check_gradients({"--model", scratch.path("model"), "--entries", "2"});
    CHECK(result.status == 1);
    CAPTURE(result.out);
    CHECK(contains(result.out, "  WRONG\n"));
    CHECK(Pattern("d loss: layers.0.attention.E [(]3,6[)] [(].,.[)]: analytic ").is_in(result.out));
    CHECK(last_line(result.out).ends_with(": not all agree\n"));
}

TEST_CASE("programs check_gradients: what it refuses") {
    check_refused(check_gradients({"softmax", "layernorm"}),
                  {"'layernorm'", "did you mean layer_norm?"});
    check_refused(check_gradients({"no_such_op"}), {"'no_such_op': the word must be an op"});
    check_refused(check_gradients({"--causl"}), {"--causl", "did you mean --causal?"});
    check_refused(check_gradients({"softmax", "--causal"}),
                  {"--causal: a whole model and single ops", "'softmax'"});
    check_refused(check_gradients({"--list", "--whole"}), {"--whole: ", "--list"});
    check_refused(check_gradients({"--text", "a"}), {"--text: --model must be given"});
    check_refused(check_gradients({"--heads", "3"}), {"--heads: ", "width 8, heads 3"});
    check_refused(check_gradients({"--causal", "--projection", "mean"}), {"--projection: "});
    check_refused(check_gradients({"--model", "/no/such/model"}), {"/no/such/model/config.json"});
    check_refused(check_gradients({"--entries", "0"}), {"--entries", "from 1 to"});
}

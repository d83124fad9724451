// The table of a whole model's gradient checks: what it says of right and of broken models.
#include "examples/gradients/model_checks.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/models.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tokenizers.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

// A shaken model, and what is said of its gradients.
struct CheckedModel {
    nn::Linformer<double> model;
    nn::Parameters<double> parameters;
    Batch batch;
    std::string text = "";

    explicit CheckedModel(const nn::Config& config, bool padding = false)
        : model(config), parameters(shaken(model)), batch(random_batch(config, 2, padding, 1)) {}

    Parameter<double>& parameter(const std::string& name) {
        for (Parameter<double>* p : parameters)
            if (p->name() == name) return *p;
        throw Error("the test must name a parameter: " + name);
    }
    Var<double> loss() const { return loss_of(model, batch, 1); }
    bool agrees(const std::function<Var<double>()>& loss, const ModelChecks& checks = {}) {
        text.clear();
        return check_model(loss, parameters, checks, [&](std::string_view part) { text += part; });
    }
    bool agrees() {
        return agrees([&] { return loss(); });
    }

    // The line of the table that begins with these words; "" where there is none.
    std::string row(const std::string& name) const {
        const std::size_t begin = text.find("\n" + name + " ");
        if (begin == text.npos) return "";
        return text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
    }
};

// 0, and backward says 1e-3 for that entry of w.
Var<double> wrong_gradient(const Var<double>& w, std::size_t entry) {
    Array<double> weights = zeros<double>(w.shape());
    weights.data()[entry] = 1e-3;
    return sum((w - w.detach()) * Var<double>(weights));
}

std::ptrdiff_t count(const std::string& text, const std::string& part) {
    std::ptrdiff_t found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("model gradient checks: a row for each parameter, all entries of each") {
    CheckedModel checked(tiny);
    CHECK(checked.agrees());
    CAPTURE(checked.text);
    std::size_t entries = 0;
    for (const Parameter<double>* p : checked.parameters) {
        const std::string row = checked.row(p->name());
        CHECK(contains(row, " " + to_string(p->shape()) + " "));
        CHECK(contains(row, " " + std::to_string(p->value().size()) + " "));
        entries += p->value().size();
    }
    CHECK(entries > 1000);
    CHECK(contains(checked.row("all of them"), "2 directions"));
    CHECK(contains(checked.text, "\n\nlayers.1.norm1.weight "));
    CHECK(checked.text.ends_with("\n" + std::to_string(checked.parameters.size()) +
                                 " parameters, " + std::to_string(entries / 1000) + "," +
                                 std::to_string(entries % 1000) +
                                 " entries, 2 directions: all agree with numeric derivatives\n"));
}

TEST_CASE("model gradient checks: kinds of models that agree, with padding and without") {
    std::vector<nn::Config> configs(5, tiny);
    configs[0].attention = nn::AttentionKind::full;  // a key's bias has no effect
    configs[1].causal = true;
    configs[1].window = 2;
    configs[2].projection = nn::ProjectionKind::max;
    configs[2].norm = nn::Norm::post;
    configs[3].class_names = {"a", "b", "c"};
    configs[4].dropout = 0.2;
    configs[4].rescale = true;
    for (nn::Config& config : configs) {
        config.layers = 1;
        for (const bool padding : {false, true}) {
            CheckedModel checked(config, padding);
            CHECK_MESSAGE(checked.agrees(), checked.text);
        }
    }
}

TEST_CASE("model gradient checks: a parameter that is not trained is said to be none") {
    nn::Config config = tiny;
    config.projection = nn::ProjectionKind::random;
    CheckedModel checked(config);
    CHECK(checked.agrees());
    CHECK(checked.row("layers.0.attention.E").ends_with("not trained"));
}

TEST_CASE("model gradient checks: a wrong entry is named, with both numbers of the loss") {
    CheckedModel checked(tiny);
    Parameter<double>& E = checked.parameter("layers.0.attention.E");
    CHECK_FALSE(checked.agrees([&] { return checked.loss() + wrong_gradient(E, 17); }));
    CAPTURE(checked.text);
    CHECK(checked.row("layers.0.attention.E").ends_with("  WRONG"));
    CHECK(checked.row("all of them").ends_with("  WRONG"));
    CHECK(count(checked.text, "  WRONG\n") == 2);
    {
        Tape<double> tape;
        tape.backward(checked.loss());
    }
    const double right = E.gradient()(2, 5);
    CHECK(contains(checked.text, "\n  d loss: layers.0.attention.E (3,6) (2,5): analytic " +
                                     with_digits(right + 1e-3, 9)));
    CHECK(contains(checked.text, ", numeric " + with_digits(right, 7)));
    CHECK(contains(checked.text, "look first near the last parameter that is wrong"));
    CHECK(checked.text.ends_with(" directions: not all agree\n"));
    // All rows are wrong: the last three are told.
    CHECK_FALSE(checked.agrees([&] { return checked.loss() + wrong_gradient(checked.loss(), 0); }));
    CHECK(count(checked.text, "\nd loss: FAILED: ") == 3);
    CHECK(contains(checked.text, "\n  d loss: head.bias (7) (0): analytic "));
    CHECK(contains(checked.text, "\n  and 4 more\n"));
}

TEST_CASE("model gradient checks: of NaN and of a kink it is said that they are such") {
    CheckedModel checked(tiny);
    const Parameter<double>& bias = checked.parameter("head.bias");
    CHECK_FALSE(checked.agrees([&] { return checked.loss() + sum(sqrt(bias * 0)); }));
    CHECK_MESSAGE(contains(checked.text, "head.bias (7) (0): analytic nan"), checked.text);
    CHECK(contains(checked.text, ": the analytic gradient is nan: the numeric one is "));
    const Array<double> at = bias.value();
    CHECK(checked.agrees([&] { return checked.loss() + sum(relu(bias - at)); }));
    CHECK_MESSAGE(checked.row("head.bias").ends_with(" 7"), checked.text);
}

TEST_CASE("model gradient checks: some entries of a large parameter, and directions through all") {
    CheckedModel checked(tiny);
    const ModelChecks few{.entries = 5};
    CHECK(checked.agrees([&] { return checked.loss(); }, few));
    CHECK_MESSAGE(contains(checked.row("head.weight"), " 5 of 56 "), checked.text);
    CHECK(contains(checked.row("layers.0.norm1.bias"), " 5 of 8 "));
    // The first entry is wrong, and not among those that are drawn.
    Parameter<double>& weight = checked.parameter("head.weight");
    const auto loss = [&] { return checked.loss() + wrong_gradient(weight, 0); };
    CHECK_FALSE(checked.agrees(loss, few));
    CAPTURE(checked.text);
    CHECK_FALSE(checked.row("head.weight").ends_with("WRONG"));
    CHECK(checked.row("all of them").ends_with("  WRONG"));
    CHECK(contains(checked.text, "d loss: head.weight (7,8) along a random direction: analytic "));
    CHECK_FALSE(checked.agrees(loss));
    CHECK(checked.row("head.weight").ends_with("  WRONG"));
}

TEST_CASE("model gradient checks: the last third of the last row is padding without a target") {
    const Batch batch = random_batch(tiny, 2, true, 1);
    CHECK(*batch.real ==
          Mask{{true, true, true, true, true, true}, {true, true, true, true, false, false}});
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(batch.targets(0, i) >= 0);
        CHECK((batch.targets(1, i) == ignore_index) == (i >= 4));
    }
    CHECK_FALSE(random_batch(tiny, 2, false, 1).real);
    CHECK(random_batch(tiny, 2, false, 2).tokens != batch.tokens);
}

TEST_CASE("model gradient checks: what of a text is read, and what of it is to be predicted") {
    nn::Config config = tiny;  // of 6 positions
    const auto masked = tokenizer_of(TokenizerKind::byte, "a");
    const Batch hidden = batch_of_text(*masked, config, "abcdefgh");
    CHECK(hidden.tokens == Ids{{256, 'b', 'c', 'd', 256, 'f'}});
    CHECK(hidden.targets == Ids{{'a', -100, -100, -100, 'e', -100}});
    config.class_names = {"x", "y"};
    const Batch classified = batch_of_text(*masked, config, "ab");
    CHECK(classified.tokens == Ids{{'a', 'b'}});
    CHECK(classified.targets == Ids{0});
    config = tiny;
    config.causal = true;
    const auto causal = tokenizer_of(TokenizerKind::byte, "a", {}, false);
    const Batch next = batch_of_text(*causal, config, "abc");
    CHECK(next.tokens == Ids{{'a', 'b'}});
    CHECK(next.targets == Ids{{'b', 'c'}});
    CHECK(batch_of_text(*causal, config, "abcdefgh").tokens.shape() == Shape{1, 6});
    CHECK(refusal([&] {
              batch_of_text(*causal, config, "a");
          }).starts_with("--text: the text must have a token, and one more"));
    CHECK(refusal([&] { batch_of_text(*masked, tiny, ""); }) != "");
}

// The command lines of train_mlm and fill_mask.
#include <string>

#include "tests/support/pattern.hpp"
#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

// A command line that fails only because its text is not there; an option that is given replaces
// its default.
struct CommandLine {
    std::map<std::string, std::string> values{
        {"--attention", "full"}, {"--width", "65536"}, {"--heads", "1"}};
    Result with(const std::string& option, const std::string& value) const {
        auto all = values;
        all[option] = value;
        Arguments arguments;
        for (const auto& [name, text] : all) arguments = arguments + Arguments{name, text};
        return train(arguments +
                     Arguments{"--text", "/no/such/text", "--out", "/tmp/taper-never-written"});
    }
    bool takes(const std::string& option, const std::string& value) const {
        const Result result = with(option, value);
        CHECK(result.status == 2);
        return contains(result.err, "/no/such/text");
    }
};

// The names that --help lists.
std::vector<std::string> option_names(const std::string& program) {
    const Result help = run(program, {"--help"});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    std::vector<std::string> options;
    const Pattern name("\n +(--[a-z-]+)");
    for (const Pattern::Match& match : name.find_all(help.out)) options.push_back(match[1]);
    return options;
}

}  // namespace

TEST_CASE("programs options: every whole number that a message allows is taken, and no other") {
    const CommandLine line;
    const Pattern range("a whole number from ([0-9]+) to ([0-9]+): '1e3'");
    int counts = 0;
    for (const std::string& option : option_names("train_mlm")) {
        CAPTURE(option);
        const std::string refusal = line.with(option, "1e3").err;
        const auto ranges = range.find_all(refusal);
        if (ranges.empty()) continue;
        ++counts;
        const std::string low = ranges[0][1];
        const std::string high = ranges[0][2];
        CHECK(line.takes(option, low));
        if (option != "--vocab") CHECK(line.takes(option, high));  // --vocab: only with bpe
        const bool is_largest = high == "18446744073709551615";
        const std::string above =
            is_largest ? "18446744073709551616" : std::to_string(std::stoull(high) + 1);
        for (const std::string& bad :
             {std::string(low == "0" ? "-1" : "0"), above, std::string("99999999999999999999"),
              std::string(), std::string("5x"), std::string(" 5"), std::string("+5"),
              std::string("5.0"), std::string("0x5")})
            check_refused(line.with(option, bad),
                          {option + ":", "'" + bad + "'", "from " + low + " to " + high});
    }
    CHECK(counts == 14);
    CHECK(!std::filesystem::exists("/tmp/taper-never-written"));
}

TEST_CASE("programs options: every number that a message allows is taken, and no other") {
    const CommandLine line;
    const Arguments never{"nan", "inf", "-inf", "1e400", "", "1,5", "1.5x", " 1", "-0.1", "0x1p3"};
    for (const auto& [option, rule, good, bad] :
         std::vector<std::tuple<std::string, std::string, Arguments, Arguments>>{
             {"--lr",
              "a number above 0, at most 3.4028234663852886e+38",
              {"1e-300", "5e-324", "0.5", "3", "3.4028234663852886e+38"},
              {"0", "-0", "1e-400", "1e-3abc", "3.4028234663852891e+38", "1e308"}},
             {"--weight-decay",
              "a finite number, 0 or more",
              {"0", "1e-300", "1e308"},
              {"-1e-300"}},
             {"--clip", "a finite number, 0 or more", {"0", "1e-300", "1e308"}, {"-1e-300"}},
             {"--dropout",
              "a number in [0, 1)",
              {"0", "0.9999999", "1e-300"},
              {"1", "1.0", "2", "-1e-300"}}}) {
        for (const std::string& value : good) {
            CAPTURE(value);
            CHECK(line.takes(option, value));
        }
        for (const std::string& value : bad + never)
            check_refused(line.with(option, value), {option + ":", rule, "'" + value + "'"});
    }
}

TEST_CASE("programs options: options that are unknown, repeated, cut short or of the wrong word") {
    const Scratch scratch;
    const std::string out = scratch.path("out"), text = scratch.file("text.txt", prose(1000));
    const auto train_with = [&](const Arguments& arguments) {
        return train(small_model() + Arguments{"--text", text, "--out", out} + arguments);
    };
    check_refused(train_with({"--step", "5"}),
                  {"--step: ", "did you mean --steps?"});  // no prefixes
    check_refused(train_with({"--eval=5"}), {"--eval: ", "did you mean --eval-every?"});
    check_refused(train_with({"--tokenizer", "chr"}), {"'chr': did you mean char?"});
    check_refused(train_with({"--no-such=3"}),
                  {"--no-such: the option must be one that --help lists\n"});
    check_refused(
        train_with({"--weight_decay", "0"}),
        {"--weight_decay: the option must be one that --help lists: did you mean --weight-decay?"});
    check_refused(train_with({"-x"}), {"-x"});
    check_refused(train_with({"word"}), {"word"});
    check_refused(train_with({"--text", text, "word"}),
                  {"'word'", "or its value: --text stands before each value of its own\n"});
    check_refused(train_with({"--steps", "5", "word"}), {"'word'", "or its value\n"});
    check_refused(train_with({"--tie-embeddings", "word"}), {"'word'", "or its value\n"});
    check_refused(train_with({"--steps"}), {"--steps"});
    check_refused(train_with({"--steps", "--seed"}), {"--steps", "'--seed'"});
    check_refused(train_with({"--steps=", "5"}), {"--steps: a value must follow"});
    check_refused(train({"--text", text, "--out=", "--resume"}), {"--out: a value must follow"});
    check_refused(train({"--text", text, "--out", "--resume"}),
                  {"--out: a value must follow", "'--resume'"});
    check_refused(train_with({"--steps", "5", "--steps=6"}), {"--steps", "once", "'5'", "'6'"});
    check_refused(train_with({"--tie-embeddings", "--tie-embeddings"}),
                  {"--tie-embeddings", "once"});
    check_refused(train_with({"--tie-embeddings=false"}), {"tie-embeddings"});
    check_refused(train_with({"--tie-embeddings=maybe"}), {"tie-embeddings"});
    check_refused(train_with({"--tokenizer", "word"}),
                  {"--tokenizer", "char, byte, bpe", "'word'"});
    check_refused(train_with({"--norm", "PRE"}), {"--norm", "pre, post", "'PRE'"});
    check_refused(train_with({"--vocab", "300"}), {"--vocab", "--tokenizer char"});
    check_refused(train({"--text", text}), {"--out"});
    check_refused(train({"--text", text, "--out", ""}), {"--out"});
    check_refused(train({"--out", out}), {"--text"});
    check_refused(run("fill_mask", {"--model", out, "--text", "[MASK]", "--top", "0"}),
                  {"--top", "1 to", "'0'"});
    CHECK(!std::filesystem::exists(out));
    CHECK(train_with({"--steps=3", "--seed", "18446744073709551615"}).status == 0);
}

TEST_CASE("programs options: --version, and options that must be there") {
    const std::map<std::string, Arguments> required{
        {"train_lm", {"--out"}},
        {"train_mlm", {"--out"}},
        {"generate", {"--model"}},
        {"fill_mask", {"--model", "--text"}},
        {"train_classifier", {"--out"}},
        {"classify", {"--model", "--text"}},
        {"bench_step", {}},
        {"check_gradients", {}},
        {"evaluate", {"--model", "--tokens", "--out"}},
        {"cost", {}},
    };
    for (const auto& entry : required) {
        const std::string program = entry.first;
        const Arguments names = entry.second;
        CAPTURE(program);
        const Result version = run(program, {"--version"});
        CHECK(version.status == 0);
        CHECK(Pattern("taper [0-9]+\\.[0-9]+\\.[0-9]+\n").matches(version.out));
        const std::string help = run(program, {"--help"}).out;
        for (const std::string& name : names)
            CHECK(Pattern("\n +" + name + " [^\n]* \\[required\\]\n").is_in(help));
        if (!names.empty()) check_refused(run(program, {}), {names[0] + ": ", "given"});
    }
    const Scratch scratch;
    const std::vector<std::pair<std::string, Arguments>> others{
        {"generate", {}},
        {"fill_mask", {"--text", "[MASK]"}},
        {"evaluate", {"--tokens", "x", "--out", "y"}}};
    for (const auto& [program, other] : others)
        check_refused(
            run(program, Arguments{"--model", scratch.path("none")} + other),
            {scratch.path("none") + "/config.json: the file must exist", "examples/run.sh"});
}

TEST_CASE("programs options: shapes that make no sense are refused with all their numbers") {
    const Scratch scratch;
    const std::string out = scratch.path("out"), text = scratch.file("text.txt", prose(1000));
    const auto train_with = [&](const Arguments& arguments) {
        std::filesystem::remove_all(out);
        return train(Arguments{"--text", text, "--out", out, "--layers", "1", "--batch", "1",
                               "--steps", "1"} +
                     arguments);
    };
    check_refused(train_with({"--width", "100", "--heads", "3"}), {"width 100", "heads 3"});
    check_refused(train_with({"--k", "40", "--length", "32"}), {"k 40", "length 32"});
    check_refused(train_with({"--k", "8,8"}), {"k has 2", "layers 1"});
    check_refused(train_with({"--k", "8;8"}), {"--k", "'8;8'"});
    CHECK(!std::filesystem::exists(out));
    CHECK(train_with({"--width", "30", "--heads", "30", "--k", "32", "--length", "32"}).status ==
          0);
    CHECK(train_with({"--attention", "full", "--k", "40", "--length", "32", "--width", "6",
                      "--heads", "3"})
              .status == 0);
}

TEST_CASE(
    "programs options: heads that do not divide the width are blamed on the option that was "
    "given") {
    const Arguments unread{"--text", "/no/such/text", "--out", "/tmp/taper-never-written"};
    const auto refused = [](const Result& result, const std::string& option,
                            const std::string& width, const std::string& heads) {
        check_refused(result, {": " + option + ": ", "width " + width + ", heads " + heads});
    };
    refused(train(unread + Arguments{"--heads", "3"}), "--heads", "128", "3");
    refused(train(unread + Arguments{"--width", "130"}), "--width", "130", "4");
    refused(run("train_lm", unread + Arguments{"--heads", "3"}), "--heads", "128", "3");
    refused(run("bench_step", {"--heads", "3"}), "--heads", "128", "3");
    refused(run("bench_step", {"--heads", "3", "--width", "128"}), "--width", "128", "3");
    refused(run("cost", {"--width", "130"}), "--width", "130", "4");
}

TEST_CASE(
    "programs options: what was typed is shown cut where it is long, between two characters") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(3000)), model = scratch.path("model");
    REQUIRE(
        train(small_model() + Arguments{"--text", text, "--out", model, "--steps", "1"}).status ==
        0);
    std::string first, whole;
    for (int i = 0; i < 60; ++i) first += "\u20AC";
    for (int i = 0; i < 1000; ++i) whole += "\u20AC";
    const auto cut = [&](const Result& result, const std::string& shown) {
        check_refused(result, {shown + "..."});
        CHECK(result.err.size() < 600);
    };
    const auto fill = [&](const Arguments& options) {
        return run("fill_mask", Arguments{"--model", model} + options);
    };
    cut(fill({"--text", whole}), ": " + first);
    cut(fill({"--text", whole, "--text", whole}), "'" + first);
    cut(fill({"--text", "[MASK]", "--top", whole}), "'" + first);
    cut(fill({"--text", "[MASK]", whole}), "'" + first);
    cut(fill({"--text", "[MASK]", "--" + whole}), ": --" + first.substr(0, 58 * 3));
    cut(train({"--text", text, "--out", "x", "--norm", whole}), "'" + first);
    cut(train({"--text", text, "--out", "x", "--k", whole}), "'" + first);
    cut(train({"--text", text, "--out", "x", "--lr", whole}), "'" + first);
    check_refused(fill({"--text", first}), {": " + first + "\n"});
    check_refused(fill({"--text", "no \n mask"}), {": no \\n mask\n"});
}

TEST_CASE("programs options: the learning rate at the edges of the schedule") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(1000));
    int number = 0;
    const std::vector<std::pair<std::string, std::string>> schedules = {
        {"1", "0"},   {"1", "1"},  {"1", "2"},           {"10", "0"},
        {"10", "10"}, {"10", "9"}, {"10", "1000000000"},
    };
    for (const auto& [steps, warmup] : schedules) {
        ++number;
        const std::string out = scratch.path(std::to_string(number));
        const Arguments schedule{"--steps", steps,  "--warmup", warmup,
                                 "--lr",    "0.25", "--clip",   "0"};
        CAPTURE(schedule);
        CHECK(train(small_model() + schedule + Arguments{"--text", text, "--out", out}).status ==
              0);
        const auto metrics = metrics_of(out);
        CHECK(metrics.size() == std::stoull(steps));
        for (const auto& step : metrics) {
            CHECK(step["lr"] > 0);
            CHECK(step["lr"] <= 0.25);
        }
    }
}

TEST_CASE("programs options: numbers are read and written as in C, whatever the user's locale") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(1000)), out = scratch.path("out");
    const auto german = [] {
        without_gnuplot();
        for (const char* name : {"LC_ALL", "LANG", "LC_NUMERIC"}) setenv(name, "de_DE.UTF-8", 1);
    };
    const Arguments arguments = small_run() + Arguments{"--text", text, "--out", out};
    check_refused(run("train_mlm", arguments + Arguments{"--lr", "0,5"}, german),
                  {"--lr", "'0,5'"});
    const Result result =
        run("train_mlm", arguments + Arguments{"--lr", "0.5", "--warmup", "0"}, german);
    CHECK(result.status == 0);
    CHECK(Pattern("loss [0-9]+\\.[0-9]{4}  ").is_in(result.out));
    CHECK(metrics_of(out)[0]["lr"].get<double>() == doctest::Approx(0.5).epsilon(0.01));
}

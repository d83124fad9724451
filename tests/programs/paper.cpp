// The programs about the paper, at the sizes of --quick: their verdicts follow from their numbers,
// and each is flipped by its control.
#include "tests/support/attention_files.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper::tests;

namespace {

// What a program said, and its files.
struct PaperRun {
    Result result;
    nlohmann::json json;
    std::string picture;

    PaperRun(const std::string& program, const Scratch& scratch, const Arguments& more = {}) {
        const std::string out = scratch.path(program);
        result = run(program, Arguments{"--quick", "--out", out} + more);
        json = nlohmann::json::parse(file_contents(out + "/" + program + ".json"));
        picture = file_contents(out + "/" + program + ".svg");
    }
};

// Under a sanitizer models learn for a few steps alone, and memory is not what it is elsewhere: no
// verdict is looked at.
constexpr bool has_verdicts = unless_sanitized(1, 0) == 1;
const Arguments few_steps_if_sanitized =
    has_verdicts ? Arguments{} : Arguments{"--steps", "10", "--tokens", "64"};

bool is_flipped(const nlohmann::json& finding) {
    return finding.at("verdict") != finding.at("control").at("verdict");
}

void check_report(const PaperRun& paper) {
    CHECK(paper.json.at("quick") == true);
    CHECK(!paper.json.at("numbers").empty());
    REQUIRE(!paper.json.at("findings").empty());
    for (const nlohmann::json& finding : paper.json.at("findings")) {
        CHECK(contains(paper.result.out, "claim    " + finding.at("claim").get<std::string>()));
        CHECK(contains(paper.result.out, "verdict  " + finding.at("verdict").get<std::string>()));
    }
    CHECK(contains(paper.picture, "</svg>"));
}

}  // namespace

TEST_CASE("programs paper: each verdict is flipped by its control") {
    const Scratch scratch;
    for (const char* program : {"theorem_1", "theorem_2"})
        for (const char* seed : {"1", "2"}) {
            CAPTURE(program);
            CAPTURE(seed);
            const PaperRun paper(program, scratch, {"--seed", seed});
            CHECK(paper.result.status == 0);
            check_report(paper);
            for (const nlohmann::json& finding : paper.json.at("findings")) {
                CAPTURE(finding.dump());
                CHECK(is_flipped(finding));
            }
        }
}

TEST_CASE("programs paper: figure_1 trains a model, uses it again, and each verdict is flipped") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const PaperRun first("figure_1", scratch, {"--text", text});
    CHECK(first.result.status == 0);
    check_report(first);
    for (const nlohmann::json& finding : first.json.at("findings")) {
        CAPTURE(finding.dump());
        CHECK(is_flipped(finding));
    }
    // In so few steps a model learns nothing.
    CHECK(first.json.at("findings").at(0).at("verdict") == "not visible at this size");
    // The layers of so small a model are alike; the control is then one whose lower half is not.
    const nlohmann::json& skew = first.json.at("findings").at(1);
    CHECK(skew.at("verdict") == "not visible at this size");
    CHECK(skew.at("control").at("verdict") == "holds weaker");
    CHECK(contains(skew.at("control").at("what").get<std::string>(), "the identity"));
    CHECK(contains(file_contents(scratch.path("figure_1/figure_1_heads.svg")), "</svg>"));
    const PaperRun again("figure_1", scratch, {"--text", text});
    CHECK(again.json == first.json);
}

TEST_CASE("programs paper: figure_1 measures the P of a file, and each verdict is flipped") {
    const Scratch scratch;
    const std::string path = scratch.path("P.safetensors");
    taper::TensorFile file = attention_tensors(3, 32);
    // As if both layers could have any rank.
    file.tensors.back().second = taper::Ids{32, 32};  // d_h
    taper::save_safetensors(path, file);
    const PaperRun paper("figure_1", scratch, {"--attention", path, "--windows", "2"});
    CHECK(paper.result.status == 0);
    CHECK(paper.result.err == "");
    check_report(paper);
    for (const nlohmann::json& finding : paper.json.at("findings")) {
        CAPTURE(finding.dump());
        CHECK(is_flipped(finding));
    }
    // The model is taken at its word: no loss says that it has learned nothing.
    CHECK(paper.json.at("findings").at(0).at("verdict") == "holds weaker");
    const nlohmann::json& skew = paper.json.at("findings").at(1);
    CHECK(skew.at("verdict") == "holds weaker");
    CHECK(contains(skew.at("control").at("what").get<std::string>(), "random Q and K"));
    const nlohmann::json& model = paper.json.at("numbers").at("models").at(0);
    CHECK(model.at("texts") == 2);
    CHECK(model.at("n") == 32);
    CHECK(model.at("d_h") == nlohmann::json{32, 32});
    for (const char* absent : {"untrained", "held_out_loss"}) CHECK(!model.contains(absent));
    const std::string text = scratch.file("text", prose(1000));
    const PaperRun again("figure_1", scratch,
                         {"--attention", path, "--windows", "2", "--text", text});
    CHECK(contains(again.result.err, "--text: no effect with --attention"));
    for (const char* part : {"findings", "numbers"}) {
        const bool same = again.json.at(part) == paper.json.at(part);
        CHECK(same);
    }
}

TEST_CASE("programs paper: figure_1 says where the ranks of two layers differ as their d_h do") {
    const Scratch scratch;
    const std::string path = scratch.path("P.safetensors");
    taper::save_safetensors(path, attention_tensors(3, 32));
    const PaperRun paper("figure_1", scratch, {"--attention", path, "--windows", "2"});
    CHECK(paper.result.status == 1);
    CHECK(contains(paper.result.err, "the verdict says nothing: Higher layers are more skewed"));
    // The random heads have the rank of their layer's: the upper layer's have as high a share.
    const nlohmann::json& model = paper.json.at("numbers").at("models").at(0);
    const nlohmann::json& trained = model.at("trained").at("layers");
    const nlohmann::json& random = model.at("random Q and K").at("layers");
    for (const std::size_t layer : {0U, 1U}) {
        CAPTURE(layer);
        CHECK(random.at(layer).at("share_at_quarter").get<double>() ==
              doctest::Approx(trained.at(layer).at("share_at_quarter").get<double>()).epsilon(0.1));
    }
}

// No test asserts how long something takes: that after the same time may be flipped or not.
TEST_CASE("programs paper: figure_3 trains its models once, and each verdict is flipped") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const PaperRun first("figure_3", scratch, Arguments{"--text", text} + few_steps_if_sanitized);
    check_report(first);
    bool all_flipped = true;
    for (const nlohmann::json& finding : first.json.at("findings")) {
        CAPTURE(finding.dump());
        all_flipped = all_flipped && is_flipped(finding);
        const bool is_of_time = contains(finding.at("claim").get<std::string>(), "same time");
        if (has_verdicts && !is_of_time) CHECK(is_flipped(finding));
    }
    CHECK(first.result.status == (all_flipped ? 0 : 1));
    for (const char* picture : {"sharing", "lengths", "time"})
        CHECK(contains(
            file_contents(scratch.path("figure_3/figure_3_" + std::string(picture) + ".svg")),
            "</svg>"));
    const PaperRun again("figure_3", scratch, Arguments{"--text", text} + few_steps_if_sanitized);
    CHECK(again.json == first.json);
    CHECK(contains(again.result.out, "models are there already"));
    for (const Result& result : {first.result, again.result})
        CHECK(!contains(result.out, "tokens/s"));  // the training says nothing of its own
}

TEST_CASE("programs paper: section_4 trains its models, and each verdict is flipped") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const PaperRun paper("section_4", scratch, Arguments{"--text", text} + few_steps_if_sanitized);
    check_report(paper);
    CHECK(paper.json.at("findings").size() == 6);
    for (const nlohmann::json& finding : paper.json.at("findings")) {
        CAPTURE(finding.dump());
        if (has_verdicts) CHECK(is_flipped(finding));
    }
    const nlohmann::json& models = paper.json.at("numbers").at("models");
    CHECK(models.at("n8_k6-2").at("k") == std::vector{6, 2});
    CHECK(models.at("n8_k2-6").at("k") == std::vector{2, 6});
}

TEST_CASE("programs paper: questions trains its models, and each verdict is flipped") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const PaperRun paper("questions", scratch, Arguments{"--text", text} + few_steps_if_sanitized);
    check_report(paper);
    CHECK(paper.json.at("findings").size() == 6);
    for (const nlohmann::json& finding : paper.json.at("findings")) {
        CAPTURE(finding.dump());
        const bool is_of_time = contains(finding.at("claim").get<std::string>(), "same time");
        if (has_verdicts && !is_of_time) CHECK(is_flipped(finding));
    }
}

TEST_CASE("programs paper: film_strip shows E before, in and after training") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const PaperRun paper("film_strip", scratch, {"--text", text});
    CHECK(paper.result.status == 0);
    check_report(paper);
    for (const nlohmann::json& finding : paper.json.at("findings")) {
        CAPTURE(finding.dump());
        CHECK(is_flipped(finding));
    }
    // Four of sixteen positions: all of a window mean's squares but for its noise; of a random row
    // between their share and all.
    const nlohmann::json& numbers = paper.json.at("numbers");
    CHECK(numbers.at("window").size() == 6);
    CHECK(numbers.at("window").at("step 0").at(0).get<double>() > 0.9);
    CHECK(numbers.at("normal").at("step 0").at(0).get<double>() > 0.3);
    CHECK(numbers.at("normal").at("step 0").at(0).get<double>() < 0.75);
    CHECK(numbers.at("normal").at("step 60") != numbers.at("normal").at("step 48"));
    CHECK(contains(file_contents(scratch.path("film_strip/film_strip_normal.svg")), "</svg>"));
}

TEST_CASE("programs paper: figure_3 is interrupted, and ends with the same numbers") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const Arguments options{"--quick", "--steps", "60", "--tokens", "64", "--text", text};
    const auto out = [&](const std::string& name) {
        return Arguments{"--out", scratch.path(name)};
    };
    const auto report = [&](const std::string& name) {
        return nlohmann::json::parse(file_contents(scratch.path(name + "/figure_3.json")));
    };
    run("figure_3", options + out("whole"));
    // The steps of some runs follow from what was measured.
    std::filesystem::create_directories(scratch.path("parts"));
    std::filesystem::copy_file(scratch.path("whole/figure_3_step_times.json"),
                               scratch.path("parts/figure_3_step_times.json"));
    const std::string runs = scratch.path("parts/quick_runs");
    Process first("figure_3", options + out("parts"));
    REQUIRE(first.wait_for([&] { return steps_logged(runs + "/n8_k1_1") > 5; }));
    first.kill(SIGINT);
    const Result stopped = first.wait();
    CHECK(stopped.status == 130);
    CHECK(contains(stopped.out, "the same command goes on"));
    CHECK(steps_logged(runs + "/n8_k1_1") < 60);
    run("figure_3", options + out("parts"));
    CHECK(report("parts").at("numbers") == report("whole").at("numbers"));
}

TEST_CASE("programs paper: figure_3 refuses a run of other options, or of another text") {
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(30'000));
    const Arguments small{"--quick", "--out", scratch.path("out"), "--steps", "10",
                          "--text",  text,    "--lengths",         "8,16"};
    CHECK(run("figure_3", small, without_gnuplot).status == 1);  // no picture
    const std::map<std::string, std::string> before = directory_contents(scratch.path("out"));
    check_refused(run("figure_3", small + Arguments{"--lr", "0.5"}),
                  {"--out", "n8_full_1", "--lr", "was 0.01", "is 0.5"});
    CHECK(directory_contents(scratch.path("out")) == before);
    scratch.file("text", prose(40'000));
    check_refused(run("figure_3", small), {"--out", "n8_full_1", "text"});
}

// No test asserts how long something takes: of table_1 the multiplications alone are looked at.
TEST_CASE("programs paper: the multiplications of a layer are linear in n, of full attention not") {
    const Scratch scratch;
    const PaperRun paper("table_1", scratch);
    check_report(paper);
    const nlohmann::json& count = paper.json.at("findings").at(0);
    CHECK(contains(count.at("claim").get<std::string>(), "multiplications"));
    CHECK(count.at("verdict") == "holds");
    CHECK(count.at("control").at("verdict") == "does not hold");
}

// The same of table_3 and section_6: the memory, and the arithmetic.
TEST_CASE("programs paper: Linformer saves memory where scores are held, and nowhere else") {
    const Scratch scratch;
    const PaperRun paper("table_3", scratch);
    check_report(paper);
    CHECK(paper.json.at("findings").size() == 4);
    for (const std::size_t of_memory : {1U, 3U}) {
        const nlohmann::json& finding = paper.json.at("findings").at(of_memory);
        CAPTURE(finding.dump());
        CHECK(contains(finding.at("claim").get<std::string>(), "memory"));
        if (!has_verdicts) continue;
        CHECK(finding.at("verdict") == "holds");
        CHECK(finding.at("control").at("verdict") == "does not hold");
    }
}

// Nothing is learned in so few steps: that the verdicts follow from the numbers, verdicts.cpp
// tests.
TEST_CASE("programs paper: table_2 pretrains, fine-tunes, goes on where it was stopped") {
    const Scratch scratch;
    std::string verses;
    for (int chapter = 1; chapter <= 40; ++chapter)
        for (int verse = 1; verse <= 8; ++verse) {
            const std::string words =
                prose(200).substr(static_cast<std::size_t>(3 * chapter + verse) % 90, 100);
            std::string line = words;
            std::replace(line.begin(), line.end(), '\n', ' ');
            verses += (chapter <= 20 ? "Ge" : "Mat") + std::to_string(chapter) + ":" +
                      std::to_string(verse) + " x " + line + "\n";
        }
    const std::string text = scratch.file("verses", verses);
    const Arguments options{"--text", text, "--steps", "10", "--pretraining-steps", "10"};
    const PaperRun whole("table_2", scratch, options);
    check_report(whole);
    CHECK(whole.json.at("findings").size() == 3);
    const nlohmann::json& numbers = whole.json.at("numbers");
    for (const char* model : {"full attention", "k 32, layerwise", "full attention, from nothing"})
        for (const char* task : {"same", "swapped", "part"}) {
            CAPTURE(model);
            CAPTURE(task);
            const double accuracy = numbers.at(model).at(task).at(0).at("accuracy");
            CHECK(accuracy > 0);
            CHECK(accuracy < 1);
        }
    // What is done is not done again.
    const std::string runs = scratch.path("table_2/quick_runs");
    const std::string weights = file_contents(runs + "/full_part_1/model.safetensors");
    std::filesystem::remove_all(runs + "/full_same_1");
    std::filesystem::remove_all(runs + "/k1_headwise_1");
    const PaperRun again("table_2", scratch, options);
    CHECK(again.json == whole.json);
    CHECK(file_contents(runs + "/full_part_1/model.safetensors") == weights);

    check_refused(run("table_2", {"--quick", "--out", scratch.path("other"), "--text",
                                  scratch.file("prose", "In the beginning\n")}),
                  {"prose:1", "a verse"});
}

// By hand, of a token, forward and backward: 3 (V d + L (4 d^2 + 8 d^2)), and of each layer 3 times
// 2 d n for full attention, 3 times 2 d k and 2 d k for E and F otherwise.
TEST_CASE(
    "programs paper: the arithmetic of a token does not grow with n, in full attention it does") {
    const Scratch scratch;
    const PaperRun paper("section_6", scratch);
    check_report(paper);
    const nlohmann::json& counted = paper.json.at("numbers").at("million multiply-adds of a token");
    const double d = 32;
    const double rest = 3 * (96 * d + 2 * 12 * d * d);
    for (const double n : {256.0, 512.0, 1024.0}) {
        CAPTURE(n);
        const nlohmann::json& at = counted.at("n " + std::to_string(static_cast<int>(n)));
        CHECK(at.at("full").get<double>() == doctest::Approx(1e-6 * (rest + 3 * 2 * 2 * d * n)));
        CHECK(at.at("linformer").get<double>() ==
              doctest::Approx(1e-6 * (rest + 3 * 2 * 4 * d * 16)));
    }
}

TEST_CASE("programs paper: bad options are refused by name") {
    check_refused(run("table_1", {"--lengths", "64,64"}), {"--lengths", "64, 64"});
    check_refused(run("table_1", {"--lengths", "64"}), {"--lengths", "two or more", "1"});
    check_refused(run("table_1", {"--seeds", "0"}), {"--seeds", "'0'"});
    check_refused(run("table_1", {"--lengths", "64,128", "--k", "65"}), {"--k", "65", "64"});
    check_refused(run("theorem_1", {"--seed", "-1"}), {"--seed", "'-1'"});
    check_refused(run("theorem_2", {"--out", "/dev/null/x"}), {"--out", "/dev/null"});
    check_refused(run("figure_1", {"--quick"}), {"--text", "--model"});
    check_refused(run("table_3", {"--k", "64,32"}), {"--k", "64, 32"});
    check_refused(run("table_3", {"--k", "257"}), {"--k", "257", "512"});
    check_refused(run("section_6", {"--k", "513"}), {"--k", "513", "512"});
    check_refused(run("figure_1", {"--attention", "/dev/null"}), {"/dev/null", "regular file"});
    check_refused(run("figure_3", {"--quick"}), {"--text"});
    const Scratch scratch;
    const std::string text = scratch.file("text", prose(1000));
    const std::string out = scratch.path("short");
    const std::string short_text = scratch.file("short_text", prose(300));
    check_refused(run("figure_1", {"--text", short_text, "--out", out}),
                  {"--text: the last tenth", "32"});
    CHECK_FALSE(std::filesystem::exists(out));
    check_refused(run("figure_3", {"--text", text, "--lengths", "8,12"}), {"--lengths", "12, 8"});
    check_refused(run("figure_3", {"--text", text, "--lengths", "8"}), {"--lengths", "two", "1"});
    check_refused(run("figure_3", {"--text", text, "--tokens", "48"}), {"--tokens", "48, 32"});
    check_refused(run("figure_3", {"--text", text, "--width", "30"}), {"--width", "30"});
    check_refused(run("questions", {"--text", text, "--length", "24"}), {"--length", "24"});
    check_refused(run("section_4", {"--text", text, "--layers", "1"}), {"--layers", "1"});
    check_refused(run("section_4", {"--text", text, "--k", "24"}), {"--k", "k 24, n 32"});
}

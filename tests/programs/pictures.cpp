// The pictures of the programs: where they may be drawn is asked before the work, and a failure
// costs no good one.
#include "examples/language_model/pictures.hpp"

#include "examples/common/markup.hpp"
#include "examples/common/tokenizer.hpp"
#include "examples/language_model/attention_maps.hpp"
#include "nn/model_directory.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/heat_maps.hpp"
#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

// A masked and a causal model of one text.
struct Models {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(5000));
    std::string masked = scratch.path("masked");
    std::string causal = scratch.path("causal");
    std::string pictures = scratch.path("pictures");

    explicit Models(const Arguments& options = {}) {
        const Arguments few = small_model() + Arguments{"--steps", "1", "--text", text} + options;
        REQUIRE(train(few + Arguments{"--out", masked}).status == 0);
        REQUIRE(train_lm(few + Arguments{"--out", causal}).status == 0);
    }
    // Both programs that draw what heads attend to.
    std::vector<Result> draw(
        const std::string& directory, const std::function<void()>& in_child = [] {}) const {
        return {
            run("fill_mask", {"--model", masked, "--text", "the [MASK]", "--plot", directory},
                in_child),
            run("generate", {"--model", causal, "--tokens", "5", "--plot", directory}, in_child)};
    }
};

Arguments small_cost(const std::string& out) {
    return {"--lengths", "4", "--tokens", "16", "--k",   "2",
            "--width",   "8", "--layers", "1",  "--out", out};
}

}  // namespace

TEST_CASE(
    "programs pictures: a --plot that is no directory to write to is refused before a token is "
    "written") {
    const Models models;
    std::filesystem::create_directories(models.scratch.path("taken/attention.svg"));
    for (const std::string& bad :
         {std::string(), models.text, models.text + "/pictures", models.scratch.path("taken")})
        for (const Result& result : models.draw(bad)) {
            check_refused(result, {"--plot", bad});
            CHECK(result.out.empty());
        }
}

TEST_CASE(
    "programs pictures: without gnuplot its picture stays the old one, all others are drawn") {
    const Models models({"--attention", "full"});
    std::filesystem::create_directory(models.pictures);
    for (const char* name : {"attention", "slots", "spectrum"})
        models.scratch.file("pictures/" + std::string(name) + ".svg", "old");
    for (const Result& result : models.draw(models.pictures, without_gnuplot)) {
        check_failed(result, {"--plot", models.pictures, "gnuplot-nox", "spectrum.svg"});
        CHECK_FALSE(result.out.empty());
        CHECK(directory_contents(models.pictures).size() == 3);
        CHECK(file_contents(models.pictures + "/spectrum.svg") == "old");
        CHECK(contains(file_contents(models.pictures + "/attention.svg"), "class='map'"));
        CHECK(contains(file_contents(models.pictures + "/index.html"), "<svg"));
    }
}

TEST_CASE(
    "programs pictures: of the old pictures those go that the model does not have, and no other "
    "file") {
    const Models models({"--attention", "full"});
    const FakeGnuplot gnuplot;
    for (std::size_t program : {0U, 1U}) {
        std::filesystem::remove_all(models.pictures);
        std::filesystem::create_directory(models.pictures);
        for (const char* name : {"attention.svg", "slots.svg", "spectrum.svg", "mine.svg"})
            models.scratch.file("pictures/" + std::string(name), "old");
        std::filesystem::create_symlink("mine.svg", models.pictures + "/reach.svg");
        CHECK(models.draw(models.pictures)[program].status == 0);
        CHECK_FALSE(std::filesystem::exists(models.pictures + "/slots.svg"));
        CHECK(std::filesystem::exists(models.pictures + "/index.html"));
        CHECK(std::filesystem::is_symlink(models.pictures + "/reach.svg"));
        CHECK(file_contents(models.pictures + "/mine.svg") == "old");
        for (const char* name : {"attention.svg", "spectrum.svg"})
            CHECK(file_contents(models.pictures + "/" + name).ends_with("</svg>\n"));
    }
}

TEST_CASE("programs pictures: where singular values take long it is said, and nowhere else") {
    const Models models;
    const FakeGnuplot gnuplot;
    for (const Result& result : models.draw(models.pictures)) CHECK(result.err.empty());
    const std::string model = models.scratch.path("long");
    const std::string text = models.scratch.file("long.txt", prose(3000));
    const Arguments one_step{"--length", "1000",    "--k", "4",        "--width",
                             "4",        "--heads", "2",   "--layers", "1"};
    REQUIRE(
        train(one_step + Arguments{"--batch", "1", "--steps", "1", "--text", text, "--out", model})
            .status == 0);
    const Result result = run("fill_mask", {"--model", model, "--text", "[MASK]" + prose(999),
                                            "--plot", models.pictures});
    CHECK(result.status == 0);
    CHECK(result.err ==
          "fill_mask: --plot: computing the singular values of 2 attention matrices, 1,000 x 1,000 "
          "each\n");
}

TEST_CASE("programs pictures: generate draws the window that its last token was drawn from") {
    const Models models;
    const FakeGnuplot gnuplot;
    const Result result =
        run("generate", {"--model", models.causal, "--tokens", "40", "--plot", models.pictures});
    REQUIRE(result.status == 0);
    // 40 tokens were read, the prompt of one and all but the last; the 33rd found the window of 32
    // full.
    constexpr std::size_t n = 16 + 8;
    const std::string window = result.out.substr(40 - n, n);
    const auto tokenizer = taper::examples::Tokenizer::load(models.causal + "/tokenizer.json");
    const auto ids = tokenizer->encode(window);
    taper::Ids tokens({1, n}, 0);
    std::copy(ids.begin(), ids.end(), tokens.begin());
    const auto model = taper::nn::load_model<float>(models.causal);
    const auto maps = taper::examples::attention_maps(model, tokens);
    const auto& expected = maps[1][1].P;
    const auto drawn = maps_of(file_contents(models.pictures + "/attention.svg"));
    REQUIRE(drawn.size() == 4);
    REQUIRE(drawn[3].colours.size() == n * n);
    const taper::examples::ColourScale scale = taper::examples::attention_scale();
    for (std::size_t i = 0; i < n * n; ++i) {
        const auto close = [&](double number) {
            return drawn[3].colours[i] == taper::examples::ColourScale::colour(*scale.step(number));
        };
        CHECK((close(expected.data()[i] * 1.0001) || close(expected.data()[i] * 0.9999)));
    }
    CHECK(drawn[3].row_labels.size() == n);
    for (std::size_t i = 0; i < n; ++i)
        CHECK(drawn[3].row_labels[i] ==
              taper::examples::markup(taper::examples::visible(tokenizer->spelling(ids[i]))));
}

TEST_CASE("cost: an --out that cannot be written is refused before anything is measured") {
    const Scratch scratch;
    const std::string file = scratch.file("file", "mine");
    for (const std::string& bad :
         {std::string(), scratch.path(""), scratch.path("none/cost.svg"), file + "/cost.svg"}) {
        const Result result = run("cost", small_cost(bad));
        check_refused(result, {"--out", bad});
        CHECK(result.out.empty());
    }
    CHECK(directory_contents(scratch.path("")).size() == 1);
}

TEST_CASE("cost: a picture that was not drawn is a failure, named by its option") {
    const Scratch scratch;
    const std::string picture = scratch.file("cost.svg", "old");
    const Result result = run("cost", small_cost(picture), without_gnuplot);
    check_failed(result, {"--out", picture, "gnuplot-nox"});
    CHECK(contains(result.out, "is faster than"));
    CHECK_FALSE(contains(result.out, "gnuplot"));
    CHECK(file_contents(picture) == "old");
}

TEST_CASE(
    "programs pictures: a loss.svg that cannot be written ends no run, and the reason is said "
    "once") {
    const Models models;
    const FakeGnuplot gnuplot;
    std::filesystem::create_directory(models.masked + "/loss.svg");
    const Result result =
        run("train_mlm", {"--resume", "--out", models.masked, "--steps", "4", "--save-every", "1"});
    CAPTURE(result.out);
    CHECK(result.status == 0);
    const std::size_t said =
        result.out.find(models.masked + "/loss.svg: the file cannot be opened for writing: ");
    CHECK(said != std::string::npos);
    CHECK(result.out.find("cannot be opened", said + 200) == std::string::npos);
    CHECK_FALSE(contains(result.out, "loss over the steps"));
    CHECK(metrics_of(models.masked).size() == 4);
}

TEST_CASE(
    "programs pictures: what a kill left of a picture of the loss goes with the next sitting") {
    const Models models;
    models.scratch.file("masked/loss.svg.0123456789abcdef.tmp", "half");
    CHECK(train({"--resume", "--out", models.masked, "--steps", "2"}).status == 0);
    CHECK_FALSE(std::filesystem::exists(models.masked + "/loss.svg.0123456789abcdef.tmp"));
}

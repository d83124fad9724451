// The film of attention that --plot of the training programs draws: a frame at each evaluation, a
// page that steps through them, and training that is the same with it and without.
#include "examples/common/heat_map.hpp"
#include "tests/support/classifier.hpp"
#include "tests/support/heat_maps.hpp"
#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

struct FilmedRun {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(5000));
    std::string out = scratch.path("run");
    std::string film = scratch.path("new/film");

    Arguments options(const std::string& steps) const {
        return small_model() + Arguments{"--threads", "1",       "--text", text,           "--out",
                                         out,         "--steps", steps,    "--eval-every", "5"};
    }
    Result train_mlm(const std::string& steps, const Arguments& more) const {
        return train(options(steps) + more);
    }
    Result resume(const std::string& steps, const Arguments& more) const {
        return train(Arguments{"--resume", "--out", out, "--threads", "1", "--steps", steps} +
                     more);
    }
    std::string frame(int step) const {
        const std::string digits = std::to_string(step);
        return film + "/frame_" + std::string(10 - digits.size(), '0') + digits + ".svg";
    }
    std::string page() const { return file_contents(film + "/index.html"); }
    // The steps of the frames that are there.
    std::vector<int> frames() const {
        std::vector<int> steps;
        for (int step = 0; step <= 100; ++step)
            if (std::filesystem::exists(frame(step))) steps.push_back(step);
        return steps;
    }
};

nlohmann::json metadata_of(const std::string& svg) {
    return nlohmann::json::parse(between(svg, "<metadata>", "</metadata>"));
}
nlohmann::json frames_of(const std::string& page) {
    return nlohmann::json::parse(
        between(page, "<script type='application/json' id='frames'>", "</script>"));
}

// What a step is, without how fast it was.
std::vector<nlohmann::json> timeless(std::vector<nlohmann::json> steps) {
    for (nlohmann::json& step : steps) {
        step.erase("seconds");
        step.erase("tokens_per_second");
    }
    return steps;
}

}  // namespace

TEST_CASE("film: a frame at each evaluation, with its tokens, its losses and one scale for all") {
    const FilmedRun run;
    const Result result = run.train_mlm("12", {"--plot", run.film});
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "attention over the steps: " + run.film + "/index.html\n"));
    CHECK(run.frames() == std::vector<int>{0, 5, 10, 12});
    const auto metrics = metrics_of(run.out);
    const auto listed = frames_of(run.page());
    REQUIRE(listed.size() == 4);
    std::string scale, tokens;
    std::size_t number = 0;
    for (const int step : run.frames()) {
        CAPTURE(step);
        const std::string svg = file_contents(run.frame(step));
        CHECK_FALSE(contains(svg, "<image"));
        const auto frame = metadata_of(svg);
        const std::string label = frame.at("label");
        if (step == 0) {
            CHECK(label == "step 0: before training");
        } else {
            const auto& line = metrics[static_cast<std::size_t>(step) - 1];
            char losses[80];
            std::snprintf(losses, sizeof losses, "step %d: loss %.2f, validation loss %.2f", step,
                          line.at("loss").get<double>(), line.at("val_loss").get<double>());
            CHECK(label == losses);
        }
        CHECK(contains(svg, label));
        const auto maps = maps_of(svg);
        REQUIRE(maps.size() == 4);
        CHECK(maps[0].rows == 32);
        CHECK(maps[0].columns == 8);
        CHECK(maps[0].row_labels.size() == 32);
        CHECK(maps[0].row_labels[16] == "[MASK]");
        const std::string scale_here = between(svg, "<g class='scale'>", "</g>\n</g>");
        std::string tokens_here;
        for (const std::string& token : maps[0].row_labels) tokens_here += token;
        if (step == 0) {
            scale = scale_here;
            tokens = tokens_here;
        }
        CHECK(scale_here == scale);
        CHECK(tokens_here == tokens);
        // An untrained head looks at each of its 8 slots alike.
        if (step == 0)
            CHECK(maps[0].colours[0] ==
                  taper::examples::ColourScale::colour(
                      *taper::examples::ColourScale(1, false, taper::examples::Shade::square_root)
                           .step(0.125)));
        CHECK(listed[number].at("label") == frame.at("label"));
        CHECK(listed[number].at("captions") == frame.at("captions"));
        CHECK(frame.at("captions").size() == 4);
        ++number;
    }
    CHECK(contains(run.page(), "[MASK]"));
    CHECK_FALSE(contains(run.page(), "https:"));
    CHECK_FALSE(contains(run.page(), "src='http"));
}

TEST_CASE("film: the same run once more replaces its frames") {
    const FilmedRun run;
    for (const char* steps : {"10", "5"}) {
        REQUIRE(run.train_mlm(steps, {"--plot", run.film}).status == 0);
        std::filesystem::remove_all(run.out);
    }
    CHECK(run.frames() == std::vector<int>{0, 5});
    CHECK(frames_of(run.page()).size() == 2);
}

TEST_CASE("film: training is the same to the byte with it and without") {
    const FilmedRun with, without;
    REQUIRE(with.train_mlm("12", {"--plot", with.film, "--dropout", "0.1"}).status == 0);
    REQUIRE(without.train_mlm("12", {"--dropout", "0.1"}).status == 0);
    for (const char* file : {"/model.safetensors", "/samples.txt", "/config.json"})
        CHECK(file_contents(with.out + file) == file_contents(without.out + file));
    CHECK(timeless(metrics_of(with.out)) == timeless(metrics_of(without.out)));
    CHECK(without.frames().empty());
}

TEST_CASE("film: the frames of a run that goes on join those from before") {
    const FilmedRun run;
    REQUIRE(run.train_mlm("10", {"--plot", run.film}).status == 0);
    const std::string first = file_contents(run.frame(0));
    std::filesystem::copy(run.out, run.scratch.path("at10"));
    REQUIRE(run.resume("20", {"--plot", run.film, "--eval-every", "4"}).status == 0);
    CHECK(run.frames() == std::vector<int>{0, 5, 10, 12, 16, 20});
    CHECK(file_contents(run.frame(0)) == first);
    CHECK(frames_of(run.page()).size() == 6);

    // A run that was killed had frames of steps which its checkpoint does not know.
    std::filesystem::remove_all(run.out);
    std::filesystem::copy(run.scratch.path("at10"), run.out);
    run.scratch.file("new/film/frame_0000000013.svg.0123456789abcdef.tmp", "half");
    REQUIRE(run.resume("13", {"--plot", run.film}).status == 0);
    CHECK(run.frames() == std::vector<int>{0, 5, 10, 13});
    CHECK_FALSE(std::filesystem::exists(run.film + "/frame_0000000013.svg.0123456789abcdef.tmp"));
    const auto listed = frames_of(run.page());
    REQUIRE(listed.size() == 4);
    CHECK(listed[3].at("file") == "frame_0000000013.svg");

    // It may have none any more, and another one.
    REQUIRE(run.resume("14", {}).status == 0);
    CHECK(run.frames() == std::vector<int>{0, 5, 10, 13});
    REQUIRE(run.resume("15", {"--plot", run.scratch.path("other")}).status == 0);
    CHECK(std::filesystem::exists(run.scratch.path("other/frame_0000000015.svg")));
}

TEST_CASE("film: frames of another run or text, and what is no frame, are refused and stay") {
    const FilmedRun run;
    REQUIRE(run.train_mlm("10", {"--plot", run.film}).status == 0);
    const auto before = directory_contents(run.film);
    check_refused(run.resume("20", {"--plot", run.film, "--plot-text", "the lamp"}),
                  {"--plot", "another run or another text", run.frame(0)});
    const FilmedRun other;
    check_refused(other.train_mlm("10", {"--plot", run.film, "--seed", "1"}),
                  {"--plot", "another run or another text", run.frame(0)});
    CHECK_FALSE(std::filesystem::exists(other.out));
    CHECK(directory_contents(run.film) == before);
    std::filesystem::create_directories(other.film);
    for (const char* text : {"mine", "<metadata>{}</metadata>", "<metadata>1", "</metadata>"}) {
        other.scratch.file("new/film/frame_0000000005.svg", text);
        check_refused(other.train_mlm("10", {"--plot", other.film}),
                      {"--plot", "a frame must be one that was written by --plot", other.frame(5)});
        CHECK(file_contents(other.frame(5)) == text);
    }
}

TEST_CASE("film: a --plot that cannot be written is refused before anything is trained") {
    const FilmedRun run;
    std::filesystem::create_directories(run.scratch.path("taken/index.html"));
    for (const std::string& bad : {std::string(), run.text, run.text + "/film",
                                   run.scratch.path("taken"), run.out, run.out + "/../run"}) {
        CAPTURE(bad);
        check_refused(run.train_mlm("10", {"--plot", bad}), {"--plot", bad});
        CHECK_FALSE(std::filesystem::exists(run.out));
    }
    check_refused(run.train_mlm("10", {"--plot", run.film, "--plot-text", "é"}), {"--plot-text"});
    CHECK_FALSE(std::filesystem::exists(run.out));
    CHECK_FALSE(std::filesystem::exists(run.film));
}

TEST_CASE("film: of a text of one's own, with a mask, at most the window of the model") {
    const FilmedRun run;
    REQUIRE(
        run.train_mlm("5", {"--plot", run.film, "--plot-text", "the [MASK]amp <goes>"}).status ==
        2);  // the corpus has no <
    REQUIRE(run.train_mlm("5", {"--plot", run.film, "--plot-text", "the [MASK]amp"}).status == 0);
    const auto maps = maps_of(file_contents(run.frame(5)));
    CHECK(maps[0].row_labels ==
          std::vector<std::string>{"t", "h", "e", "␣", "[MASK]", "a", "m", "p"});
    const std::string caption = metadata_of(file_contents(run.frame(5))).at("captions")[0];
    CHECK(contains(caption, "“[MASK]” (4) gives most"));
    const FilmedRun idle;
    const Result result = idle.train_mlm("5", {"--plot-text", "the"});
    CHECK(result.status == 0);
    CHECK(contains(result.out, "--plot-text: no effect without --plot"));
}

TEST_CASE("film: of causal models with a window, of full attention and of classifiers") {
    const FilmedRun causal;
    REQUIRE(
        train_lm(causal.options("5") + Arguments{"--plot", causal.film, "--window", "4"}).status ==
        0);
    const auto maps = maps_of(file_contents(causal.frame(5)));
    CHECK(maps[0].columns == 8 + 32);
    CHECK(maps[0].has_border);
    const FilmedRun full;
    REQUIRE(full.train_mlm("5", {"--plot", full.film, "--attention", "full"}).status == 0);
    CHECK(maps_of(file_contents(full.frame(5)))[0].columns == 32);
    const ClassifierData data;
    const std::string film = data.scratch.path("film");
    REQUIRE(train_classifier(short_classifier_run() + data.paths() + Arguments{"--plot", film})
                .status == 0);
    CHECK(std::filesystem::exists(film + "/frame_0000000020.svg"));
    CHECK(contains(file_contents(film + "/index.html"), "class='head'"));
}

TEST_CASE("film: in a browser slider, arrow keys and button step through the frames") {
    if (!std::string(TAPER_CHROMIUM).starts_with('/')) return;
    const FilmedRun filmed;
    REQUIRE(filmed.train_mlm("10", {"--plot", filmed.film}).status == 0);
    const std::string page = filmed.scratch.file("new/film/driven.html", filmed.page() + R"(
        <pre id=seen></pre><script>
        const seen = [];
        const note = () => seen.push(label.textContent.split(':')[0] + ' ' +
            heads.map(head => head.querySelector('image').getAttribute('href').slice(-6, -4))
                 .join(',') + ' ' +
            heads.every((head, i) => head.querySelector('.seen').textContent ===
                                     frames[slider.value].captions[i]));
        const key = name => {
            document.dispatchEvent(new KeyboardEvent('keydown', { key: name }));
            note();
        };
        note(); key('ArrowLeft'); key('ArrowLeft'); key('ArrowLeft'); key('ArrowRight');
        slider.value = 0; slider.dispatchEvent(new Event('input')); note();
        play.click();
        seen.push(play.textContent);
        advance(); note(); advance(); note(); advance();
        seen.push(play.textContent);
        document.querySelector('#seen').textContent = seen.join('|');</script>)");
    const Result result = run(
        TAPER_CHROMIUM, {"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--user-data-dir=" + filmed.scratch.path("browser"),
                         "--virtual-time-budget=200", "--dump-dom", "file://" + page});
    REQUIRE(result.status == 0);
    const auto at = [](const std::string& step, const std::string& digits) {
        return "step " + step + " " + digits + "," + digits + "," + digits + "," + digits +
               " true|";
    };
    CHECK(between(result.out, "<pre id=\"seen\">", "</pre>") ==
          at("10", "10") + at("5", "05") + at("0", "00") + at("0", "00") + at("5", "05") +
              at("0", "00") + "Pause|" + at("5", "05") + at("10", "10") + "Play");
}

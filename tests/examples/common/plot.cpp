// What becomes of a picture's file: another one's, a link, a device, a full disk, a gnuplot that
// fails.
#include "examples/common/plot.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <system_error>
#include <thread>

#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"

using namespace taper::tests;
using namespace taper::examples;
namespace fs = std::filesystem;

namespace {

bool draw_curve(const std::string& path, const std::string& title = "curve") {
    return plot(path, title, "x", "y", {{"c", "lines", {{1, 2}, {3, 4}}}});
}

}  // namespace

TEST_CASE("plot: two pictures of one directory that are drawn at once are each its own") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const auto draw_often = [&](const std::string& name) {
        for (int i = 0; i < 20; ++i) {
            CHECK(draw_curve(scratch.path(name), name));
            CHECK(contains(file_contents(scratch.path(name)), "set title '" + name + "'"));
        }
    };
    std::thread other(draw_often, "one.svg");
    draw_often("two.svg");
    other.join();
    CHECK(directory_contents(scratch.path("")).size() == 2);
}

TEST_CASE("plot: a quote in a title is a letter") {
    const Scratch scratch;
    const std::string path = scratch.path("curve.svg");
    CHECK(plot(path, "it's", "x's", "y's", {{"c's", "lines", {{1, 2}, {3, 4}}}}));
    for (const char* words : {"it's", "x's", "y's", "c's"}) {
        CAPTURE(words);
        CHECK(contains(file_contents(path), words));
    }
}

TEST_CASE("plot: gnuplot writes no file, whatever stands beside the picture") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string mine = scratch.file("mine", "mine");
    fs::create_symlink(mine, scratch.path(".drawing.svg"));
    CHECK(draw_curve(scratch.path("curve.svg")));
    CHECK(file_contents(mine) == "mine");
    CHECK(fs::is_symlink(scratch.path(".drawing.svg")));
    CHECK_FALSE(contains(file_contents(scratch.path("curve.svg")), "set output"));
}

TEST_CASE(
    "plot: what the environment says of a terminal that gnuplot may not have is not passed on") {
    const FakeGnuplot gnuplot("test -z \"$GNUTERM\" && cat && echo '</svg>'");
    const Scratch scratch;
    setenv("GNUTERM", "x11", 1);
    CHECK(draw_curve(scratch.path("curve.svg")));
    unsetenv("GNUTERM");
}

TEST_CASE("plot: a link and a pipe and a device stay what they are") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string target = scratch.file("target.svg", "old"), link = scratch.path("link.svg");
    fs::create_symlink("target.svg", link);
    CHECK(draw_curve(link));
    CHECK(fs::is_symlink(link));
    CHECK(file_contents(target).ends_with("</svg>\n"));

    const std::string pipe = scratch.path("pipe");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    CHECK(draw_curve(pipe));
    CHECK(fs::is_fifo(pipe));
    std::string read_back(1 << 16, '\0');
    const ssize_t n = read(reader, read_back.data(), read_back.size());
    close(reader);
    CHECK(read_back.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n)).ends_with("</svg>\n"));

    const std::string null = scratch.path("null");  // only root can make a device
    if (mknod(null.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) return;
    CHECK(draw_curve(null));
    CHECK(fs::is_character_file(null));
}

TEST_CASE("plot: a picture that is cut, or of a gnuplot that failed, replaces none") {
    const Scratch scratch;
    const std::string picture = scratch.file("curve.svg", "good");
    for (const char* commands :
         {"echo '<svg>'", "cat; echo '</svg>'; exit 1", "echo '</svg>'; kill -9 $$", ":"}) {
        CAPTURE(commands);
        const FakeGnuplot gnuplot(commands);
        CHECK_FALSE(draw_curve(picture));
        CHECK(file_contents(picture) == "good");
    }
    CHECK(directory_contents(scratch.path("")).size() == 1);
}

TEST_CASE("plot: a gnuplot that writes before it reads, or reads nothing, holds nobody up") {
    const Scratch scratch;
    Curve curve{"c", "lines", {}};
    for (int i = 0; i < 50'000; ++i) curve.points.emplace_back(i, i % 7);
    const FakeGnuplot first_writes("head -c 1000000 /dev/zero; cat; echo '</svg>'");
    CHECK(plot(scratch.path("curve.svg"), "t", "x", "y", {curve}));
    CHECK(file_contents(scratch.path("curve.svg")).size() > 1'000'000 + 300'000);
    const FakeGnuplot reads_nothing("echo '</svg>'");
    CHECK(plot(scratch.path("curve.svg"), "t", "x", "y", {curve}));
}

TEST_CASE("plot: titles beside the curves stand apart, each by its curve where there is room") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::vector<Curve> curves{{"low", "lines", {{1, 5}, {2, 0}}},
                                    {"high", "lines", {{1, 5}, {2, 10}}},
                                    {"just below", "lines", {{1, 5}, {2, 9.99}}},
                                    {"it's", "lines", {{1, 5}, {2, 9.98}}}};
    for (const Scale scale : {Scale::linear, Scale::logarithmic_x}) {
        REQUIRE(
            plot(scratch.path("curve.svg"), "t", "x", "y", curves, scale, Titles::beside_curves));
        const std::string script = file_contents(scratch.path("curve.svg"));
        CHECK(contains(script, "unset key"));
        CHECK(contains(script, "set label 'it''s'"));
        const auto place = [&](const std::string& title) {
            const std::string label = "set label '" + title + "' at graph 1.035,";
            return std::stod(script.substr(script.find(label) + label.size()));
        };
        CHECK(place("low") == doctest::Approx(0.4 / 10.8));
        CHECK(place("high") == doctest::Approx(10.4 / 10.8));
        CHECK(place("high") - place("just below") == doctest::Approx(0.055));
        CHECK(place("just below") - place("it''s") == doctest::Approx(0.055));
        CHECK(contains(script, "set arrow from graph 1.005," + shortest(10.4 / 10.8)));
    }
}

TEST_CASE("plot: many titles at one end all stay in the picture") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    std::vector<Curve> curves;
    for (int i = 0; i < 8; ++i)
        curves.push_back({"c" + std::to_string(i), "lines", {{1, 100}, {2, 0.01 * i}}});
    REQUIRE(plot(scratch.path("curve.svg"), "t", "x", "y", curves, Scale::linear,
                 Titles::beside_curves));
    const std::string script = file_contents(scratch.path("curve.svg"));
    double before = 1;
    for (int i = 7; i >= 0; --i) {
        const std::string label = "set label 'c" + std::to_string(i) + "' at graph 1.035,";
        const double place = std::stod(script.substr(script.find(label) + label.size()));
        CHECK(place >= -1e-9);
        CHECK(before - place > 0.0549);
        before = place;
    }
}

TEST_CASE("plot: a picture that cannot be written is an error with its path and the reason") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string nowhere = scratch.path("none/curve.svg");
    std::string message;
    try {
        draw_curve(nowhere);
    } catch (const std::system_error& error) {
        message = error.what();
    }
    CHECK(message.starts_with(nowhere + ": "));
    CHECK(message.ends_with(": No such file or directory"));
}

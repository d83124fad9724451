// Numbers for machines and pictures are the same in a program whose numbers have a decimal comma.
#include <clocale>
#include <locale>

#include "core/safetensors.hpp"
#include "examples/common/plot.hpp"
#include "examples/language_model/run_log.hpp"
#include "nn/model_directory.hpp"
#include "tests/gnuplot.hpp"
#include "tests/models.hpp"
#include "tests/programs.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

class Comma final : public std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

// Of C++ streams, and of C where the system has such a locale.
class InCommas {
  public:
    InCommas() : before_(std::locale::global(std::locale(std::locale(), new Comma))) {
        for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
            if (std::setlocale(LC_NUMERIC, name)) break;
    }
    ~InCommas() {
        std::locale::global(before_);
        std::setlocale(LC_ALL, "C");
    }

  private:
    std::locale before_;
};

// What is drawn, written and read.
std::map<std::string, std::string> everything() {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    plot(scratch.path("curve.svg"), "t", "x", "y", {{"c", "lines", {{1000, 0.5}, {123456.75, -1e-7}}}});
    plot(scratch.path("map.svg"), "t", {{{"m", 1, 1200, std::vector<float>(1200, 0.25F)}}});
    nn::Config config = tiny;
    config.dropout = 0.125;
    nn::Linformer<float> model(config);
    nn::save_model(scratch.path(""), model);
    CHECK(nn::load_model<float>(scratch.path("")).config.dropout == 0.125);

    RunLog log(scratch.path(""));
    log.open(0);
    for (std::uint64_t step = 1; step <= 1200; ++step)
        log.record({.step = step,
                    .loss = 1.5,
                    .lr = 0.001,
                    .grad_norm = 1234.5,
                    .tokens_per_second = 1000000.25,
                    .seconds = 0.5,
                    .val_loss = 1.25,
                    .val_bits_per_char = {},
                    .val_bits_per_byte = {}});
    log.sample(1200, "  a\n");
    log.draw();
    RunLog again(scratch.path(""));
    again.open(1200);
    again.draw();

    std::map<std::string, std::string> files;
    for (const auto& [path, bytes] : directory_contents(scratch.path("")))
        files[std::filesystem::path(path).filename().string()] = bytes;
    return files;
}

}  // namespace

TEST_CASE("locale: what is drawn, written and read does not depend on it") {
    const auto usual = everything();
    CHECK(usual.size() == 7);
    CHECK(usual.at("curve.svg").find("\n1000 0.5\n") != std::string::npos);
    const InCommas commas;
    std::ostringstream stream;
    stream << 1000.5;
    REQUIRE(stream.str() == "1.000,5");
    const auto with_commas = everything();
    for (const auto& [name, bytes] : usual) {
        CAPTURE(name);
        CHECK(with_commas.at(name) == bytes);
    }
}

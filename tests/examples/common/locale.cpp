// What is shown, and numbers for machines and pictures, are the same in a program whose numbers
// have a decimal comma.
#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <locale>

#include "core/array/random.hpp"
#include "core/check/gradcheck.hpp"
#include "core/io/safetensors.hpp"
#include "core/ops.hpp"
#include "core/show/inspect.hpp"
#include "examples/common/heat_map.hpp"
#include "examples/common/plot.hpp"
#include "examples/language_model/run_log.hpp"
#include "nn/model_directory.hpp"
#include "tests/support/broken_ops.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/models.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;
using namespace taper::examples;

namespace {

struct Comma final : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

// A decimal comma in C++'s streams and in C's functions, for its scope. German is made if it is not
// installed.
class DecimalComma {
  public:
    DecimalComma() : before_(std::locale::global(std::locale(std::locale::classic(), new Comma))) {
        const std::string made = scratch_.path("de_DE.UTF-8");
        static_cast<void>(
            std::system(("localedef -i de_DE -f UTF-8 " + made + " >/dev/null 2>&1").c_str()));
        if (std::filesystem::exists(made)) setenv("LOCPATH", scratch_.path("").c_str(), 1);
        for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
            if (std::setlocale(LC_ALL, name)) break;
        unsetenv("LOCPATH");
    }
    ~DecimalComma() {
        std::locale::global(before_);
        std::setlocale(LC_ALL, "C");
    }
    DecimalComma(const DecimalComma&) = delete;
    DecimalComma& operator=(const DecimalComma&) = delete;

  private:
    Scratch scratch_;
    std::locale before_;
};

std::string everything_shown() {
    Parameter<double> w("w", Array<double>{{1.2345, -0.001}, {1e-7, 3.90525}});
    std::string text;
    {
        Tape<double> tape;
        tape.backward(sum(w * w), Keep::everything);
        text = as_table(tape) + as_dot(tape) + as_page(tape);
    }
    const auto wrong =
        gradcheck("wrong", [](const auto& x) { return apply<SoftmaxWithoutRowSum>(here(), x[0]); },
                  {{0.25, 1234.5, 0.5}});
    const std::string refused = refusal([&] { dropout(w, 1.5, Random(0, "dropout")); });
    return text + wrong.text() + refused;
}

// What is drawn, written and read.
std::map<std::string, std::string> everything_written() {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    plot(scratch.path("curve.svg"), "t", "x", "y",
         {{"c", "lines", {{1000, 0.5}, {123456.75, -1e-7}}}});
    draw_heat_map(scratch.path("map.svg"), {"m", 1, 1200, std::vector<float>(1200, 0.25F)}, "e");
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

TEST_CASE("locale: table, graph, page, gradient check and errors are alike under a decimal comma") {
    const std::string plain = everything_shown();
    const DecimalComma german;
    if (std::localeconv()->decimal_point != std::string(","))
        MESSAGE(
            "C's functions were not tried: no locale with a decimal comma could be made (Debian: "
            "locales)");
    CHECK(everything_shown() == plain);
}

TEST_CASE("locale: what is drawn, written and read does not depend on it") {
    const auto usual = everything_written();
    CHECK(usual.size() == 7);
    CHECK(contains(usual.at("curve.svg"), "\n1000 0.5\n"));
    const DecimalComma german;
    std::ostringstream stream;
    stream << 1000.5;
    REQUIRE(stream.str() == "1.000,5");
    const auto with_commas = everything_written();
    for (const auto& file : usual) {
        const std::string name = file.first;
        CAPTURE(name);
        CHECK(with_commas.at(name) == file.second);
    }
}

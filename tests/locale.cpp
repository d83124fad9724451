// What is shown of a tape and of a gradient check does not depend on the locale of the program.
#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <locale>

#include "core/gradcheck.hpp"
#include "core/inspect.hpp"
#include "core/ops.hpp"
#include "core/random.hpp"
#include "tests/broken_ops.hpp"
#include "tests/scratch.hpp"

using namespace taper;
using namespace taper::tests;

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
        static_cast<void>(std::system(("localedef -i de_DE -f UTF-8 " + made + " >/dev/null 2>&1").c_str()));
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
    const auto wrong = gradcheck("wrong", [](const auto& x) { return apply<SoftmaxWithoutRowSum>(here(), x[0]); },
                                 {{0.25, 1234.5, 0.5}});
    const std::string refused = refusal([&] { dropout(w, 1.5, Random(0, "dropout")); });
    return text + wrong.text() + refused;
}

}  // namespace

TEST_CASE("locale: table, graph, page, gradient check and errors are alike under a decimal comma") {
    const std::string plain = everything_shown();
    const DecimalComma german;
    if (std::localeconv()->decimal_point != std::string(","))
        MESSAGE("C's functions were not tried: no locale with a decimal comma could be made (Debian: locales)");
    CHECK(everything_shown() == plain);
}

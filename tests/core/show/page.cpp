// The page of a tape in a real browser, without a display: an encoder block, stepped through by
// keyboard and mouse.
#include <doctest/doctest.h>

#include "core/show/inspect.hpp"
#include "nn/layers/encoder.hpp"
#include "tests/support/models.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

std::string page_of_an_encoder_block() {
    nn::EncoderBlock<double> block(0, tiny);
    shaken(block);
    Tape<double> tape;
    const Var<double> y = block(some({2, tiny.length, tiny.width}, "x"));
    tape.backward(sum(y * y), Keep::everything);
    return as_page(tape, "an encoder block");
}

// The document as the browser has it after the script has run in it.
std::string document_after(const std::string& page, const std::string& script,
                           const std::string& hash = "") {
    const Scratch scratch;
    const std::string file =
        scratch.file("page.html", page + "<pre id=errors></pre><script>" + script + "</script>");
    const Result result = run(
        TAPER_CHROMIUM, {"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--user-data-dir=" + scratch.path("browser"), "--virtual-time-budget=2000",
                         "--dump-dom", "file://" + file + hash});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    return result.out;
}

}  // namespace

TEST_CASE("page: an encoder block, forward and back, by keyboard and mouse") {
    const std::string page = page_of_an_encoder_block();
    CHECK(!contains(page, "http"));  // nothing is fetched
    const std::string start = document_after(page, "");
    CHECK(contains(start, "<title>an encoder block</title>"));
    CHECK(contains(start, "forward, step 1 of "));
    CHECK(contains(start, "layers.0.norm1.weight"));

    // What each key and button leads to, written down by the page itself.
    const std::string log = document_after(page, R"(
        const seen = [];
        const phase = () => document.querySelector('#phase').textContent;
        const note = () => seen.push(phase() + ' ' + location.hash);
        const key = name => { dispatchEvent(new KeyboardEvent('keydown', { key: name })); note(); };
        key('ArrowRight'); key('ArrowLeft'); key('ArrowLeft');
        key('End'); key('b'); key('b'); key('Home');
        document.querySelector('#next').click(); note();
        document.querySelectorAll('nav div')[5].click(); note();
        const slider = document.querySelector('#slider');
        slider.value = 7; slider.dispatchEvent(new Event('input')); note();
        const counts = records.length + '|' + steps.length;
        document.querySelector('#errors').textContent = seen.join('|') + '|' + counts;)");
    const std::string tag = "<pre id=\"errors\">";
    const std::size_t begin = log.find(tag) + tag.size();
    const std::string seen = log.substr(begin, log.find("</pre>", begin) - begin);
    CAPTURE(seen);
    const std::string last = seen.substr(seen.rfind('|') + 1);
    const auto step = [&](const std::string& pass, const std::string& number,
                          const std::string& hash) {
        return pass + ", step " + number + " of " + last + " #" + hash + "|";
    };
    CHECK(seen.starts_with(step("forward", "2", "f1") + step("forward", "1", "f0") +
                           step("forward", "1", "f0") + step("backward", last, "b0") +
                           step("forward", "1", "f0") + step("backward", last, "b0") +
                           step("forward", "1", "f0") + step("forward", "2", "f1") +
                           step("forward", "6", "f5") + step("forward", "8", "f7")));
}

TEST_CASE(
    "page: a step shows the formula, the source line, heat maps, and greys what is released") {
    const std::string page = page_of_an_encoder_block();
    // The number of attention's record: so many names stand before its own.
    const std::string name = "\"name\":";
    const std::size_t attention = page.find(name + "\"attention\"");
    std::size_t number = 0;
    for (std::size_t place = page.find(name); place < attention; place = page.find(name, place + 1))
        ++number;
    const std::string forward = document_after(page, "", "#f" + std::to_string(number));
    CHECK(contains(forward, "y = softmax(Q K^T / sqrt(d_h)) V for each head"));
    CHECK(contains(forward, "layers/attention.cpp:"));
    CHECK(contains(forward, "<canvas"));
    CHECK(contains(forward, "class=\"later\""));
    CHECK(!contains(forward, "class=\"released\""));
    const std::string backward = document_after(page, "", "#b" + std::to_string(number));
    CHECK(contains(backward, "dy, gradient of the output"));
    CHECK(contains(backward, "dx, gradient of input"));
    CHECK(contains(backward, "class=\"released\""));
}

TEST_CASE("page: numbers where they are few, and NaN is drawn") {
    Parameter<double> w("w", Array<double>{1, 0.25, std::numeric_limits<double>::quiet_NaN()});
    Tape<double> tape;
    const Var<double> loss = sum(w);
    const std::string numbers = document_after(as_page(tape), "");
    CHECK(contains(numbers, ">0.25</td>"));
    CHECK(contains(numbers, ">nan</td>"));
    CHECK(contains(document_after(as_page(tape), "", "#f1"), "No gradients: backward has not run"));
}

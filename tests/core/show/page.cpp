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

// The document as the browser has it after the script has run in it. With a width the page is in a
// frame of that width: a browser without a display makes no window as narrow as a phone.
std::string document_after(const std::string& page, const std::string& script,
                           const std::string& hash = "", int width = 0) {
    const Scratch scratch;
    const std::string log = "<pre id=errors></pre>";
    const std::string run_script = "<script>{" + script + "}</script>";
    std::string file =
        scratch.file("page.html", page + (width == 0 ? log + run_script : run_script));
    if (width != 0)
        file = scratch.file("frame.html", log + "<iframe src='page.html" + hash +
                                              "' style='border: 0; height: 844px; width: " +
                                              std::to_string(width) + "px'></iframe>");
    const Result result =
        run(TAPER_CHROMIUM,
            {"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--allow-file-access-from-files", "--user-data-dir=" + scratch.path("browser"),
             "--virtual-time-budget=2000", "--window-size=1400,1000", "--dump-dom",
             "file://" + file + (width == 0 ? hash : "")});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    return result.out;
}

// What the script returns, in the document, as text.
std::string returned(const std::string& page, const std::string& script,
                     const std::string& hash = "", int width = 0) {
    const std::string document = document_after(
        page, "top.document.querySelector('#errors').textContent = (() => {" + script + "})();",
        hash, width);
    const std::string tag = "<pre id=\"errors\">";
    const std::size_t begin = document.find(tag) + tag.size();
    return document.substr(begin, document.find("</pre>", begin) - begin);
}

// "#f22": the step of the first record of that name, forward, of the page of an encoder block.
std::string step_of(const std::string& page, const std::string& op, const std::string& pass) {
    const std::string number = "\"number\":", name = ",\"name\":\"" + op + "\"";
    const std::size_t end = page.find(name);
    REQUIRE(end != page.npos);
    const std::size_t begin = page.rfind(number, end) + number.size();
    return "#" + pass + page.substr(begin, end - begin);
}

}  // namespace

TEST_CASE("page: an encoder block, forward and back, by keyboard and mouse") {
    const std::string page = page_of_an_encoder_block();
    CHECK(!contains(page, "http"));  // nothing is fetched
    const std::string start = document_after(page, "");
    CHECK(contains(start, "<title>an encoder block</title>"));
    CHECK(contains(start, "forward, step 3 of "));  // the first op, behind two Parameters
    CHECK(contains(start, ">2 layer_norm ("));
    CHECK(contains(start, "layers.0.norm1.weight"));

    // What each key and button leads to, written down by the page itself.
    const std::string seen = returned(page, R"(
        const seen = [];
        const note = () => seen.push(
            document.querySelector('#phase').textContent.split(':')[0] + ' ' + location.hash);
        const key = name => { dispatchEvent(new KeyboardEvent('keydown', { key: name })); note(); };
        key('ArrowRight'); key('ArrowLeft'); key('ArrowLeft');
        key('End'); key('b'); key('b'); key('Home');
        document.querySelector('#next').click(); note();
        document.querySelectorAll('#list button')[5].click(); note();
        const slider = document.querySelector('#slider');
        slider.value = 7; slider.dispatchEvent(new Event('input')); note();
        document.querySelector('#graph [data-record="2"]').dispatchEvent(new MouseEvent('click'));
        note();
        document.querySelector('article section button').click(); note();
        return seen.join('|') + '|' + steps.length;)");
    CAPTURE(seen);
    const std::string last = seen.substr(seen.rfind('|') + 1);
    const auto step = [&](const std::string& pass, const std::string& number,
                          const std::string& hash) {
        return pass + ", step " + number + " of " + last + " #" + hash + "|";
    };
    CHECK(seen.starts_with(
        step("forward", "4", "f3") + step("forward", "3", "f2") + step("forward", "2", "f1") +
        step("backward", last, "b0") + step("forward", "1", "f0") + step("backward", last, "b0") +
        step("forward", "3", "f2") + step("forward", "4", "f3") + step("forward", "6", "f5") +
        step("forward", "8", "f7") + step("forward", "3", "f2") + step("forward", "1", "f0")));
}

TEST_CASE("page: every record and node is reached by Tab, and the focus is seen and stays") {
    const std::string page = page_of_an_encoder_block();
    const std::string seen = returned(page, R"(
        const seen = [];
        const buttons = [...document.querySelectorAll('#list button')];
        seen.push(buttons.length === records.length);
        seen.push([...document.querySelectorAll('button, input, #graph g.node:not(.constant)')]
            .every(x => x.tabIndex >= 0 && (x.ariaLabel || x.textContent)));
        seen.push(buttons.every(x => x.ariaLabel.includes(')')));
        const press = name => document.activeElement.dispatchEvent(
            new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
        buttons[3].focus({ focusVisible: true });
        const style = getComputedStyle(buttons[3]);
        seen.push(style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2);
        press('ArrowDown'); press('ArrowDown'); press('ArrowUp');
        seen.push(document.activeElement === buttons[4]);
        document.activeElement.click();
        seen.push(location.hash === '#f4' && document.activeElement === buttons[4]);
        const node = document.querySelector('#graph [data-record="5"]');
        node.focus({ focusVisible: true });
        seen.push(parseFloat(getComputedStyle(node.firstChild).strokeWidth) >= 3);
        press('Enter');
        seen.push(location.hash === '#f5' && document.activeElement.dataset.record === '5');
        press('ArrowRight');
        seen.push(location.hash === '#f6' && document.activeElement.dataset.record === '6');
        seen.push(document.querySelector('#phase').getAttribute('aria-live') === 'polite');
        seen.push([...document.querySelectorAll('canvas')]
            .every(x => x.role === 'img' && x.ariaLabel.includes('heat map')));
        seen.push(document.querySelector('#list [aria-current=step]') === buttons[6]);
        return seen.join(' ');)");
    CHECK(seen == "true true true true true true true true true true true true");
}

TEST_CASE(
    "page: a step shows the formula and its arrays under the formula's names, P among them, and "
    "greys what is released") {
    const std::string page = page_of_an_encoder_block();
    const std::string names = R"(
        const cards = [...document.querySelectorAll('article section')];
        return cards.map(x => x.querySelector('strong').textContent).join(' ');)";
    const std::string forward_step = step_of(page, "attention", "f");
    const std::string backward_step = step_of(page, "attention", "b");
    const std::string forward = document_after(page, "", forward_step);
    CHECK(contains(forward, "y = softmax(Q K^T / sqrt(d_h)) V for each head"));
    CHECK(contains(forward, "attention takes Q, K and V and makes y."));
    CHECK(contains(forward, "layers/attention.cpp:"));
    CHECK(contains(forward, "output(taper::attention("));  // the source line
    CHECK(contains(forward, "<canvas"));
    CHECK(contains(forward, "rows: query; columns: key"));
    CHECK(contains(forward, "class=\"later\""));
    CHECK(!contains(forward, "class=\"released\""));
    CHECK(returned(page, names, forward_step) == "Q K V P y");
    const std::string backward = document_after(page, "", backward_step);
    CHECK(contains(backward, "attention turns it into dQ, dK and dV."));
    CHECK(contains(backward, "class=\"released\""));
    CHECK(returned(page, names, backward_step) == "dy dQ dK dV y P Q K V");
    Parameter<double> w("w", Array<double>{2, 3});
    Tape<double> tape;
    tape.backward(sum(w * w), Keep::everything);  // one record is both inputs
    CHECK(returned(as_page(tape), names, "#b1") == "dy da + db a b");
    const std::string first = document_after(page, "");
    CHECK(contains(first, "<strong>x</strong><span class=\"note\"> a constant ("));
    CHECK(contains(first, "layer_norm takes x, gain and bias and makes y."));
}

TEST_CASE("page: P of a text has its tokens on the axes, and slots have none") {
    Parameter<double> Q("Q", some({1, 3, 4}, "Q"));
    const Var<double> K = some({1, 3, 4}, "K");
    Tape<double> tape;
    const Var<double> y = attention<double>(Q, K, K, {.heads = 2});
    PageTokens tokens{{"In", " the", "<b>&"}, true};
    const std::string labels = R"(
        const labels = side => [...document.querySelectorAll('.labels.' + side)]
            .map(x => [...x.children].map(y => y.textContent).join(','));
        return labels('rows').join('|') + ' / ' + labels('columns').join('|') + ' / ' +
            document.querySelector('#tokens').textContent;)";
    CHECK(returned(as_page(tape, "t", tokens), labels) ==
          "In, the,&lt;b&gt;&amp;|In, the,&lt;b&gt;&amp; / "
          "In, the,&lt;b&gt;&amp;|In, the,&lt;b&gt;&amp; / "
          "The tokens at the 3 positions:0 In1  the2 &lt;b&gt;&amp;");
    tokens.keys_are_positions = false;
    CHECK(contains(returned(as_page(tape, "t", tokens), labels), "&lt;b&gt;&amp; /  / The tokens"));
    CHECK(contains(document_after(as_page(tape, "t", tokens), ""), "rows: query; columns: slot"));
    tokens.names.pop_back();  // of another text
    CHECK(returned(as_page(tape, "t", tokens), labels).starts_with(" /  / The tokens"));
}

// Of each text that is seen in any step: its colour against what is behind it, as WCAG 2 has it.
static const char* const least_contrast = R"(
    const channels = text => text.match(/[\d.]+/g).map(Number);
    const behind = element => {
        for (let x = element; x; x = x.parentElement) {
            const style = getComputedStyle(x);
            if (x.ownerSVGElement && x.tagName === 'g')
                return channels(getComputedStyle(x.querySelector('rect')).fill);
            if (style.backgroundImage !== 'none') return [127, 127, 127];
            const back = channels(style.backgroundColor);
            if (back.length === 3 || back[3] === 1) return back.slice(0, 3);
        }
        return [255, 255, 255];
    };
    let least = [99, ''];
    const look = () => {
        for (const x of document.querySelectorAll('body *')) {
            const own = [...x.childNodes].some(c => c.nodeType === 3 && c.data.trim());
            if (!own || !x.getClientRects().length) continue;  // not seen
            const style = getComputedStyle(x);
            let opaque = 1;
            for (let y = x; y; y = y.parentElement) opaque *= Number(getComputedStyle(y).opacity);
            const ink = channels(x.ownerSVGElement ? style.fill : style.color);
            const found = opaque < 1 || ink[3] < 1 ? 1 : contrast(ink.slice(0, 3), behind(x));
            if (found < least[0]) least = [found, x.outerHTML.slice(0, 200)];
        }
    };
    steps.forEach((_, k) => { go(k); look(); });
    document.querySelectorAll('details').forEach(x => x.open = true);
    look();)";

TEST_CASE("page: every text has a contrast of 4.5 : 1 or more") {
    Parameter<double> few("few", Array<double>{{-1, -0.5, -0.1}, {0.1, 0.3, 1}});
    Tape<double> tape;
    tape.backward(sum(few * few + 1.0), Keep::everything);
    // The function is the page's own, which chooses colours in cells by it.
    CHECK(returned(as_page(tape),
                   "return [contrast([0, 0, 0], [255, 255, 255]).toFixed(2), "
                   "contrast([119, 119, 119], [255, 255, 255]).toFixed(2)].join();") ==
          "21.00,4.48");
    for (const std::string& page : {page_of_an_encoder_block(), as_page(tape)}) {
        const std::string least =
            returned(page, least_contrast + std::string("return least[0] >= 4.5 ? 'enough' : "
                                                        "least.join(' ');"));
        CHECK(least == "enough");
    }
}

TEST_CASE(
    "page: on a phone it scrolls down alone, a long formula is whole, and neither list nor graph "
    "hides the step") {
    const std::string page = page_of_an_encoder_block();
    const std::string seen = returned(page, R"(
        const wide = [];
        const look = () => {
            const boxes = document.querySelectorAll('html, article, pre, section');
            const cut = [...boxes].filter(x => x.scrollWidth > x.clientWidth);
            if (cut.length) wide.push(location.hash + cut[0].tagName);
        };
        const top = document.querySelector('article').getBoundingClientRect().top;
        const hidden = ['#list', '#graph'].every(x => document.querySelector(x).hidden);
        steps.forEach((_, k) => { go(k); look(); });
        document.querySelectorAll('.fold').forEach(x => x.click());
        steps.forEach((_, k) => { go(k); look(); });
        const list = document.querySelector('#list').getBoundingClientRect().height;
        return [innerWidth, top < 422, hidden, wide.join(), list > 100 && list < 422].join(' ');)",
                                      "", 390);
    CHECK(seen == "390 true true  true");
}

TEST_CASE("page: numbers where they are few, and NaN is drawn") {
    Parameter<double> w("w", Array<double>{1, 0.25, std::numeric_limits<double>::quiet_NaN()});
    Tape<double> tape;
    const Var<double> loss = sum(w);
    const std::string numbers = document_after(as_page(tape), "", "#f0");
    CHECK(contains(numbers, ">0.25</td>"));
    CHECK(contains(numbers, ">nan</td>"));
    CHECK(contains(document_after(as_page(tape), "", "#f1"), "No gradients: backward has not run"));
}

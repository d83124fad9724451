// The page of a film of attention (attention_film.hpp).
#include <nlohmann/json.hpp>

#include "examples/common/markup.hpp"
#include "examples/common/picture_page.hpp"
#include "examples/language_model/attention_film.hpp"

namespace taper::examples {

static const char* const script = R"(
const frames = JSON.parse(document.getElementById('frames').textContent);
const slider = document.getElementById('slider');
const play = document.getElementById('play');
const label = document.getElementById('label');
const heads = [...document.querySelectorAll('figure.head')];
const loaded = frames.map(() => new Image());  // before they are shown
frames.forEach((frame, i) => { loaded[i].src = frame.file; });
let timer = 0;

function show(number) {
    const frame = frames[number];
    slider.value = number;
    slider.setAttribute('aria-valuetext', frame.label);
    label.textContent = frame.label;
    heads.forEach((head, i) => {
        const [x, y, width, height] = frame.places[i];
        const crop = head.querySelector('svg');
        const image = head.querySelector('image');
        crop.setAttribute('viewBox', [x, y, width, height].join(' '));
        crop.setAttribute('width', width);
        crop.setAttribute('height', height);
        image.setAttribute('width', frame.width);
        image.setAttribute('height', frame.height);
        image.setAttribute('href', frame.file);
        head.querySelector('.seen').textContent = frame.captions[i];
    });
}
function pause() {
    clearInterval(timer);
    timer = 0;
    play.textContent = 'Play';
}
function move(by) {
    pause();
    show(Math.min(Math.max(Number(slider.value) + by, 0), frames.length - 1));
}
function advance() {
    if (Number(slider.value) === frames.length - 1) pause();
    else show(Number(slider.value) + 1);
}
play.addEventListener('click', () => {
    if (timer) return pause();
    if (Number(slider.value) === frames.length - 1) show(0);
    play.textContent = 'Pause';
    timer = setInterval(advance, 700);
});
slider.addEventListener('input', () => { pause(); show(Number(slider.value)); });
document.addEventListener('keydown', event => {
    if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey) return;
    const picture = event.target.closest && event.target.closest('.picture');
    if (picture && picture.scrollWidth > picture.clientWidth) return;  // it scrolls
    if (event.key === 'ArrowLeft') move(-1);
    else if (event.key === 'ArrowRight') move(1);
    else return;
    event.preventDefault();
});
show(frames.length - 1);
)";

static std::string crop_of(const FilmFrame& frame, std::size_t head) {
    const auto attribute = [](const char* name, std::size_t number) {
        return std::string(" ") + name + "='" + std::to_string(number) + "'";
    };
    const MapPlace& place = frame.places[head];
    return "<svg role='img' viewBox='" + std::to_string(place.x) + " " + std::to_string(place.y) +
           " " + std::to_string(place.width) + " " + std::to_string(place.height) + "'" +
           attribute("width", place.width) + attribute("height", place.height) + "><image href='" +
           frame_file(frame.step) + "'" + attribute("width", frame.width) +
           attribute("height", frame.height) + "/></svg>";
}

static std::string frames_json(const std::vector<FilmFrame>& frames) {
    auto json = nlohmann::ordered_json::array();
    for (const FilmFrame& frame : frames) {
        auto places = nlohmann::ordered_json::array();
        for (const MapPlace& place : frame.places)
            places.push_back({place.x, place.y, place.width, place.height});
        json.push_back({{"file", frame_file(frame.step)},
                        {"label", frame.label},
                        {"width", frame.width},
                        {"height", frame.height},
                        {"places", places},
                        {"captions", frame.captions}});
    }
    return json.dump();
}

std::string film_page(const std::vector<FilmFrame>& frames, const std::vector<std::string>& titles,
                      const PlottedText& text, const ColourScale& scale) {
    const FilmFrame& last = frames.back();
    std::string body =
        "<p>What each head of the model attends to in one text, at each evaluation of its "
        "training. Each row is a token of the text, and its cells add up to 1. All frames have one "
        "colour scale. What is said below each map is computed from its numbers. The slider, the "
        "arrow keys and the button step through the frames.</p>\n" +
        token_list(text.names) + "<div class='controls'>\n<button id='play'>Play</button>\n" +
        "<input id='slider' type='range' min='0' max='" + std::to_string(frames.size() - 1) +
        "' value='" + std::to_string(frames.size() - 1) + "' aria-label='frame'>\n" +
        "<p id='label' role='status'>" + markup(last.label) + "</p>\n</div>\n" +
        scale_svg(scale, "attention weight, darkness by its square root") +
        "<div class='figures'>\n";
    for (std::size_t head = 0; head < titles.size(); ++head)
        body += "<figure class='head'>\n<div class='picture' tabindex='0'>" + crop_of(last, head) +
                "</div>\n<figcaption>" + markup(titles[head]) + ": <span class='seen'>" +
                markup(last.captions[head]) + "</span></figcaption>\n</figure>\n";
    body += "</div>\n<h2>The frames as files</h2>\n<ul>\n";
    for (const FilmFrame& frame : frames) {
        const std::string file = frame_file(frame.step);
        body += "<li><a href='" + file + "'>" + markup(frame.label) + "</a></li>\n";
    }
    body += "</ul>\n<script type='application/json' id='frames'>" +
            markup_json(frames_json(frames)) + "</script>\n<script>" + script + "</script>\n";
    return page_of("Attention over training", body);
}

}  // namespace taper::examples

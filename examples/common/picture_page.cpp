#include "examples/common/picture_page.hpp"

#include "examples/common/markup.hpp"

namespace taper::examples {

static const char* const style = R"(
:root { color-scheme: light; }
body { margin: 0 auto; padding: 12px 16px 48px; max-width: 1340px; background: #ffffff;
       color: #1a1a1a; font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2em; border-top: 1px solid #767676; padding-top: .6em; }
p { max-width: 46em; }
a { color: #0b4f9e; }
a:focus-visible, button:focus-visible, input:focus-visible, .picture:focus-visible {
    outline: 3px solid #0b4f9e; outline-offset: 2px; }
.figures { display: flex; flex-wrap: wrap; gap: 28px 20px; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
figcaption { max-width: 21em; font-size: .95rem; }
.picture { overflow-x: auto; max-width: 100%; }
.picture svg, .picture img { display: block; max-width: none; }
.tokens { padding: 0; display: flex; flex-wrap: wrap; gap: 2px 10px; list-style: none; }
.tokens code { background: #eef2f7; padding: 0 3px; }
.tokens small { color: #555555; }
button { font: inherit; padding: 4px 14px; min-width: 5em; }
input[type=range] { width: min(560px, 96%); }
.controls { position: sticky; top: 0; background: #ffffff; padding: 8px 0; z-index: 1; }
)";

std::string page_of(const std::string& title, const std::string& body) {
    return "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
           "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>" +
           markup(title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" +
           markup(title) + "</h1>\n" + body + "</body>\n</html>\n";
}

std::string token_list(const std::vector<std::string>& tokens) {
    std::string list = "<ol class='tokens' start='0'>\n";
    for (std::size_t i = 0; i < tokens.size(); ++i)
        list += "<li><small>" + std::to_string(i) + "</small> <code>" +
                markup(visible(tokens[i], 40)) + "</code></li>\n";
    return list + "</ol>\n";
}

static std::string figure_of(const PageFigure& figure) {
    std::string text = "<figure>\n";
    const std::size_t begin = figure.svg.find("<svg");  // what may come before is for files alone
    if (begin != figure.svg.npos)
        text += "<div class='picture' tabindex='0'>\n" + figure.svg.substr(begin) + "</div>\n";
    return text + "<figcaption>" + markup(figure.caption) + "</figcaption>\n</figure>\n";
}

std::string picture_page(const std::string& title, const std::string& words,
                         const std::vector<std::string>& tokens,
                         const std::vector<PageSection>& sections) {
    std::string body = "<p>" + markup(words) + "</p>\n" + token_list(tokens);
    for (const PageSection& section : sections) {
        body += "<section>\n<h2>" + markup(section.heading) + "</h2>\n<p>" + markup(section.words) +
                " The picture as a file: <a href='" + markup(section.file) + "'>" +
                markup(section.file) + "</a>.</p>\n";
        body += "<div class='figures'>\n";
        for (const PageFigure& figure : section.figures) body += figure_of(figure);
        body += "</div>\n</section>\n";
    }
    return page_of(title, body);
}

}  // namespace taper::examples

// One HTML page that shows pictures, each with what is seen there in words. It holds all that it
// shows, so that it works without a network, and is readable on a telephone and by keyboard.
#pragma once

#include <string>
#include <vector>

namespace taper::examples {

struct PageFigure {
    std::string svg;      // from <svg on it stands in the page; "": a caption alone
    std::string caption;  // sentences
};

struct PageSection {
    std::string heading;
    std::string words;  // how its pictures are read; sentences
    std::string file;   // the picture of all figures, beside the page
    std::vector<PageFigure> figures;
};

// words: a paragraph below the title; tokens: of the text, with their positions.
std::string picture_page(const std::string& title, const std::string& words,
                         const std::vector<std::string>& tokens,
                         const std::vector<PageSection>& sections);

// A page of this body, in the style of all of them.
std::string page_of(const std::string& title, const std::string& body);
// A text's tokens and their positions, as HTML.
std::string token_list(const std::vector<std::string>& tokens);

}  // namespace taper::examples

// Heat maps as SVG: each entry's colour in its place, labels, one scale, and files that stay small.
#include "examples/common/heat_map.hpp"

#include <cmath>

#include "examples/common/markup.hpp"
#include "tests/support/heat_maps.hpp"
#include "tests/support/programs.hpp"

using namespace taper::tests;
using namespace taper::examples;

namespace {

HeatMap numbered(std::size_t rows, std::size_t columns, float first, float step) {
    HeatMap map{std::to_string(rows) + " x " + std::to_string(columns), rows, columns, {}};
    for (std::size_t i = 0; i < rows * columns; ++i)
        map.entries.push_back(first + step * static_cast<float>(i));
    return map;
}

HeatMapPicture picture_of(const std::vector<std::vector<HeatMap>>& maps) {
    return {.title = "all", .down = "rows", .across = "columns", .entry = "entry", .maps = maps};
}

// The lines of the heading as one.
std::string heading_of(const std::string& svg) {
    std::string heading;
    for (const std::string& line : texts_of(svg.substr(0, svg.find("class='scale'"))))
        heading += line + " ";
    return heading;
}

// How light a colour is to the eye, and on a grey print: the relative luminance of WCAG 2.
double luminance(const std::string& colour) {
    double sum = 0;
    const double weights[] = {0.2126, 0.7152, 0.0722};
    for (std::size_t i = 0; i < 3; ++i) {
        const double part = std::stoi(colour.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
        sum +=
            weights[i] * (part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
}

}  // namespace

TEST_CASE("heat maps: each entry has its colour in its place, by one scale for all maps") {
    const std::vector<HeatMap> line{numbered(3, 5, -7.5F, 1), numbered(1, 4, 0, 0.25F),
                                    numbered(4, 1, 2, -1), numbered(1, 1, 5, 0)};
    const HeatMapPicture picture = picture_of({line, {numbered(2, 2, -30, 10)}});
    const std::string svg = drawn_heat_maps(picture).svg;
    CHECK_FALSE(contains(svg, "<image"));
    const auto drawn = maps_of(svg);
    REQUIRE(drawn.size() == 5);
    const ColourScale scale(30, true);
    for (std::size_t m = 0; m < drawn.size(); ++m) {
        const HeatMap& map = m < 4 ? line[m] : picture.maps[1][0];
        CHECK(drawn[m].title == map.title);
        REQUIRE(drawn[m].rows == map.rows);
        REQUIRE(drawn[m].columns == map.columns);
        for (std::size_t i = 0; i < map.entries.size(); ++i)
            CHECK(drawn[m].colours[i] ==
                  ColourScale::colour(*scale.step(static_cast<double>(map.entries[i]))));
    }
    CHECK(contains(heading_of(svg), "one scale for all maps"));
    CHECK(contains(heading_of(svg), "below 0 orange, darker ones struck"));
    const auto numbers = texts_of(svg.substr(svg.find("class='scale'")));
    CHECK(numbers[0] == "-30");
    CHECK(numbers[1] == "0");
    CHECK(numbers[2] == "30");
    CHECK_FALSE(contains(drawn_heat_maps(picture_of({{line[1]}})).svg, "one scale"));
}

TEST_CASE("heat maps: a darker colour is more, also on a grey print") {
    for (const int sign : {1, -1})
        for (int step = 0; step < ColourScale::darkest; ++step) {
            CAPTURE(step);
            CHECK(luminance(ColourScale::colour(sign * (step + 1))) <
                  luminance(ColourScale::colour(sign * step)));
        }
    CHECK(ColourScale::colour(0) == "#ffffff");
    const ColourScale linear(2, false), root(1, false, Shade::square_root);
    CHECK(linear.step(1) == 16);
    CHECK(linear.step(3) == 32);
    CHECK(linear.step(-1) == 0);
    CHECK(linear.number(16) == 1);
    CHECK(root.step(0.25) == 16);
    CHECK(root.number(16) == 0.25);
    CHECK(ColourScale(2, true).step(-1) == -16);
    CHECK_FALSE(linear.step(NAN));
}

TEST_CASE("heat maps: labels are seen, escaped and all there up to 64, beyond every other one") {
    CHECK(visible(" the") == "␣the");
    CHECK(visible("\n") == "\\n");
    CHECK(visible("a\x1B\xC3") == "a\\x1B\\xC3");
    CHECK(visible("äöü", 3) == "äöü");
    CHECK(visible("äöüß", 3) == "äö…");
    HeatMap map = numbered(4, 2, 0, 0.1F);
    map.row_labels = {"<b>", "&", " a\"'", "\n"};
    map.column_labels = {"x", "y"};
    map.border = 1;
    const auto small = maps_of(drawn_heat_maps(picture_of({{map}})).svg);
    CHECK(small[0].row_labels ==
          std::vector<std::string>{"&lt;b&gt;", "&amp;", "␣a&quot;&#39;", "\\n"});
    CHECK(small[0].column_labels == std::vector<std::string>{"x", "y"});
    CHECK(small[0].has_border);
    for (const std::size_t n : {64U, 65U, 128U}) {
        CAPTURE(n);
        const auto drawn = maps_of(drawn_heat_maps(picture_of({{numbered(n, 3, 0, 1)}})).svg);
        const std::size_t every = n > 64 ? 2 : 1;
        REQUIRE(drawn[0].row_labels.size() == (n + every - 1) / every);
        CHECK(drawn[0].row_labels.back() == std::to_string((n - 1) / every * every));
        CHECK(drawn[0].column_labels == std::vector<std::string>{"0", "1", "2"});
        CHECK_FALSE(drawn[0].has_border);
    }
}

TEST_CASE("heat maps: large matrices become means of blocks, which is said, and files stay small") {
    const std::string whole = drawn_heat_maps(picture_of({{numbered(256, 4, 0, 1)}})).svg;
    CHECK_FALSE(contains(whole, "reduced"));
    HeatMap tall = numbered(512, 2, 0, 0);
    for (std::size_t i = 0; i < 512; ++i)
        for (std::size_t j = 0; j < 2; ++j) tall.entries[2 * i + j] = i % 4 == 0 ? 1.0F : 0.0F;
    const std::string svg = drawn_heat_maps(picture_of({{tall}})).svg;
    CHECK(contains(heading_of(svg), "reduced: a cell is the mean of up to 2 x 1 entries"));
    const auto drawn = maps_of(svg);
    REQUIRE(drawn[0].rows == 256);
    CHECK(drawn[0].colours[0] == ColourScale::colour(16));
    CHECK(drawn[0].colours[2] == "#ffffff");
    std::vector<HeatMap> noise(8, HeatMap{"m", 256, 256, {}});
    for (HeatMap& map : noise)
        for (std::size_t i = 0; i < 256 * 256; ++i)
            map.entries.push_back(static_cast<float>(i * 7919 % 1000));
    const HeatMapPicture large = picture_of({noise});
    CHECK(drawn_heat_maps(large).svg.size() < 300'000);
    // A map of them alone, no finer than in the picture.
    HeatMapPicture alone = picture_of({{noise[0]}});
    CHECK(longest_side(alone) > longest_side(large));
    alone.longest_side = longest_side(large);
    CHECK(maps_of(drawn_heat_maps(alone).svg)[0].rows ==
          maps_of(drawn_heat_maps(large).svg)[0].rows);
}

TEST_CASE("heat maps: entries that are not finite are grey, and said to be") {
    HeatMap map = numbered(1, 3, 0, 1);
    map.entries[0] = NAN;
    const std::string svg = drawn_heat_maps(picture_of({{map}})).svg;
    const auto drawn = maps_of(svg);
    CHECK(drawn[0].colours[0] == ColourScale::colour_of_no_number());
    CHECK(drawn[0].colours[2] == ColourScale::colour(32));
    CHECK(contains(heading_of(svg), "grey: not finite"));
    CHECK_FALSE(contains(drawn_heat_maps(picture_of({{numbered(1, 3, 0, 1)}})).svg, "grey"));
}

TEST_CASE("heat maps: maps have places of their own inside the picture") {
    std::vector<HeatMap> many;
    for (std::size_t i = 0; i < 12; ++i) many.push_back(numbered(20, 20, 0, 1));
    const DrawnHeatMaps drawn = drawn_heat_maps(picture_of({many, many}));
    REQUIRE(drawn.places.size() == 24);
    CHECK(drawn.width <= 1400);
    for (std::size_t i = 0; i < 24; ++i) {
        const MapPlace& a = drawn.places[i];
        CHECK(a.x + a.width <= drawn.width);
        CHECK(a.y + a.height <= drawn.height);
        for (std::size_t j = 0; j < i; ++j) {
            const MapPlace& b = drawn.places[j];
            const bool beside = a.x >= b.x + b.width || b.x >= a.x + a.width;
            const bool below = a.y >= b.y + b.height || b.y >= a.y + a.height;
            CHECK((beside || below));
        }
    }
}

TEST_CASE("heat maps: a matrix that is not what its rows and columns say is refused") {
    HeatMap map = numbered(2, 3, 0, 1);
    map.entries.pop_back();
    const auto said = [](const HeatMap& drawn) {
        return refusal([&] { drawn_heat_maps(picture_of({{drawn}})); });
    };
    CHECK(said(map) ==
          "heat map '2 x 3': it must have an entry for each row and column: rows 2, columns 3, "
          "there are 5");
    HeatMap labelled = numbered(2, 3, 0, 1);
    labelled.row_labels = {"a"};
    CHECK(contains(said(labelled), "a label for each row or none"));
    labelled.row_labels.clear();
    labelled.column_labels = {"a"};
    CHECK(contains(said(labelled), "a label for each column or none"));
    CHECK(contains(said({"none", 0, 0, {}}), "an entry"));
}

TEST_CASE("heat maps: a picture of one matrix is a file") {
    const Scratch scratch;
    draw_heat_map(scratch.path("P.svg"), {"P", 2, 2, {1, 0, 0.5F, 0.5F}, {"a", "b"}, {"c", "d"}},
                  "attention weight");
    const std::string svg = file_contents(scratch.path("P.svg"));
    CHECK(svg.starts_with("<svg xmlns='http://www.w3.org/2000/svg'"));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(contains(svg, "attention weight"));
    CHECK(contains(svg, "<title>P</title>"));
}

#include "examples/common/colour_scale.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace taper::examples {

namespace {

struct Colour {
    double red, green, blue;
};

// Blues and Oranges of ColorBrewer (Brewer 2003), from white. Each is darker than the one before.
constexpr std::array<Colour, 8> blues{{{255, 255, 255},
                                       {222, 235, 247},
                                       {198, 219, 239},
                                       {158, 202, 225},
                                       {107, 174, 214},
                                       {66, 146, 198},
                                       {33, 113, 181},
                                       {8, 48, 107}}};
constexpr std::array<Colour, 8> oranges{{{255, 255, 255},
                                         {254, 230, 206},
                                         {253, 208, 162},
                                         {253, 174, 107},
                                         {253, 141, 60},
                                         {241, 105, 19},
                                         {217, 72, 1},
                                         {127, 39, 4}}};

}  // namespace

std::optional<int> ColourScale::step(double number) const {
    if (!std::isfinite(number)) return std::nullopt;
    const double share = std::min(std::abs(number) / largest_, 1.0);
    const double darkness = shade_ == Shade::square_root ? std::sqrt(share) : share;
    const auto steps = static_cast<int>(std::lround(darkness * darkest));
    return number < 0 ? (signed_ ? -steps : 0) : steps;
}

double ColourScale::number(int step) const {
    const double darkness = static_cast<double>(std::abs(step)) / darkest;
    const double share = shade_ == Shade::square_root ? darkness * darkness : darkness;
    return step < 0 ? -share * largest_ : share * largest_;
}

std::string ColourScale::colour(int step) {
    const auto& hue = step < 0 ? oranges : blues;
    const double place =
        static_cast<double>(std::abs(step)) / darkest * static_cast<double>(hue.size() - 1);
    const auto before = std::min(static_cast<std::size_t>(place), hue.size() - 2);
    const double share = place - static_cast<double>(before);
    const auto mixed = [&](double Colour::*part) {
        return static_cast<int>(
            std::lround(hue[before].*part * (1 - share) + hue[before + 1].*part * share));
    };
    char text[8];
    std::snprintf(text, sizeof text, "#%02x%02x%02x", mixed(&Colour::red) & 255,
                  mixed(&Colour::green) & 255, mixed(&Colour::blue) & 255);
    return text;
}

}  // namespace taper::examples

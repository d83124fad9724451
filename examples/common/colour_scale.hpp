// The colours of numbers in a picture: one hue, darker for more, so that the colour-blind and
// readers of a grey print see the same order. Numbers below 0 have another hue.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace taper::examples {

// How dark a number is: in proportion to it, or to its square root, which tells small ones apart.
enum class Shade { linear, square_root };

class ColourScale {
  public:
    static constexpr int darkest = 32;  // the steps between white and the darkest colour

    // 0 is white; `largest` > 0, and -largest where a scale is signed, have the darkest colour.
    ColourScale(double largest, bool is_signed, Shade shade = Shade::linear)
        : largest_(largest), signed_(is_signed), shade_(shade) {}

    // -darkest to darkest; numbers beyond the scale have its ends. None: the number is not finite.
    std::optional<int> step(double number) const;
    // The largest number, and the least: 0 or -largest.
    double high() const { return largest_; }
    double low() const { return signed_ ? -largest_ : 0; }
    bool is_signed() const { return signed_; }
    Shade shade() const { return shade_; }
    // The number that has this step.
    double number(int step) const;

    static std::string colour(int step);  // "#08306b"
    static std::string colour_of_no_number() { return "#b8b8b8"; }

  private:
    double largest_;
    bool signed_;
    Shade shade_;
};

}  // namespace taper::examples

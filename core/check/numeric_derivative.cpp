#include "core/check/numeric_derivative.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::detail {

// Steps from 32 h down to h / 2^40. Rounding usually ends the search before that.
static constexpr int first_level = -5, last_level = 40;
// The three limits are relative. A larger change of slope is a kink or strong curvature.
static constexpr double bend_limit = 1e-6;
// A numeric derivative with a larger uncertainty tells nothing.
static constexpr double resolution_limit = 1e-6;
// With a larger uncertainty rounding hides the derivative.
static constexpr double coarse_limit = 1e-3;
static constexpr double infinity = std::numeric_limits<double>::infinity();

// The differences are made entry by entry, so that an entry that does not change adds exactly 0.
// They are summed in long double.
static Slopes slopes_of(const Array<double>& dy, const Array<double>& y, const Array<double>& below,
                        const Array<double>& above, double h) {
    long double up = 0, down = 0, terms = 0, sides = 0;
    long double changed = 0, total = 0;  // squares of dy_j y_j: where y_j changes, and of every j
    for (std::size_t j = 0; j < y.size(); ++j) {
        const long double dy_j = dy.data()[j];
        const long double y_j = y.data()[j];
        const long double y_below = below.data()[j];
        const long double y_above = above.data()[j];
        if (dy_j == 0) continue;
        up += dy_j * (y_above - y_j);
        down += dy_j * (y_j - y_below);
        terms += std::abs(dy_j * (y_above - y_below));
        sides += std::abs(dy_j) * std::max(std::abs(y_above - y_j), std::abs(y_j - y_below));
        const long double size = dy_j * std::max(std::abs(y_above), std::abs(y_below));
        total += size * size;
        if (y_above != y_below || y_above != y_j) changed += size * size;
    }
    // The relative rounding of a few operations.
    constexpr long double rounding = 8 * std::numeric_limits<double>::epsilon();
    const long double rounded_off = rounding * std::sqrt(changed > 0 ? changed : total);
    const auto slope = [h](long double difference, double steps) {
        return static_cast<double>(difference / (steps * h));
    };
    return {.central = slope(up + down, 2),
            .below = slope(down, 1),
            .above = slope(up, 1),
            .terms = slope(terms, 2),
            .sides = slope(sides, 1),
            .noise = slope(rounded_off, 1)};
}

const Slopes& Line::slopes(int level, std::size_t c) {
    std::vector<Slopes>& slopes = levels_[level];  // one for each cotangent
    if (slopes.empty()) {
        const double h = std::ldexp(h_, -level);
        move_(h);
        const Array<double> above = f_();
        move_(-h);
        const Array<double> below = f_();
        move_(0);
        for (const auto& y : {above, below})
            if (y.shape() != y_.shape())
                shape_error("gradcheck", "f must return one shape whatever its inputs",
                            {{"y", y_.shape()}, {"y", y.shape()}});
        for (const Array<double>& dy : cotangents_)
            slopes.push_back(slopes_of(dy, y_, below, above, h));
    }
    return slopes[c];
}

double Line::bend(int level, std::size_t c) {
    const Slopes& wide = slopes(level, c);
    const Slopes& narrow = slopes(level + 1, c);
    return 2 * (narrow.above - narrow.below) - (wide.above - wide.below);
}

bool Line::bends(int level, std::size_t c, double scale) {
    const double change = std::abs(bend(level, c));
    const bool small = change <= bend_limit * scale + 4 * slopes(level + 1, c).noise;
    return !(std::isfinite(change) && small);
}

// Two steps, extrapolated: the error is of order h^4.
static double richardson(Line& line, int level, std::size_t c) {
    const double wide = line.slopes(level, c).central;
    const double narrow = line.slopes(level + 1, c).central;
    return narrow + (narrow - wide) / 3;
}

// A numeric derivative, and how certain it is of itself. It does not know the analytic one.
struct Settled {
    double value = std::nan("");
    double scale = 0;  // what the uncertainty is compared with
    double uncertainty = infinity;
    double variation = 0;  // what f does on either side of x, also where its derivative is 0
    int level = last_level;

    // What is small beside `floor` need not be resolved.
    bool resolved(double limit, double floor) const {
        return uncertainty <= limit * std::max(scale, floor);
    }
    // Are this derivative and the analytic one 0 to within the uncertainty, while f is seen to
    // change on either side by far more?
    bool stationary(double analytic) const {
        return std::max(std::abs(analytic), std::abs(value)) <= uncertainty &&
               uncertainty <= coarse_limit * variation;
    }
};

// Did the bends grow until they vanished? That is what the steps of a rounded f do.
static bool grew(const std::vector<double>& bends) {
    if (bends.size() < 6) return false;
    const auto last_three = bends.end() - 3;
    const double latest = *std::max_element(last_three, bends.end());
    const double earlier = *std::max_element(bends.begin(), last_three);
    return latest > 1.5 * earlier;
}

// The numeric derivative that is most certain of itself, over ever smaller steps.
static Settled settle(Line& line, std::size_t c, double tolerance, double floor) {
    Settled best;
    double scale = floor;
    int smooth = 0;             // smooth levels in a row
    std::vector<double> bends;  // of the levels before these
    for (int k = first_level; k < last_level; ++k) {
        const Slopes s = line.slopes(k + 1, c);
        if (std::isfinite(s.terms)) {
            scale = std::max({s.terms, s.sides, scale / 2, floor});
            if (scale > 0 && s.noise > coarse_limit * scale) break;
        }
        if (line.bends(k, c, scale)) {
            if (smooth >= 3) break;  // f's own rounding
            // A kink, a pole or the end of f's domain is within this step: it tells nothing.
            smooth = 0;
            bends.push_back(std::abs(line.bend(k, c)));
            continue;
        }
        ++smooth;
        if (smooth == 1 && grew(bends)) break;
        if (smooth < 3) continue;
        const double finest = richardson(line, k, c);
        const double finer = richardson(line, k - 1, c);
        const double fine = richardson(line, k - 2, c);
        const double spread = std::max({finest, finer, fine}) - std::min({finest, finer, fine});
        const double uncertainty = s.noise + 4 * spread + std::abs(line.bend(k, c));
        if (uncertainty < best.uncertainty)
            best = {.value = finest,
                    .scale = std::max(s.terms, std::abs(finest)),
                    .uncertainty = uncertainty,
                    .variation = scale,
                    .level = k};
        const bool rounding_took_over = uncertainty > 8 * best.uncertainty;
        if (best.resolved(tolerance / 4, floor) || rounding_took_over) break;
    }
    return best;
}

// Is there a kink at x itself, or nearer than can be seen? Then the slopes on either side differ by
// the same amount over six levels. A smooth f cannot do that: its bend falls to an eighth at each
// level. The slopes at the kink go into the verdict.
static bool kink_at_x(Line& line, std::size_t c, double scale, Verdict& verdict) {
    const auto is_steady = [&](int level) {
        const double bend = line.bend(level, c);
        for (int k = level - 5; k < level; ++k) {
            const bool stays = std::abs(line.bend(k, c) - bend) <= 0.05 * std::abs(bend);
            if (!stays) return false;  // also where it is NaN
        }
        return line.bends(level, c, scale);
    };
    for (int k = 5; k + 1 < last_level; ++k) {
        if (!(line.slopes(k + 1, c).noise <= 1e-5 * scale)) break;
        if (!is_steady(k)) continue;
        verdict.kink = true;
        verdict.below = 2 * line.slopes(k + 1, c).below - line.slopes(k, c).below;
        verdict.above = 2 * line.slopes(k + 1, c).above - line.slopes(k, c).above;
    }
    return verdict.kink;
}

// Does f's domain end at x? Then, whatever the step, f is not finite on one side and finite on the
// other.
static bool domain_ends_at_x(Line& line, std::size_t c) {
    int ends_below = 0, ends_above = 0, levels = 0;
    for (int k = 0; k < last_level; k += 8) {
        const Slopes& s = line.slopes(k, c);
        const bool finite_below = std::isfinite(s.below);
        const bool finite_above = std::isfinite(s.above);
        if (!finite_below && finite_above) ++ends_below;
        if (!finite_above && finite_below) ++ends_above;
        ++levels;
    }
    return ends_below == levels || ends_above == levels;
}

// Is there a kink between x - h and x + h? Then the bend vanishes at once where the step gets
// smaller than the distance to the kink.
static bool kink_near_x(Line& line, std::size_t c, int settled_level, double scale) {
    for (int k = 0; k < settled_level; ++k) {
        const bool vanishes = line.bends(k, c, 1e3 * scale) && !line.bends(k + 1, c, scale);
        if (vanishes && std::isfinite(line.bend(k, c))) return true;
    }
    return false;
}

// 0 where x is not finite.
static double finite_size(double x) { return std::isfinite(x) ? std::abs(x) : 0; }

namespace {

// One analytic derivative against numeric ones, from the cheapest on.
class Comparison {
  public:
    Comparison(Line& line, std::size_t c, double analytic, double size, double largest,
               const Tolerance& tolerance)
        : line_(line),
          c_(c),
          analytic_(analytic),
          size_(size),
          largest_(largest),
          tolerance_(tolerance) {
        if (!std::isfinite(analytic)) {
            const Slopes& narrow = line.slopes(1, c);
            size_ = std::max(std::abs(narrow.below), std::abs(narrow.above));
        }
        numeric_ = richardson(line, 0, c);
        const Slopes& narrow = line.slopes(1, c);
        noise_ = narrow.noise;
        scale_ = std::max({finite_size(narrow.terms), finite_size(numeric_), size_});
        variation_ = std::max(scale_, finite_size(narrow.sides));
    }

    Verdict verdict() {
        if (right_at_first_look()) return verdict_;
        if (domain_ends_at_x(line_, c_)) {
            compare(std::nan(""), scale_, 0);
            verdict_.cause =
                "at the end of f's domain, or nearer to it than 2e-13, where there is no numeric "
                "derivative";
            return verdict_;
        }
        Settled settled = settle(line_, c_, tolerance_.relative, 0);
        const bool stationary = settled.stationary(analytic_);
        const bool uncertain = !stationary && !settled.resolved(coarse_limit, size_);
        const bool at_kink = uncertain && kink_at_x(line_, c_, variation_, verdict_);
        if (at_kink) {
            compare_with_kink();
            return verdict_;
        }
        const bool unresolved = !stationary && !settled.resolved(resolution_limit, size_);
        if (unresolved && largest_ > scale_)
            settled = settle(line_, c_, tolerance_.relative, largest_);
        compare_with(settled, stationary);
        return verdict_;
    }

  private:
    // Enters the numeric derivative and the error into the verdict. Is the analytic one right, but
    // for the tolerance and for what rounding hides?
    bool compare(double numeric, double scale, double hidden) {
        const double difference = std::abs(analytic_ - numeric);
        const double most = tolerance_.relative * scale + tolerance_.absolute + hidden;
        const bool right = std::isfinite(difference) && difference <= most;
        verdict_.numeric = numeric;
        if (difference == 0) verdict_.relative_error = 0;
        else if (right) verdict_.relative_error = tolerance_.relative * difference / most;
        else if (std::isfinite(difference)) verdict_.relative_error = difference / scale;
        else verdict_.relative_error = infinity;
        return right;
    }

    // Compares the derivative from the first two steps. For nearly every entry this settles it.
    bool right_at_first_look() {
        if (line_.bends(0, c_, variation_ + tolerance_.absolute / bend_limit)) return false;
        const bool right = compare(numeric_, scale_, noise_);
        const bool little_is_hidden =
            noise_ <= coarse_limit * std::max(scale_, largest_) + tolerance_.absolute;
        const bool both_zero = analytic_ == 0 && numeric_ == 0;
        return right && (little_is_hidden || both_zero);
    }

    // At a kink any derivative between the two slopes is right.
    void compare_with_kink() {
        const auto [low, high] = std::minmax(verdict_.below, verdict_.above);
        const std::string slopes = with_digits(low, 10) + " and " + with_digits(high, 10);
        if (std::isnan(analytic_)) {
            compare(std::nan(""), scale_, 0);
            verdict_.cause = "the analytic gradient is nan: at a kink, whose slopes are " + slopes;
            return;
        }
        const double nearest = std::clamp(analytic_, low, high);
        const bool right = compare(nearest, scale_, bend_limit * variation_ + noise_);
        if (!right) verdict_.cause = "at a kink, and not between its slopes " + slopes;
    }

    void compare_with(const Settled& settled, bool stationary) {
        verdict_.kink = kink_near_x(line_, c_, settled.level, variation_);
        verdict_.below = line_.slopes(0, c_).below;
        verdict_.above = line_.slopes(0, c_).above;
        const bool right =
            compare(settled.value, std::max(settled.scale, size_), settled.uncertainty);
        if (!right) verdict_.cause = "wrong";
        if (!std::isfinite(analytic_)) {
            const double numeric = std::isfinite(settled.value) ? settled.value : numeric_;
            compare(numeric, scale_, 0);
            verdict_.cause = "the analytic gradient is " + with_digits(analytic_, 6) +
                             ": the numeric one is " + with_digits(numeric, 6);
            return;
        }
        const double limit = verdict_.kink ? coarse_limit : resolution_limit;
        const bool settles = stationary || settled.resolved(limit, std::max(size_, largest_)) ||
                             settled.uncertainty <= tolerance_.absolute;
        if (!settles)
            verdict_.cause =
                "the numeric derivative does not settle: f is not smooth here, or another step is "
                "needed";
    }

    Line& line_;
    const std::size_t c_;
    const double analytic_;
    double size_;
    const double largest_;
    const Tolerance tolerance_;
    double numeric_;    // at the first step
    double noise_;      // of it
    double scale_;      // the size of the derivative's terms
    double variation_;  // the same, also where the derivative is 0
    Verdict verdict_;
};

}  // namespace

Verdict judge(Line& line, std::size_t c, double analytic, double size, double largest,
              const Tolerance& tolerance) {
    return Comparison(line, c, analytic, size, largest, tolerance).verdict();
}

}  // namespace taper::detail

#include "core/check/numeric_derivative.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::detail {

// steps from 32 h down, as far as rounding lets them be seen
static constexpr int first_level = -5, last_level = 40;
// relative; above it a change of slope is a kink or strong curvature
static constexpr double bend_limit = 1e-6;
// relative; a numeric derivative less certain than this tells nothing
static constexpr double resolution_limit = 1e-6;
// relative; what is less certain is hidden by rounding
static constexpr double coarse_limit = 1e-3;
static constexpr double infinity = std::numeric_limits<double>::infinity();

// Differences entry by entry, so that what does not change adds exactly nothing; summed in long
// double.
static Slopes slopes(const Array<double>& dy, const Array<double>& y, const Array<double>& below,
                     const Array<double>& above, double h) {
    long double up = 0, down = 0, terms = 0, sides = 0, changed = 0, all = 0;
    for (std::size_t j = 0; j < y.size(); ++j) {
        const long double d = dy.data()[j], a = above.data()[j], b = below.data()[j],
                          at = y.data()[j];
        if (d == 0) continue;
        up += d * (a - at);
        down += d * (at - b);
        terms += std::abs(d * (a - b));
        sides += std::abs(d) * std::max(std::abs(a - at), std::abs(at - b));
        const long double size = d * std::max(std::abs(a), std::abs(b));
        all += size * size;
        if (a != b || a != at) changed += size * size;
    }
    const auto per = [h](long double difference, double steps) {
        return static_cast<double>(difference / (steps * h));
    };
    // some operations' worth
    constexpr long double rounding = 8 * std::numeric_limits<double>::epsilon();
    return {per(up + down, 2), per(down, 1),
            per(up, 1),        per(terms, 2),
            per(sides, 1),     per(rounding * std::sqrt(changed > 0 ? changed : all), 1)};
}

const Slopes& Line::at(int level, std::size_t c) {
    auto& slopes_at = levels_[level];
    if (slopes_at.empty()) {
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
            slopes_at.push_back(slopes(dy, y_, below, above, h));
    }
    return slopes_at[c];
}

double Line::bend(int level, std::size_t c) {
    const Slopes &wide = at(level, c), &narrow = at(level + 1, c);
    return 2 * (narrow.above - narrow.below) - (wide.above - wide.below);
}

bool Line::bends(int level, std::size_t c, double scale) {
    const double change = std::abs(bend(level, c));
    return !(std::isfinite(change) && change <= bend_limit * scale + 4 * at(level + 1, c).noise);
}

// Two steps, extrapolated: the error is of order h^4.
static double richardson(Line& line, int level, std::size_t c) {
    const double wide = line.at(level, c).central, narrow = line.at(level + 1, c).central;
    return narrow + (narrow - wide) / 3;
}

// The numeric derivative that is most certain of itself, over ever smaller steps. It does not know
// the analytic one. `floor`: what is small beside it need not be resolved.
struct Settled {
    double value = std::nan(""), scale = 0, uncertainty = infinity;
    double variation = 0;  // what f does on either side of x, also where its derivative is 0
    int level = last_level;

    bool resolved(double limit, double floor) const {
        return uncertainty <= limit * std::max(scale, floor);
    }
    // Are this and the analytic derivative 0, as far as can be seen where f's change is seen well?
    bool stationary(double analytic) const {
        return std::max(std::abs(analytic), std::abs(value)) <= uncertainty &&
               uncertainty <= coarse_limit * variation;
    }
};

static Settled settle(Line& line, std::size_t c, double tolerance, double floor) {
    Settled best;
    double scale = floor;
    int smooth = 0;             // levels in a row
    std::vector<double> bends;  // before them
    for (int k = first_level; k < last_level; ++k) {
        const Slopes s = line.at(k + 1, c);
        if (std::isfinite(s.terms)) {
            scale = std::max({s.terms, s.sides, scale / 2, floor});
            if (scale > 0 && s.noise > coarse_limit * scale) break;
        }
        if (line.bends(k, c, scale)) {
            if (smooth >= 3) break;  // f's own rounding
            // a kink, a pole or the end of f's domain is within this step: it tells nothing
            smooth = 0;
            bends.push_back(std::abs(line.bend(k, c)));
        } else if (++smooth >= 3) {
            const double now = richardson(line, k, c), last = richardson(line, k - 1, c),
                         before = richardson(line, k - 2, c);
            const double spread = std::max({now, last, before}) - std::min({now, last, before});
            const double uncertainty = s.noise + 4 * spread + std::abs(line.bend(k, c));
            if (uncertainty < best.uncertainty)
                best = {now, std::max(s.terms, std::abs(now)), uncertainty, scale, k};
            if (best.resolved(tolerance / 4, floor) || uncertainty > 8 * best.uncertainty)
                break;  // or rounding took over
        } else if (smooth == 1 && bends.size() >= 6) {
            // bends that grew until they vanished: the steps of a rounded f
            const auto lately = bends.end() - 3;
            if (*std::max_element(lately, bends.end()) >
                1.5 * *std::max_element(bends.begin(), lately))
                break;
        }
    }
    return best;
}

// Is there a kink at x itself, or nearer than can be seen? The slopes on either side stay apart, by
// the same, over six levels: a smooth f, whose bend falls to an eighth at each, cannot do that.
static bool kink_at_x(Line& line, std::size_t c, double scale, Verdict& verdict) {
    const auto steady = [&](int level) {
        for (int k = level - 5; k < level; ++k)
            if (!(std::abs(line.bend(k, c) - line.bend(level, c)) <=
                  0.05 * std::abs(line.bend(level, c))))
                return false;
        return line.bends(level, c, scale);
    };
    for (int k = 5; k + 1 < last_level && line.at(k + 1, c).noise <= 1e-5 * scale; ++k)
        if (steady(k)) {
            verdict.kink = true;
            verdict.below = 2 * line.at(k + 1, c).below - line.at(k, c).below;
            verdict.above = 2 * line.at(k + 1, c).above - line.at(k, c).above;
        }
    return verdict.kink;
}

// Is x where f's domain ends? Whatever the step, f is not finite on one side, and finite on the
// other.
static bool domain_ends_at_x(Line& line, std::size_t c) {
    int ends_below = 0, ends_above = 0, levels = 0;
    for (int k = 0; k < last_level; k += 8) {
        const Slopes& s = line.at(k, c);
        ends_below += !std::isfinite(s.below) && std::isfinite(s.above);
        ends_above += !std::isfinite(s.above) && std::isfinite(s.below);
        ++levels;
    }
    return ends_below == levels || ends_above == levels;
}

// Is there a kink between x - h and x + h? Its bend vanishes at once when the step gets smaller
// than the distance to it.
static bool kink_near_x(Line& line, std::size_t c, int settled_at, double scale) {
    for (int k = 0; k < settled_at; ++k)
        if (line.bends(k, c, 1e3 * scale) && !line.bends(k + 1, c, scale) &&
            std::isfinite(line.bend(k, c)))
            return true;
    return false;
}

Verdict judge(Line& line, std::size_t c, double analytic, double size, double largest,
              const Tolerance& tolerance) {
    Verdict verdict;
    if (!std::isfinite(analytic))
        size = std::max(std::abs(line.at(1, c).below), std::abs(line.at(1, c).above));
    const auto agrees = [&](double numeric, double scale, double hidden) {
        const double difference = std::abs(analytic - numeric),
                     most = tolerance.relative * scale + tolerance.absolute + hidden;
        const bool right = std::isfinite(difference) && difference <= most;
        verdict.numeric = numeric;
        verdict.relative_error = difference == 0 ? 0
                                 : right         ? tolerance.relative * difference / most
                                 : std::isfinite(difference) ? difference / scale
                                                             : infinity;
        return right;
    };

    // One look at two steps, and for nearly every entry the last.
    const double numeric = richardson(line, 0, c), noise = line.at(1, c).noise;
    const auto finite = [](double x) { return std::isfinite(x) ? std::abs(x) : 0; };
    const double scale = std::max({finite(line.at(1, c).terms), finite(numeric), size}),
                 variation = std::max(scale, finite(line.at(1, c).sides));
    if (!line.bends(0, c, variation + tolerance.absolute / bend_limit) &&
        agrees(numeric, scale, noise) &&
        (noise <= coarse_limit * std::max(scale, largest) + tolerance.absolute ||
         (analytic == 0 && numeric == 0)))
        return verdict;  // rounding hid little of it

    if (domain_ends_at_x(line, c)) {
        agrees(std::nan(""), scale, 0);
        verdict.cause =
            "at the end of f's domain, or nearer to it than 2e-13, where there is no numeric "
            "derivative";
        return verdict;
    }
    Settled settled = settle(line, c, tolerance.relative, 0);
    const bool stationary = settled.stationary(analytic);
    if (!stationary && !settled.resolved(coarse_limit, size) &&
        kink_at_x(line, c, variation, verdict)) {
        const auto [low, high] = std::minmax(verdict.below, verdict.above);
        if (std::isnan(analytic)) {
            agrees(std::nan(""), scale, 0);
            verdict.cause = "the analytic gradient is nan: at a kink, whose slopes are " +
                            with_digits(low, 10) + " and " + with_digits(high, 10);
        } else if (!agrees(std::clamp(analytic, low, high), scale, bend_limit * variation + noise))
            verdict.cause = "at a kink, and not between its slopes " + with_digits(low, 10) +
                            " and " + with_digits(high, 10);
        return verdict;
    }
    if (!stationary && !settled.resolved(resolution_limit, size) && largest > scale)
        settled = settle(line, c, tolerance.relative, largest);
    verdict.kink = kink_near_x(line, c, settled.level, variation);
    verdict.below = line.at(0, c).below, verdict.above = line.at(0, c).above;
    if (!agrees(settled.value, std::max(settled.scale, size), settled.uncertainty))
        verdict.cause = "wrong";
    if (!std::isfinite(analytic)) {
        const double seen = std::isfinite(settled.value) ? settled.value : numeric;
        agrees(seen, scale, 0);
        verdict.cause = "the analytic gradient is " + with_digits(analytic, 6) +
                        ": the numeric one is " + with_digits(seen, 6);
        return verdict;
    }
    if (!stationary &&
        !settled.resolved(verdict.kink ? coarse_limit : resolution_limit,
                          std::max(size, largest)) &&
        !(settled.uncertainty <= tolerance.absolute))
        verdict.cause =
            "the numeric derivative does not settle: f is not smooth here, or another step is "
            "needed";
    return verdict;
}

}  // namespace taper::detail

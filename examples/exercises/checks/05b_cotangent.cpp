// The check of exercise 5b: the right and the wrong backward of each op, on the learner's dy.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Vector = std::vector<double>;

std::map<std::string, Vector> cotangents();

static double mean(const Vector& dy) { return (dy[0] + dy[1] + dy[2]) / 3; }

struct Backward {
    const char* name;
    Vector (*right)(const Vector&);
    Vector (*wrong)(const Vector&);
};
static const Backward ops[] = {
    {"centre",
     [](const Vector& dy) {
         return Vector{dy[0] - mean(dy), dy[1] - mean(dy), dy[2] - mean(dy)};
     },
     [](const Vector& dy) {
         return Vector{0, dy[1] - dy[0], dy[2] - dy[0]};
     }},
    {"raise",
     [](const Vector& dy) {
         return Vector{dy[0] + mean(dy), dy[1] + mean(dy), dy[2] + mean(dy)};
     },
     [](const Vector& dy) { return dy; }},
    {"turn",
     [](const Vector& dy) {
         return Vector{dy[2], dy[1], dy[0]};
     },
     [](const Vector& dy) { return dy; }},
};

static std::string text(const Vector& v) {
    return "(" + Check::text(v[0]) + "," + Check::text(v[1]) + "," + Check::text(v[2]) + ")";
}

// The cotangent of that name, if it is one: three finite numbers, not all of them 0.
static const Vector* found(Check& check, const std::map<std::string, Vector>& all,
                           const std::string& name) {
    const auto place = all.find(name);
    const bool three = place != all.end() && place->second.size() == 3;
    if (!three) {
        check.wrong(name + ": expected three numbers, yours has " +
                    std::to_string(place == all.end() ? 0 : place->second.size()));
        return nullptr;
    }
    const Vector& dy = place->second;
    const auto finite = [](double v) { return std::isfinite(v); };
    const auto zero = [](double v) { return v == 0; };
    if (!std::all_of(dy.begin(), dy.end(), finite) || std::all_of(dy.begin(), dy.end(), zero)) {
        check.wrong(name + ": expected finite numbers that are not all 0, yours " + text(dy));
        return nullptr;
    }
    return &dy;
}

// How far the wrong dx is from the right one, in parts of the largest dy.
static double apart(const Backward& op, const Vector& dy) {
    const Vector right = op.right(dy), wrong = op.wrong(dy);
    double most = 0, largest = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        most = std::max(most, std::abs(right[i] - wrong[i]));
        largest = std::max(largest, std::abs(dy[i]));
    }
    return most / largest;
}

static void hidden(Check& check) {
    const auto yours = cotangents();
    check.with("where the mistake stays hidden");
    for (const Backward& op : ops) {
        const std::string name = std::string("hides ") + op.name;
        const Vector* const dy = found(check, yours, name);
        if (!dy) continue;
        check.require(apart(op, *dy) < 1e-12, name + ": dx " + text(op.wrong(*dy)),
                      name + ": expected the same dx twice, yours " + text(*dy) + " gives " +
                          text(op.right(*dy)) + " where it is right, and " + text(op.wrong(*dy)));
    }
}

static void shown(Check& check) {
    const auto yours = cotangents();
    check.with("where all three are seen");
    const Vector* const dy = found(check, yours, "shows all");
    if (!dy) return;
    for (const Backward& op : ops) {
        const std::string name = std::string("shows ") + op.name;
        check.require(apart(op, *dy) > 1e-3,
                      name + ": " + text(op.right(*dy)) + " and " + text(op.wrong(*dy)),
                      name + ": expected two different dx, yours " + text(*dy) + " gives " +
                          text(op.right(*dy)) + " both times");
    }
}

int main() { return taper::exercises::run("05b_cotangent", {hidden, shown}); }

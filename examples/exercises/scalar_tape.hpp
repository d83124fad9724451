// The tape of lesson 1, for the exercises after it: a list of records of scalars, and one loop from
// its end to its front.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

struct Record {
    std::vector<std::size_t> inputs;  // numbers of records; a leaf has none
    std::vector<double> slopes;       // by each of the inputs
};
inline std::vector<Record> tape;

// A number that is computed with carries its place on the tape. A plain double becomes a leaf.
struct Number {
    double value;
    std::size_t index;

    Number(double v) : Number(v, {}) {}  // NOLINT: 2 * x
    Number(double v, const Record& record) : value(v), index(tape.size()) {
        tape.push_back(record);
    }
};

inline Number operator+(Number a, Number b) {
    return {a.value + b.value, {{a.index, b.index}, {1, 1}}};
}
inline Number operator*(Number a, Number b) {
    return {a.value * b.value, {{a.index, b.index}, {b.value, a.value}}};
}

// The gradient of y by every record.
inline std::vector<double> gradients_of(Number y) {
    std::vector<double> gradient(tape.size(), 0.0);
    gradient[y.index] = 1;
    for (std::size_t i = y.index + 1; i-- > 0;)
        for (std::size_t j = 0; j < tape[i].inputs.size(); ++j)
            gradient[tape[i].inputs[j]] += gradient[i] * tape[i].slopes[j];
    return gradient;
}

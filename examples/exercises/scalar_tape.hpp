// The tape of lesson 1, for the exercises after it: a list of records of scalars, and one loop from
// its end to its front.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

// One step: up to two inputs, by their numbers on the tape, and the derivative of this step's
// result by each.
struct Record {
    std::size_t inputs[2];
    double derivatives[2];  // 0 where there is no such input
};
inline std::vector<Record> tape;

// A number and its place on the tape. A new one is a record without inputs: a leaf.
struct Number {
    double value;
    std::size_t index;

    Number(double v) : Number(v, {{0, 0}, {0, 0}}) {}  // NOLINT: 2 * x
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

// d y / d (every record)
inline std::vector<double> gradients_of(Number y) {
    std::vector<double> gradient(tape.size(), 0.0);
    gradient[y.index] = 1;
    for (std::size_t i = y.index + 1; i-- > 0;)
        for (int j = 0; j < 2; ++j)
            gradient[tape[i].inputs[j]] += gradient[i] * tape[i].derivatives[j];
    return gradient;
}

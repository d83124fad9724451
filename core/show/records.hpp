// Records of a tape in words, as the table, the graph and the page share them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/engine/tape.hpp"
#include "core/show/shown.hpp"
#include "core/show/variables.hpp"

namespace taper::detail {

// The most letters: of a name in the table and the graph; and of one on the page or a source line.
inline constexpr std::size_t few_letters = 40, more_letters = 200;

// A record with its number and what the source says of it.
template <class T> struct Listed {
    std::size_t number;
    const Record<T>* record;
    CalledLine called;

    std::string source() const {
        return record->source.line ? shown(to_string(record->source), more_letters) : "";
    }
    // "matmul", "scores = matmul", or the Parameter's name.
    std::string label(std::size_t most) const {
        if (record->leaf) return shown(record->leaf->name, most);
        const std::string op = shown(record->name, most);
        return called.variable.empty() ? op : shown(called.variable, most) + " = " + op;
    }
};

template <class T> std::vector<Listed<T>> listed(const Tape<T>& tape) {
    std::vector<Call> calls;
    for (const Record<T>& record : tape.records()) calls.push_back({record.name, record.source});
    std::vector<CalledLine> lines = called_lines(calls);
    std::vector<Listed<T>> list;
    for (std::size_t i = 0; i < lines.size(); ++i)
        list.push_back({i, &tape.records()[i], std::move(lines[i])});
    return list;
}

// An input of a record: another record or a constant.
template <class T> struct Input {
    std::string name;             // as in the formula
    std::size_t record = 0;       // the number, where it is not a constant
    const Constant<T>* constant;  // null: it is a record
};

// In the order in which the op takes them.
template <class T> std::vector<Input<T>> inputs_of(const Record<T>& record) {
    std::vector<Input<T>> inputs;
    auto constant = record.constants.begin();
    auto number = record.inputs.begin();
    const std::size_t count = record.inputs.size() + record.constants.size();
    for (std::size_t place = 0; place < count; ++place) {
        const std::string name = name_of_input(record.input_names, place);
        const bool is_constant = constant != record.constants.end() && constant->place == place;
        if (is_constant) inputs.push_back({name, 0, &*constant++});
        else inputs.push_back({name, *number++, nullptr});
    }
    return inputs;
}

// "constant", or the name of a Parameter that is not trainable.
template <class T> std::string constant_label(const Constant<T>& constant, std::size_t most) {
    return constant.leaf ? shown(constant.leaf->name, most) : "constant";
}

// The root of the sum of squares; "-" where there is no array.
template <class T> std::string norm_text(const Array<T>* x) {
    if (!x) return "-";
    double squares = 0;
    for (std::size_t i = 0; i < x->size(); ++i)
        squares += static_cast<double>(x->data()[i]) * static_cast<double>(x->data()[i]);
    return with_digits(std::sqrt(squares), 4);
}

}  // namespace taper::detail

// What an Error of an op tells beside the rule: the line that called the op, what made its inputs,
// and which op made the first number that is not finite. And what an op's inputs are called.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <string_view>

#include "core/engine/tape.hpp"

namespace taper {

std::string to_string(const Source& source) {
    if (!source.file) return "an unknown line";
    const std::string path = source.file;
    const std::size_t last_slash = path.rfind('/');
    const bool in_folder = last_slash != path.npos && last_slash > 0;
    const std::size_t slash = in_folder ? path.rfind('/', last_slash - 1) : last_slash;
    const std::size_t begin = slash == path.npos ? 0 : slash + 1;
    return path.substr(begin) + ":" + std::to_string(source.line);
}

std::string name_of_input(const char* inputs, std::size_t place) {
    std::istringstream names(inputs);
    std::string name;
    for (std::size_t i = 0; names >> name; ++i) {
        if (name.ends_with("_i"))
            return name.substr(0, name.size() - 1) + std::to_string(place - i);
        if (i == place) return name;
    }
    return "input " + std::to_string(place);
}

std::string name_of_output(const char* formula) {
    const std::string_view text = formula;
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto end = std::find_if_not(text.begin(), text.end(), is_letter);
    return end == text.begin() ? "y" : std::string(text.begin(), end);
}

// What made a value: "parameter w", "softmax at layers/attention.cpp:50" or, where there is no
// record, "a constant".
template <class T> static std::string maker(const Leaf<T>* leaf, const Record<T>* record) {
    if (leaf) return "parameter " + leaf->name;
    return record ? std::string(record->name) + " at " + to_string(record->source) : "a constant";
}

// The least and the largest entry: "-1 to 2.5".
template <class T> static std::string range(const Array<T>& x) {
    if (x.size() == 0) return "no entries";
    T least = x.data()[0];
    T largest = least;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const T entry = x.data()[i];
        if (std::isnan(entry)) return "with nan";
        least = std::min(least, entry);
        largest = std::max(largest, entry);
    }
    return shortest(least) + " to " + shortest(largest);
}

// The first entry that is not finite: "entry (0,3) of (2,4) is nan". "" if all are finite.
template <class T> static std::string not_finite(const Array<T>& x) {
    const T* const end = x.data() + x.size();
    const T* const bad = std::find_if(x.data(), end, [](T entry) { return !std::isfinite(entry); });
    if (bad == end) return "";
    const auto flat = static_cast<std::size_t>(bad - x.data());
    return "entry " + index_text(x.shape(), flat) + " of " + to_string(x.shape()) + " is " +
           shortest(*bad);
}

template <class T>
void Tape<T>::explain(const Error& error, Source source, const std::vector<Var<T>>& inputs,
                      bool with_ranges) {
    std::string text = std::string(error.what()) + " [at " + to_string(source);
    const Tape* const tape = recording();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Var<T>& x = inputs[i];
        // An input that belongs to an outer tape, in that tape's backward, is nowhere too.
        const std::size_t number = tape ? tape->find(x) : nowhere;
        const Record<T>* const record = number == nowhere ? nullptr : &tape->records_[number];
        text += "; input " + std::to_string(i) + " " + to_string(x.shape()) + ": " +
                maker(x.leaf.get(), record);
        if (with_ranges) text += ", " + range(x.value());
    }
    throw Error(text + "]");
}

template <class T>
void Tape<T>::require_finite(const char* op, Source source, const std::vector<Var<T>>& inputs,
                             const Var<T>& y) {
    const std::string found = not_finite(y.value());
    if (found.empty()) return;
    const Error error(std::string(op) + ": every result must be finite: " + found);
    explain(error, source, inputs, true);
}

template <class T> void Tape<T>::require_finite_gradients(const Record<T>& record) const {
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
        const Record<T>& input = records_[record.inputs[i]];
        const std::string found = input.gradient ? not_finite(*input.gradient) : "";
        if (found.empty()) continue;
        const auto value = input.value.lock();
        const std::string op = std::string("backward of ") + record.name;
        const std::string dy = "; dy " + to_string(record.shape) + ": " + range(*record.gradient);
        const std::string x = "; input " + to_string(input.shape) + ": " +
                              maker(input.leaf.get(), &input) + (value ? ", " + range(*value) : "");
        throw Error(op + ": every gradient must be finite: " + found + " [called at " +
                    to_string(record.source) + dy + x + "]");
    }
}

#define TAPER_INSTANTIATE(T)                                                                \
    template void Tape<T>::explain(const Error&, Source, const std::vector<Var<T>>&, bool); \
    template void Tape<T>::require_finite(const char*, Source, const std::vector<Var<T>>&,  \
                                          const Var<T>&);                                   \
    template void Tape<T>::require_finite_gradients(const Record<T>&) const;
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper

// What an Error of an op tells beside the rule: the line that called it, what made its inputs, and
// who made the first number that is not finite.
#include <algorithm>
#include <cmath>

#include "core/engine/tape.hpp"

namespace taper {

std::string to_string(const Source& source) {
    if (!source.file) return "an unknown line";
    const std::string path = source.file;
    const std::size_t name = path.rfind('/');
    const std::size_t folder =
        name == std::string::npos || name == 0 ? name : path.rfind('/', name - 1);
    return path.substr(folder == std::string::npos ? 0 : folder + 1) + ":" +
           std::to_string(source.line);
}

// "parameter w", "softmax at layers/attention.cpp:50", "a constant": on no record of the tape.
template <class T> static std::string maker(const Leaf<T>* leaf, const Record<T>* record) {
    if (leaf) return "parameter " + leaf->name;
    return record ? std::string(record->name) + " at " + to_string(record->source) : "a constant";
}

template <class T> static std::string range(const Array<T>& x) {
    if (x.size() == 0) return "no entries";
    T least = x.data()[0], largest = least;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const T entry = x.data()[i];
        if (std::isnan(entry)) return "with nan";
        least = std::min(least, entry), largest = std::max(largest, entry);
    }
    return shortest(least) + " to " + shortest(largest);
}

// "entry (0,3) of (2,4) is nan": the first that is not finite; nothing if all are.
template <class T> static std::string not_finite(const Array<T>& x) {
    const auto bad =
        std::find_if(x.data(), x.data() + x.size(), [](T entry) { return !std::isfinite(entry); });
    if (bad == x.data() + x.size()) return "";
    return "entry " + index_text(x.shape(), static_cast<std::size_t>(bad - x.data())) + " of " +
           to_string(x.shape()) + " is " + shortest(*bad);
}

template <class T>
void Tape<T>::explain(const Error& error, Source source, const std::vector<Var<T>>& inputs,
                      bool with_ranges) {
    std::string text = std::string(error.what()) + " [at " + to_string(source);
    const Tape* tape = recording();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::size_t number =
            // nowhere too: of an outer tape, in its backward
            tape ? tape->find(inputs[i]) : nowhere;
        text += "; input " + std::to_string(i) + " " + to_string(inputs[i].shape()) + ": " +
                maker(inputs[i].leaf.get(), number == nowhere ? nullptr : &tape->records_[number]);
        if (with_ranges) text += ", " + range(inputs[i].value());
    }
    throw Error(text + "]");
}

template <class T>
void Tape<T>::require_finite(const char* op, Source source, const std::vector<Var<T>>& inputs,
                             const Var<T>& y) {
    if (const std::string found = not_finite(y.value()); !found.empty())
        explain(Error(std::string(op) + ": every result must be finite: " + found), source, inputs,
                true);
}

template <class T> void Tape<T>::require_finite_gradients(const Record<T>& record) const {
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
        const Record<T>& input = records_[record.inputs[i]];
        const std::string found = input.gradient ? not_finite(*input.gradient) : "";
        if (found.empty()) continue;
        const auto value = input.value.lock();
        throw Error(std::string("backward of ") + record.name +
                    ": every gradient must be finite: " + found + " [called at " +
                    to_string(record.source) + "; dy " + to_string(record.shape) + ": " +
                    range(*record.gradient) + "; input " + to_string(input.shape) + ": " +
                    maker(input.leaf.get(), &input) + (value ? ", " + range(*value) : "") + "]");
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

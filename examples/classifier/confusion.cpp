#include "examples/classifier/confusion.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/show/shown.hpp"
#include "examples/common/progress.hpp"

namespace taper::examples {

std::size_t Confusion::documents(std::size_t label) const {
    std::size_t count = 0;
    for (const std::size_t entry : counts_[label]) count += entry;
    return count;
}

std::size_t Confusion::documents() const {
    std::size_t count = 0;
    for (std::size_t label = 0; label < classes(); ++label) count += documents(label);
    return count;
}

std::size_t Confusion::predicted(std::size_t label) const {
    std::size_t count = 0;
    for (const auto& row : counts_) count += row[label];
    return count;
}

double Confusion::accuracy() const {
    std::size_t right = 0;
    for (std::size_t label = 0; label < classes(); ++label) right += counts_[label][label];
    return static_cast<double>(right) / static_cast<double>(documents());
}

double Confusion::standard_error() const {
    const double p = accuracy();
    return std::sqrt(p * (1 - p) / static_cast<double>(documents()));
}

std::optional<double> Confusion::f1(std::size_t label) const {
    const std::size_t both = documents(label) + predicted(label);
    if (both == 0) return std::nullopt;
    return 2 * static_cast<double>(counts_[label][label]) / static_cast<double>(both);
}

double Confusion::macro_f1() const {
    double sum = 0;
    double count = 0;
    for (std::size_t label = 0; label < classes(); ++label) {
        if (documents(label) == 0) continue;
        sum += *f1(label);
        ++count;
    }
    return sum / count;
}

std::string accuracy_text(const Confusion& confusion) {
    return fixed(confusion.accuracy(), 4) + " +- " + fixed(confusion.standard_error(), 4);
}

// The text, cut where it takes more columns.
static std::string cut(const std::string& text, std::size_t columns) {
    std::string kept = escaped(text);
    for (std::size_t letters = columns; columns_of(kept) > columns; --letters)
        kept = shown(text, letters);
    return kept;
}

// Of at most 12 columns each. Where two are the same, those that are cut get the number of their
// class.
static std::vector<std::string> short_names(std::span<const std::string> class_names) {
    constexpr std::size_t columns = 12;
    std::vector<std::string> names;
    for (const std::string& name : class_names) names.push_back(cut(name, columns));
    const std::set<std::string> distinct(names.begin(), names.end());
    if (distinct.size() == names.size()) return names;
    for (std::size_t c = 0; c < names.size(); ++c) {
        const std::string number = std::to_string(c + 1) + " ";
        if (names[c] != escaped(class_names[c]))
            names[c] = number + cut(class_names[c], columns - number.size());
    }
    return names;
}

std::string table_of(const Confusion& confusion, std::span<const std::string> class_names) {
    const std::size_t classes = confusion.classes();
    const std::vector<std::string> names = short_names(class_names);
    std::size_t width = 0;
    for (const std::string& name : names) width = std::max(width, columns_of(name));
    for (const auto& row : confusion.counts())
        for (const std::size_t count : row) width = std::max(width, std::to_string(count).size());
    const auto cell = [&](const std::string& text) { return " " + right_aligned(text, width); };
    std::string head = "  " + cell("");
    for (std::size_t c = 0; c < classes; ++c) head += cell(names[c]);
    std::string table = head + "      F1\n";
    for (std::size_t c = 0; c < classes; ++c) {
        table += "  " + cell(names[c]);
        for (const std::size_t count : confusion.counts()[c]) table += cell(std::to_string(count));
        const auto f1 = confusion.f1(c);
        table += "  " + (f1 ? fixed(*f1, 4) : "     -");
        if (names[c] != escaped(class_names[c])) table += "  " + shortened(class_names[c]);
        table += "\n";
    }
    return table;
}

}  // namespace taper::examples

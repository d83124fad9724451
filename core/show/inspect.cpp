#include "core/show/inspect.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"

namespace taper {

extern const char* const page_template;  // inspect_page.html: a string that CMake makes of it

// Where a name is one of many, and where it stands by itself.
static constexpr std::size_t few_letters = 40, more_letters = 200;

template <class T> static std::string label(const Record<T>& record, std::size_t most) {
    return shown(record.leaf ? record.leaf->name : record.name, most);
}

template <class T> static std::string norm(const Array<T>* x) {
    if (!x) return "-";
    double squares = 0;
    for (std::size_t i = 0; i < x->size(); ++i)
        squares += static_cast<double>(x->data()[i]) * static_cast<double>(x->data()[i]);
    return with_digits(std::sqrt(squares), 4);
}

template <class T> static std::string source(const Record<T>& record) {
    return record.source.line ? shown(to_string(record.source), more_letters) : "";
}

// ---- Table

template <class T> std::string as_table(const Tape<T>& tape) {
    std::vector<std::vector<std::string>> rows{
        {"#", "op", "inputs", "shape", "|value|", "|gradient|", "source"}};
    for (std::size_t i = 0; i < tape.records().size(); ++i) {
        const Record<T>& record = tape.records()[i];
        std::string inputs;
        for (std::size_t number : record.inputs)
            inputs += (inputs.empty() ? "" : " ") + std::to_string(number);
        const auto value = record.value.lock();
        rows.push_back({std::to_string(i), label(record, few_letters), inputs,
                        to_string(record.shape), norm(value.get()), norm(record.gradient.get()),
                        source(record)});
    }
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const auto& row : rows)
        for (std::size_t j = 0; j < row.size(); ++j)
            widths[j] = std::max(widths[j], code_point_count(row[j]));
    std::string table;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t j = 0; j < row.size(); ++j)
            line += row[j] + std::string(widths[j] - code_point_count(row[j]) + 2, ' ');
        table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return table;
}

// ---- Graph

// Graphviz reads HTML's entities in a label.
static std::string quoted(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
        if (c == '&') quoted += "amp;";
    }
    return quoted + "\"";
}

template <class T> std::string as_dot(const Tape<T>& tape) {
    std::string dot = "digraph tape {\n    node [shape=box, fontname=\"sans-serif\"];\n";
    for (std::size_t i = 0; i < tape.records().size(); ++i) {
        const Record<T>& record = tape.records()[i];
        const std::string node = "    n" + std::to_string(i);
        dot += node +
               " [label=" + quoted(label(record, few_letters) + " " + to_string(record.shape)) +
               (record.leaf ? ", style=\"rounded,filled\", fillcolor=\"#dbe9f6\"" : "") +
               ", tooltip=" +
               quoted(std::to_string(i) + (record.leaf ? " parameter" : " " + source(record))) +
               "];\n";
        for (std::size_t input : record.inputs)
            dot += "    n" + std::to_string(input) + " ->" + node.substr(3) + ";\n";
    }
    return dot + "}\n";
}

// ---- Page

using Json = nlohmann::ordered_json;

// Four digits are enough for an eye. JSON has no NaN and no infinity: they go as text.
static Json rounded(double number) {
    if (!std::isfinite(number)) return shortest(number);
    const std::string text = with_digits(number, 4);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// How much of an array is shown.
struct Extent {
    std::size_t rows = 64, matrices = 8;  // rows, and as many columns
};

// So that a browser opens the page within some seconds: of longer tapes the first and the last
// records, of larger arrays less.
static constexpr std::size_t most_records = 1000, most_numbers = 2'000'000;

static std::size_t numbers_shown(const Shape& shape, const Extent& extent) {
    std::size_t numbers = 1, matrices = 1;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis + 2 < shape.size()) matrices *= shape[axis];
        else numbers *= std::min(shape[axis], extent.rows);
    }
    return numbers * std::min(matrices, extent.matrices);
}

template <class T> static Extent extent_of(const std::vector<const Record<T>*>& records) {
    Extent extent;
    const auto all = [&] {
        std::size_t numbers = 0;
        for (const Record<T>* record : records)
            numbers += numbers_shown(record->shape, extent) *
                       (!record->value.expired() + (record->gradient != nullptr));
        return numbers;
    };
    while (all() > most_numbers && extent.rows > 4)
        extent = {extent.rows / 2, std::max<std::size_t>(extent.matrices / 2, 1)};
    return extent;
}

// The last two axes as a matrix; the first ones of those before them one after the other.
template <class T> static Json picture(const Array<T>& x, const Extent& extent) {
    const std::size_t most = extent.rows, most_matrices = extent.matrices;
    const std::size_t axes = x.dimension(), columns = axes > 0 ? x.shape(axes - 1) : 1,
                      rows = axes > 1 ? x.shape(axes - 2) : 1;
    const std::size_t matrices = rows * columns == 0 ? 0 : x.size() / (rows * columns);
    Json values = Json::array();
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (const double entry = static_cast<double>(x.data()[i]); std::isfinite(entry))
            largest = std::max(largest, std::abs(entry));
    for (std::size_t m = 0; m < std::min(matrices, most_matrices); ++m)
        for (std::size_t i = 0; i < std::min(rows, most); ++i)
            for (std::size_t j = 0; j < std::min(columns, most); ++j)
                values.push_back(
                    rounded(static_cast<double>(x.data()[(m * rows + i) * columns + j])));
    return {{"matrices", std::min(matrices, most_matrices)},
            {"rows", std::min(rows, most)},
            {"columns", std::min(columns, most)},
            {"whole", values.size() == x.size()},
            {"largest", rounded(largest)},
            {"norm", norm(&x)},
            {"values", std::move(values)}};
}

// What the page leaves out; nothing: "".
static std::string note(std::size_t records, const Extent& extent) {
    std::string text;
    if (records > most_records)
        text = "Records " + std::to_string(most_records / 2) + " to " +
               std::to_string(records - most_records / 2 - 1) + " of " + std::to_string(records) +
               " are left out. ";
    if (extent.rows < Extent().rows)
        text += "Of an array at most " + std::to_string(extent.rows) + " rows and columns, and " +
                std::to_string(extent.matrices) + (extent.matrices == 1 ? " matrix" : " matrices") +
                ", are shown.";
    return text;
}

template <class T> std::string as_page(const Tape<T>& tape, const std::string& title) {
    const std::size_t size = tape.records().size(), half = most_records / 2;
    const bool all = size <= most_records;
    const auto is_shown = [&](std::size_t i) { return all || i < half || i >= size - half; };
    std::vector<const Record<T>*> shown_records;
    for (std::size_t i = 0; i < size; ++i)
        if (is_shown(i)) shown_records.push_back(&tape.records()[i]);
    const Extent extent = extent_of(shown_records);
    Json records = Json::array();
    for (const Record<T>* record : shown_records) {
        const auto value = record->value.lock();
        Json inputs = Json::array();  // by their places on the page
        for (const std::size_t i : record->inputs)
            if (is_shown(i)) inputs.push_back(all || i < half ? i : i - (size - most_records));
        records.push_back(
            {{"number", static_cast<std::size_t>(record - tape.records().data())},
             {"name", label(*record, more_letters)},
             {"parameter", record->leaf != nullptr},
             {"formula", record->formula},
             {"source", source(*record)},
             {"shape", to_string(record->shape)},
             {"inputs", inputs},
             {"left_out", record->inputs.size() - inputs.size()},
             {"value", value ? picture(*value, extent) : Json()},
             {"gradient", record->gradient ? picture(*record->gradient, extent) : Json()}});
    }
    std::string data = Json{{"title", shown(title, more_letters)},
                            {"note", note(size, extent)},
                            {"records", std::move(records)}}
                           .dump(-1, ' ', false, Json::error_handler_t::replace);
    for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;)
        data.replace(at, 1, "\\u003c");  // no </script>
    std::string page = page_template;
    const std::string place = "TAPE_DATA";
    return page.replace(page.find(place), place.size(), data);
}

#define TAPER_INSTANTIATE(T)                       \
    template std::string as_table(const Tape<T>&); \
    template std::string as_dot(const Tape<T>&);   \
    template std::string as_page(const Tape<T>&, const std::string&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper

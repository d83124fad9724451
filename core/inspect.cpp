#include "core/inspect.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace taper {

extern const char* const page_template;  // inspect_page.html: a string that CMake makes of it

template <class T> static std::string label(const Record<T>& record) {
    return record.leaf ? record.leaf->name : record.name;
}

static std::string digits(const char* format, double number) {
    char text[64];
    std::snprintf(text, sizeof text, format, number);
    return text;
}

template <class T> static std::string norm(const Array<T>* x) {
    if (!x) return "-";
    double squares = 0;
    for (std::size_t i = 0; i < x->size(); ++i)
        squares += static_cast<double>(x->data()[i]) * static_cast<double>(x->data()[i]);
    return digits("%.4g", std::sqrt(squares));
}

template <class T> static std::string source(const Record<T>& record) {
    return record.source.line ? to_string(record.source) : "";
}

// ---- Table

template <class T> std::string as_table(const Tape<T>& tape) {
    std::vector<std::vector<std::string>> rows{{"#", "op", "inputs", "shape", "|value|", "|gradient|", "source"}};
    for (std::size_t i = 0; i < tape.records().size(); ++i) {
        const Record<T>& record = tape.records()[i];
        std::string inputs;
        for (std::size_t number : record.inputs) inputs += (inputs.empty() ? "" : " ") + std::to_string(number);
        const auto value = record.value.lock();
        rows.push_back({std::to_string(i), label(record), inputs, to_string(record.shape), norm(value.get()),
                        norm(record.gradient.get()), source(record)});
    }
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const auto& row : rows)
        for (std::size_t j = 0; j < row.size(); ++j) widths[j] = std::max(widths[j], row[j].size());
    std::string table;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t j = 0; j < row.size(); ++j) line += row[j] + std::string(widths[j] - row[j].size() + 2, ' ');
        table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return table;
}

// ---- Graph

static std::string quoted(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

template <class T> std::string as_dot(const Tape<T>& tape) {
    std::string dot = "digraph tape {\n    node [shape=box, fontname=\"sans-serif\"];\n";
    for (std::size_t i = 0; i < tape.records().size(); ++i) {
        const Record<T>& record = tape.records()[i];
        const std::string node = "    n" + std::to_string(i);
        dot += node + " [label=" + quoted(label(record) + " " + to_string(record.shape)) +
               (record.leaf ? ", style=\"rounded,filled\", fillcolor=\"#dbe9f6\"" : "") +
               ", tooltip=" + quoted(std::to_string(i) + (record.leaf ? " parameter" : " " + source(record))) + "];\n";
        for (std::size_t input : record.inputs) dot += "    n" + std::to_string(input) + " ->" + node.substr(3) + ";\n";
    }
    return dot + "}\n";
}

// ---- Page

using Json = nlohmann::ordered_json;

// Four digits are enough for an eye. JSON has no NaN and no infinity: they go as text.
static Json rounded(double number) {
    if (!std::isfinite(number)) return shortest(number);
    return std::strtod(digits("%.4g", number).c_str(), nullptr);
}

// The last two axes as a matrix; the first ones of those before them one after the other.
template <class T> static Json picture(const Array<T>& x) {
    constexpr std::size_t most = 64, most_matrices = 8;
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
                values.push_back(rounded(static_cast<double>(x.data()[(m * rows + i) * columns + j])));
    return {{"matrices", std::min(matrices, most_matrices)},
            {"rows", std::min(rows, most)},
            {"columns", std::min(columns, most)},
            {"whole", values.size() == x.size()},
            {"largest", rounded(largest)},
            {"norm", norm(&x)},
            {"values", std::move(values)}};
}

template <class T> std::string as_page(const Tape<T>& tape, const std::string& title) {
    Json records = Json::array();
    for (const Record<T>& record : tape.records()) {
        const auto value = record.value.lock();
        records.push_back({{"name", label(record)},
                           {"parameter", record.leaf != nullptr},
                           {"formula", record.formula},
                           {"source", source(record)},
                           {"shape", to_string(record.shape)},
                           {"inputs", record.inputs},
                           {"value", value ? picture(*value) : Json()},
                           {"gradient", record.gradient ? picture(*record.gradient) : Json()}});
    }
    std::string data =
        Json{{"title", title}, {"records", std::move(records)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
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

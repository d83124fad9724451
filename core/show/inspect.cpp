// The table and the graph. The page is in page.cpp.
#include "core/show/inspect.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/show/records.hpp"
#include "core/show/utf8.hpp"

namespace taper {

using detail::few_letters;
using detail::Input;
using detail::Listed;

// ---- Table

using Row = std::vector<std::string>;

template <class T> static Row row_of(const Listed<T>& listed) {
    const Record<T>& record = *listed.record;
    std::string inputs;
    for (const Input<T>& input : detail::inputs_of(record)) {
        if (!inputs.empty()) inputs += " ";
        inputs += input.constant ? "const" : std::to_string(input.record);
    }
    return {std::to_string(listed.number),
            listed.label(few_letters),
            inputs,
            to_string(record.shape),
            detail::norm_text(record.value.lock().get()),
            detail::norm_text(record.gradient.get()),
            listed.source()};
}

// The rows as a table: each column is as wide as its longest cell, with two blanks between columns.
static std::string aligned(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const Row& row : rows)
        for (std::size_t j = 0; j < row.size(); ++j)
            widths[j] = std::max(widths[j], code_point_count(row[j]));
    std::string table;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t j = 0; j < row.size(); ++j) {
            const std::size_t blanks = widths[j] - code_point_count(row[j]) + 2;
            line += row[j] + std::string(blanks, ' ');
        }
        table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return table;
}

template <class T> std::string as_table(const Tape<T>& tape) {
    std::vector<Row> rows{{"#", "op", "inputs", "shape", "|value|", "|gradient|", "source"}};
    for (const Listed<T>& record : detail::listed(tape)) rows.push_back(row_of(record));
    return aligned(rows);
}

// ---- Graph

// A text as a string of Graphviz, which reads HTML's entities: so & becomes &amp;.
static std::string quoted(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
        if (c == '&') quoted += "amp;";
    }
    return quoted + "\"";
}

// The node of a record, and an edge from each of its inputs; a constant is a node of its own.
template <class T> static std::string dot_of(const Listed<T>& listed) {
    const Record<T>& record = *listed.record;
    const std::string number = std::to_string(listed.number);
    const std::string node = "n" + number;
    const std::string text = listed.label(few_letters) + " " + to_string(record.shape);
    const std::string style =
        record.leaf ? ", style=\"rounded,filled\", fillcolor=\"#dbe9f6\"" : "";
    const std::string origin = record.leaf ? "parameter" : listed.source();
    std::string dot = "    " + node + " [label=" + quoted(text) + style +
                      ", tooltip=" + quoted(number + " " + origin) + "];\n";
    for (const Input<T>& input : detail::inputs_of(record)) {
        std::string from = "n" + std::to_string(input.record);
        if (input.constant) {
            from = node + "_" + std::to_string(input.constant->place);
            const std::string label = detail::constant_label(*input.constant, few_letters) + " " +
                                      to_string(input.constant->shape);
            dot += "    " + from + " [label=" + quoted(label) + ", shape=plaintext];\n";
        }
        dot += "    " + from + " -> " + node + ";\n";
    }
    return dot;
}

template <class T> std::string as_dot(const Tape<T>& tape) {
    std::string dot = "digraph tape {\n    node [shape=box, fontname=\"sans-serif\"];\n";
    for (const Listed<T>& record : detail::listed(tape)) dot += dot_of(record);
    return dot + "}\n";
}

#define TAPER_INSTANTIATE(T)                       \
    template std::string as_table(const Tape<T>&); \
    template std::string as_dot(const Tape<T>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper

#include "core/show/inspect.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"

namespace taper {

extern const char* const page_template;  // inspect_page.html: a string that CMake makes of it

// The most letters: of a name in the table and the graph; and of one on the page or a source line.
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

using Row = std::vector<std::string>;

template <class T> static Row row_of(std::size_t number, const Record<T>& record) {
    std::string inputs;
    for (std::size_t input : record.inputs)
        inputs += (inputs.empty() ? "" : " ") + std::to_string(input);
    const auto value = record.value.lock();
    return {std::to_string(number),  label(record, few_letters), inputs,
            to_string(record.shape), norm(value.get()),          norm(record.gradient.get()),
            source(record)};
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
    for (std::size_t i = 0; i < tape.records().size(); ++i)
        rows.push_back(row_of(i, tape.records()[i]));
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

template <class T> std::string as_dot(const Tape<T>& tape) {
    std::string dot = "digraph tape {\n    node [shape=box, fontname=\"sans-serif\"];\n";
    for (std::size_t i = 0; i < tape.records().size(); ++i) {
        const Record<T>& record = tape.records()[i];
        const std::string node = "n" + std::to_string(i);
        const std::string text = label(record, few_letters) + " " + to_string(record.shape);
        const std::string style =
            record.leaf ? ", style=\"rounded,filled\", fillcolor=\"#dbe9f6\"" : "";
        const std::string origin = record.leaf ? "parameter" : source(record);
        const std::string tooltip = std::to_string(i) + " " + origin;
        dot += "    " + node + " [label=" + quoted(text) + style + ", tooltip=" + quoted(tooltip) +
               "];\n";
        for (std::size_t input : record.inputs)
            dot += "    n" + std::to_string(input) + " -> " + node + ";\n";
    }
    return dot + "}\n";
}

// ---- Page

using Json = nlohmann::ordered_json;

// A number with four digits, which are enough for the eye. JSON has no NaN and no infinity: these
// become text.
static Json rounded(double number) {
    if (!std::isfinite(number)) return shortest(number);
    const std::string text = with_digits(number, 4);
    double four_digits = number;  // which stays where rounding up leaves the range of double
    std::from_chars(text.data(), text.data() + text.size(), four_digits);
    return four_digits;
}

// With these bounds a browser opens the page within some seconds. A longer tape shows its first and
// last records, and larger arrays show less of each.
static constexpr std::size_t most_records = 1000, most_numbers = 2'000'000;

namespace {

// The most that is shown of an array.
struct PictureSize {
    std::size_t rows = 64, matrices = 8;  // rows, and as many columns
};

// A shape as matrices one after another: the last two axes, for each index of the others.
struct Matrices {
    explicit Matrices(const Shape& shape) {
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            const std::size_t behind = shape.size() - axis - 1;
            if (behind == 0) columns = shape[axis];
            else if (behind == 1) rows = shape[axis];
            else count *= shape[axis];
        }
    }
    std::size_t count = 1, rows = 1, columns = 1;
};

// Which records are on the page: all or, for a long tape, the first and the last.
class Selection {
  public:
    explicit Selection(std::size_t records) : records_(records) {}
    bool has(std::size_t number) const {
        return whole() || number < half || number >= records_ - half;
    }
    // The position on the page of a record that is on it.
    std::size_t position(std::size_t number) const {
        const bool before_gap = whole() || number < half;
        return before_gap ? number : number - (records_ - most_records);
    }
    std::string note() const {  // "" where nothing is left out
        if (whole()) return "";
        return "Records " + std::to_string(half) + " to " + std::to_string(records_ - half - 1) +
               " of " + std::to_string(records_) + " are left out. ";
    }

  private:
    static constexpr std::size_t half = most_records / 2;
    bool whole() const { return records_ <= most_records; }

    std::size_t records_;
};

}  // namespace

static std::size_t numbers_shown(const Shape& shape, const PictureSize& size) {
    const Matrices x(shape);
    return std::min(x.rows, size.rows) * std::min(x.columns, size.rows) *
           std::min(x.count, size.matrices);
}

template <class T>
static std::size_t numbers_shown(const std::vector<const Record<T>*>& records,
                                 const PictureSize& size) {
    std::size_t numbers = 0;
    for (const Record<T>* record : records) {
        std::size_t arrays = 0;
        if (!record->value.expired()) ++arrays;
        if (record->gradient) ++arrays;
        numbers += numbers_shown(record->shape, size) * arrays;
    }
    return numbers;
}

template <class T> static PictureSize picture_size(const std::vector<const Record<T>*>& records) {
    PictureSize size;
    while (numbers_shown(records, size) > most_numbers && size.rows > 4) {
        size.rows /= 2;
        size.matrices = std::max<std::size_t>(size.matrices / 2, 1);
    }
    return size;
}

template <class T> static double largest_entry(const Array<T>& x) {
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (const double entry = static_cast<double>(x.data()[i]); std::isfinite(entry))
            largest = std::max(largest, std::abs(entry));
    return largest;
}

template <class T> static Json picture(const Array<T>& x, const PictureSize& size) {
    const Matrices whole(x.shape());
    const std::size_t matrices = x.size() == 0 ? 0 : std::min(whole.count, size.matrices);
    const std::size_t rows = std::min(whole.rows, size.rows);
    const std::size_t columns = std::min(whole.columns, size.rows);
    Json values = Json::array();
    for (std::size_t m = 0; m < matrices; ++m)
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < columns; ++j) {
                const std::size_t flat = (m * whole.rows + i) * whole.columns + j;
                values.push_back(rounded(static_cast<double>(x.data()[flat])));
            }
    return {{"matrices", matrices},
            {"rows", rows},
            {"columns", columns},
            {"whole", values.size() == x.size()},
            {"largest", rounded(largest_entry(x))},
            {"norm", norm(&x)},
            {"values", std::move(values)}};
}

static std::string note(const PictureSize& size) {
    if (size.rows == PictureSize().rows) return "";
    const std::string matrices = size.matrices == 1 ? " matrix" : " matrices";
    return "Of an array at most " + std::to_string(size.rows) + " rows and columns, and " +
           std::to_string(size.matrices) + matrices + ", are shown.";
}

template <class T>
static Json json_of_record(std::size_t number, const Record<T>& record, const Selection& selection,
                           const PictureSize& size) {
    const auto value = record.value.lock();
    Json inputs = Json::array();
    for (const std::size_t input : record.inputs)
        if (selection.has(input)) inputs.push_back(selection.position(input));
    return {{"number", number},
            {"name", label(record, more_letters)},
            {"parameter", record.leaf != nullptr},
            {"formula", record.formula},
            {"source", source(record)},
            {"shape", to_string(record.shape)},
            {"inputs", inputs},
            {"left_out", record.inputs.size() - inputs.size()},
            {"value", value ? picture(*value, size) : Json()},
            {"gradient", record.gradient ? picture(*record.gradient, size) : Json()}};
}

// Escapes every <, so that no text of the page ends its script.
static void escape_tags(std::string& text) {
    std::size_t position = text.find('<');
    while (position != text.npos) {
        text.replace(position, 1, "\\u003c");
        position = text.find('<', position);
    }
}

template <class T> std::string as_page(const Tape<T>& tape, const std::string& title) {
    const Selection selection(tape.records().size());
    std::vector<const Record<T>*> selected;
    for (std::size_t i = 0; i < tape.records().size(); ++i)
        if (selection.has(i)) selected.push_back(&tape.records()[i]);
    const PictureSize size = picture_size(selected);
    Json records = Json::array();
    for (const Record<T>* record : selected) {
        const auto number = static_cast<std::size_t>(record - tape.records().data());
        records.push_back(json_of_record(number, *record, selection, size));
    }
    const Json content = {{"title", shown(title, more_letters)},
                          {"note", selection.note() + note(size)},
                          {"records", std::move(records)}};
    std::string data = content.dump(-1, ' ', false, Json::error_handler_t::replace);
    escape_tags(data);
    std::string page = page_template;
    const std::string placeholder = "TAPE_DATA";
    return page.replace(page.find(placeholder), placeholder.size(), data);
}

#define TAPER_INSTANTIATE(T)                       \
    template std::string as_table(const Tape<T>&); \
    template std::string as_dot(const Tape<T>&);   \
    template std::string as_page(const Tape<T>&, const std::string&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper

// The page: the records as JSON, bounded, put into page.html. What a browser makes of it is in
// page.js.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/show/inspect.hpp"
#include "core/show/records.hpp"

namespace taper {

extern const char* const page_template;  // page.html with page.css and page.js: CMake makes it

using detail::Input;
using detail::Listed;
using detail::more_letters;

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

// ---- Bounds

// With these bounds a browser opens the page within some seconds. A longer tape shows its first and
// last records, and larger arrays show less of each.
static constexpr std::size_t most_records = 1000, most_numbers = 2'000'000;
static constexpr PartSize most_of_array{.matrices = 8, .rows = 64, .columns = 64};
static constexpr std::size_t token_letters = 16;

namespace {

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
    PartSize part(const PartSize& most) const {
        return {.matrices = std::min(count, most.matrices),
                .rows = std::min(rows, most.rows),
                .columns = std::min(columns, most.columns)};
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

static std::size_t numbers_shown(const Shape& shape, const PartSize& most) {
    const PartSize part = Matrices(shape).part(most);
    return part.matrices * part.rows * part.columns;
}

template <class T>
static std::vector<Intermediate<T>> intermediates(const Record<T>& record, const PartSize& most) {
    return record.op ? record.op->intermediates(most) : std::vector<Intermediate<T>>();
}

template <class T>
static std::size_t numbers_shown(const std::vector<Listed<T>>& records, const PartSize& most) {
    std::size_t numbers = 0;
    for (const Listed<T>& listed : records) {
        const Record<T>& record = *listed.record;
        std::size_t arrays = 0;
        if (!record.value.expired()) ++arrays;
        if (record.gradient) ++arrays;
        numbers += numbers_shown(record.shape, most) * arrays;
        for (const Constant<T>& constant : record.constants)
            if (!constant.value.expired()) numbers += numbers_shown(constant.shape, most);
        for (const Intermediate<T>& inner : intermediates(record, {0, 0, 0}))
            numbers += numbers_shown(inner.shape, most);
    }
    return numbers;
}

template <class T> static PartSize part_size(const std::vector<Listed<T>>& records) {
    PartSize most = most_of_array;
    while (numbers_shown(records, most) > most_numbers && most.rows > 4) {
        most.rows /= 2;
        most.columns = most.rows;
        most.matrices = std::max<std::size_t>(most.matrices / 2, 1);
    }
    return most;
}

static std::string note(const PartSize& most) {
    if (most.rows == most_of_array.rows) return "";
    const std::string matrices = most.matrices == 1 ? " matrix" : " matrices";
    return "Of an array at most " + std::to_string(most.rows) + " rows and columns, and " +
           std::to_string(most.matrices) + matrices + ", are shown.";
}

// ---- Arrays

// The first part of an array: x itself, or what is left of it where x is a part already.
template <class T>
static Json picture(const Array<T>& x, const PartSize& most, const Shape& shape_of_all) {
    const Matrices whole(x.shape());
    const PartSize part = whole.part(most);
    const std::size_t matrices = x.size() == 0 ? 0 : part.matrices;
    double largest = 0, least = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (const double entry = static_cast<double>(x.data()[i]); std::isfinite(entry)) {
            largest = std::max(largest, std::abs(entry));
            least = std::min(least, entry);
        }
    Json values = Json::array();
    for (std::size_t m = 0; m < matrices; ++m)
        for (std::size_t i = 0; i < part.rows; ++i)
            for (std::size_t j = 0; j < part.columns; ++j) {
                const std::size_t flat = (m * whole.rows + i) * whole.columns + j;
                values.push_back(rounded(static_cast<double>(x.data()[flat])));
            }
    const bool all_known = x.size() == count(shape_of_all);
    return {{"shape", shape_of_all},
            {"matrices", matrices},
            {"rows", part.rows},
            {"columns", part.columns},
            {"whole", values.size() == count(shape_of_all)},
            {"largest", rounded(largest)},
            {"negative", least < 0},
            {"norm", all_known ? detail::norm_text(&x) : ""},
            {"values", std::move(values)}};
}

template <class T> static Json picture_or_null(const Array<T>* x, const PartSize& most) {
    return x ? picture(*x, most, x->shape()) : Json();
}

// ---- Records

template <class T> static Json value_of(const Constant<T>& constant, const PartSize& most) {
    const auto value = constant.value.lock();
    if (!value && constant.number)
        return picture(full<T>(constant.shape, *constant.number), most, constant.shape);
    return picture_or_null(value.get(), most);
}

template <class T>
static Json json_of_inputs(const Record<T>& record, const Selection& selection,
                           const PartSize& most) {
    Json inputs = Json::array();
    for (const Input<T>& input : detail::inputs_of(record)) {
        Json& json = inputs.emplace_back(Json{{"name", input.name}});
        if (input.constant) {
            json["constant"] = detail::constant_label(*input.constant, more_letters);
            json["shape"] = to_string(input.constant->shape);
            json["value"] = value_of(*input.constant, most);
        } else if (selection.has(input.record)) {
            json["record"] = selection.position(input.record);
        } else {
            json["left_out"] = input.record;
        }
    }
    return inputs;
}

template <class T> static Json json_of_inner(const Record<T>& record, const PartSize& most) {
    Json inner = Json::array();
    for (const Intermediate<T>& array : intermediates(record, most))
        inner.push_back({{"name", array.name},
                         {"rows", array.rows},
                         {"columns", array.columns},
                         {"shape", to_string(array.shape)},
                         {"value", picture(array.part, most, array.shape)}});
    return inner;
}

template <class T>
static Json json_of_record(const Listed<T>& listed, const Selection& selection,
                           const PartSize& most) {
    const Record<T>& record = *listed.record;
    return {{"number", listed.number},
            {"name", shown(record.leaf ? record.leaf->name : record.name, more_letters)},
            {"variable", shown(listed.called.variable, more_letters)},
            {"parameter", record.leaf != nullptr},
            {"output", name_of_output(record.formula)},
            {"formula", record.formula},
            {"source", listed.source()},
            {"line", shown(listed.called.text, more_letters)},
            {"shape", to_string(record.shape)},
            {"inputs", json_of_inputs(record, selection, most)},
            {"inner", json_of_inner(record, most)},
            {"value", picture_or_null(record.value.lock().get(), most)},
            {"gradient", picture_or_null(record.gradient.get(), most)}};
}

static Json json_of_tokens(const PageTokens& tokens) {
    Json names = Json::array();
    for (const std::string& name : tokens.names) {
        if (names.size() == most_of_array.rows) break;
        names.push_back(shown(name, token_letters));
    }
    return {{"names", std::move(names)},
            {"count", tokens.names.size()},
            {"keys", tokens.keys_are_positions}};
}

// ---- The page

// Escapes every <, so that no text of the page ends its script.
static void escape_tags(std::string& text) {
    std::size_t position = text.find('<');
    while (position != text.npos) {
        text.replace(position, 1, "\\u003c");
        position = text.find('<', position);
    }
}

template <class T>
std::string as_page(const Tape<T>& tape, const std::string& title, const PageTokens& tokens) {
    const Selection selection(tape.records().size());
    std::vector<Listed<T>> selected;
    for (const Listed<T>& listed : detail::listed(tape))
        if (selection.has(listed.number)) selected.push_back(listed);
    const PartSize most = part_size(selected);
    Json records = Json::array();
    for (const Listed<T>& listed : selected)
        records.push_back(json_of_record(listed, selection, most));
    const Json content = {{"title", shown(title, more_letters)},
                          {"note", selection.note() + note(most)},
                          {"count", tape.records().size()},
                          {"tokens", json_of_tokens(tokens)},
                          {"records", std::move(records)}};
    std::string data = content.dump(-1, ' ', false, Json::error_handler_t::replace);
    escape_tags(data);
    std::string page = page_template;
    const std::string placeholder = "TAPE_DATA";
    return page.replace(page.find(placeholder), placeholder.size(), data);
}

template std::string as_page(const Tape<float>&, const std::string&, const PageTokens&);
template std::string as_page(const Tape<double>&, const std::string&, const PageTokens&);

}  // namespace taper

#include "core/io/safetensors_header.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/io/json.hpp"
#include "core/show/shown.hpp"

namespace taper::detail {

namespace {

using nlohmann::json, nlohmann::ordered_json;

constexpr std::size_t max_axes = 32;  // as in NumPy 1
const std::string metadata_name = "__metadata__";
const std::string fields = "dtype, shape and data_offsets, once each";

// Checks the header while it is parsed. A parsed document would have dropped all but the last of
// equal names, and a hostile one would have filled the memory.
//
// The parser calls a function for each part of the JSON. level_ says how deep the parser is: 0
// outside, 1 among the names of tensors, 2 among the fields of one, 3 among the numbers of a field.
class HeaderParser : public json::json_sax_t {
  public:
    explicit HeaderParser(const std::string& path) : path_(path) {}

    TensorHeader parse(const std::string& text) {
        if (text.size() > max_header)
            fail("the header must have at most " + std::to_string(max_header) + " bytes");
        if (text.front() != '{') fail("the header must begin with {");
        // the parser would stop there
        if (text.find('\0') != text.npos) fail("the header must have no zero byte");
        json::sax_parse(text, this);
        return std::move(header_);
    }

    bool start_object(std::size_t) override {
        if (level_ > 1) refuse("an object");
        ++level_;
        return true;
    }

    bool key(std::string& key) override {
        if (level_ == 1) {
            entry_ = {.name = key};
            missing_ = {"dtype", "shape", "data_offsets"};
            const bool is_new = names_.insert(key).second;
            if (!is_new) fail("a name must stand only once");
        } else {
            field_ = key;
            if (in_metadata()) {
                if (header_.metadata.contains(key))
                    fail("a key must stand only once: " + shortened(key));
            } else {
                const bool was_missing = missing_.erase(key) > 0;
                if (!was_missing) fail("the fields must be " + fields + ": " + shortened(key));
            }
        }
        return true;
    }

    bool string(std::string& text) override {
        const bool is_field_of_text = in_metadata() || field_ == "dtype";
        if (level_ != 2 || !is_field_of_text) refuse('"' + text + '"');
        if (in_metadata()) {
            header_.metadata[field_] = text;
        } else {
            const auto has_name = [&](const TensorType& type) { return type.name == text; };
            entry_.type = std::find_if(tensor_types.begin(), tensor_types.end(), has_name);
            if (entry_.type == tensor_types.end())
                fail("the dtype must be F32, F64, I64 or U8: " + shortened(text));
        }
        return true;
    }

    bool start_array(std::size_t) override {
        if (level_ != 2 || in_metadata() || field_ == "dtype") refuse("a list");
        ++level_;
        numbers_.clear();
        return true;
    }

    bool number_unsigned(std::uint64_t number) override {
        if (level_ != 3) refuse(std::to_string(number));
        if (numbers_.size() == max_axes)
            fail(field_ + " must have at most " + std::to_string(max_axes) + " numbers");
        numbers_.push_back(number);
        return true;
    }

    bool end_array() override {
        --level_;
        if (field_ == "shape") {
            entry_.shape = Shape(numbers_.begin(), numbers_.end());
        } else {
            if (numbers_.size() != 2)
                fail("data_offsets must be two numbers: " + std::to_string(numbers_.size()));
            entry_.begin = numbers_[0];
            entry_.end = numbers_[1];
        }
        return true;
    }

    bool end_object() override {
        --level_;
        const bool ends_tensor = level_ == 1 && !in_metadata();
        if (ends_tensor) {
            if (!missing_.empty())
                fail("the fields must be " + fields + ": there is no " + *missing_.begin());
            header_.entries.push_back(std::move(entry_));
        }
        return true;
    }

    bool null() override { return refuse("null"); }
    bool boolean(bool value) override { return refuse(value ? "true" : "false"); }
    bool number_integer(std::int64_t number) override { return refuse(std::to_string(number)); }
    bool number_float(double, const std::string& text) override { return refuse(text); }
    bool binary(json::binary_t&) override { return refuse("binary"); }
    bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
        throw Error(path_ + ": the header must be JSON: byte " + std::to_string(position - 1));
    }

  private:
    bool in_metadata() const { return entry_.name == metadata_name; }

    [[noreturn]] void fail(const std::string& message) const {
        throw Error((level_ == 0 ? path_ + ": " : tensor_subject(path_, entry_.name)) + message);
    }

    // A value of a kind that does not belong here.
    [[noreturn]] bool refuse(const std::string& value) const {
        const std::string found = shortened(value);
        if (level_ == 1) fail("it must be an object: " + found);
        if (in_metadata()) fail("the value of " + shortened(field_) + " must be text: " + found);
        if (field_ == "dtype") fail("the dtype must be text: " + found);
        fail(field_ + " must be a list of whole numbers from 0 to 2^64 - 1: " + found);
    }

    const std::string& path_;
    TensorHeader header_ = {};
    int level_ = 0;
    TensorEntry entry_ = {};
    std::string field_ = {};
    std::vector<std::uint64_t> numbers_ = {};
    std::set<std::string> names_ = {};    // so far
    std::set<std::string> missing_ = {};  // the fields that this tensor must still have
};

// The bytes of the tensor's data; 2^63 - 1 for every number that does not fit in 63 bits. An extent
// of 0 is left out at first, so that the product of the others is checked too: it would overflow in
// the strides.
std::uint64_t byte_count(const TensorEntry& entry) {
    constexpr std::uint64_t too_many = std::numeric_limits<std::int64_t>::max();
    std::uint64_t n = entry.type->bytes;
    for (std::size_t extent : entry.shape) {
        if (extent > too_many / n) return too_many;
        n *= std::max<std::size_t>(extent, 1);
    }
    const bool is_empty = std::count(entry.shape.begin(), entry.shape.end(), 0) > 0;
    return is_empty ? 0 : n;
}

}  // namespace

std::string tensor_subject(const std::string& path, const std::string& name) {
    return path + ": tensor " + shortened(name) + ": ";
}

TensorHeader parse_header(const std::string& path, const std::string& text) {
    return HeaderParser(path).parse(text);
}

void check_layout(const std::string& path, const std::vector<TensorEntry>& entries,
                  std::uint64_t size) {
    std::vector<const TensorEntry*> order;
    for (const TensorEntry& entry : entries) order.push_back(&entry);
    const auto offsets = [](const TensorEntry* entry) {
        return std::pair(entry->begin, entry->end);
    };
    std::ranges::sort(order, {}, offsets);
    std::uint64_t filled = 0;
    for (const TensorEntry* entry : order) {
        const std::uint64_t begin = entry->begin, end = entry->end;
        const auto fail = [&](const std::string& rule) {
            throw Error(tensor_subject(path, entry->name) + rule + ": data_offsets " +
                        to_string(Shape{begin, end}));
        };
        if (begin > end || end > size)
            fail("data must lie in the " + std::to_string(size) + " bytes after the header");
        if (end - begin != byte_count(*entry))
            fail("data must have the size of " + std::string(entry->type->name) + " " +
                 to_string(entry->shape));
        if (begin != filled)
            fail("data must begin where the data before it ends, at " + std::to_string(filled));
        filled = end;
    }
    const std::string bytes = std::to_string(filled) + " of " + std::to_string(size) + " bytes";
    if (filled != size) throw Error(path + ": the tensors must fill the data: " + bytes);
}

// The text is made field by field: a JSON object would sort the names, or search all of them for
// each new one.
std::string header_text(const std::string& path, const TensorFile& file) try {
    std::string text = "{" + json(metadata_name).dump() + ":" + json(file.metadata).dump();
    std::size_t begin = 0;
    for (const auto& [name, tensor] : file.tensors) {
        const std::vector<std::size_t> shape(shape_of(tensor).begin(), shape_of(tensor).end());
        const std::size_t end = begin + bytes_of(tensor).size();
        const ordered_json fields = {
            {"dtype", dtype_name(tensor)}, {"shape", shape}, {"data_offsets", {begin, end}}};
        text += "," + json(name).dump() + ":" + fields.dump();
        begin = end;
    }
    text += "}";
    const std::size_t padding = (8 - text.size() % 8) % 8;
    return text + std::string(padding, ' ');
} catch (const json::type_error& error) {
    throw Error(path + ": names and metadata must be valid UTF-8: " + json_reason(error));
}

}  // namespace taper::detail

#include "core/io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "core/show/shown.hpp"

namespace taper {

static_assert(std::endian::native == std::endian::little,
              "the numbers in a safetensors file are little-endian");

namespace {

using nlohmann::json, nlohmann::ordered_json;

// In bytes, the format's own: MAX_HEADER_SIZE of its reference, github.com/huggingface/safetensors.
constexpr std::uint64_t max_header = 100'000'000;
constexpr std::size_t max_axes = 32;  // as in NumPy 1
const std::string metadata_name = "__metadata__";
const std::string fields = "dtype, shape and data_offsets, once each";

template <class T> Tensor make(const Shape& shape) { return empty<T>(shape); }

struct Type {
    const char* name;
    std::size_t bytes;
    Tensor (*make)(const Shape&);
};

// In the order of the variant.
constexpr std::array<Type, 4> types = {{{"F32", 4, make<float>},
                                        {"F64", 8, make<double>},
                                        {"I64", 8, make<std::int64_t>},
                                        {"U8", 1, make<std::uint8_t>}}};
static_assert(types.size() == std::variant_size_v<Tensor>);

// What the header says of one tensor.
struct Entry {
    std::string name = {};
    const Type* type = nullptr;
    Shape shape = {};
    std::uint64_t begin = 0, end = 0;  // in bytes, counted from the end of the header
};

std::string named(const std::string& path, const std::string& name) {
    return path + ": tensor " + shortened(name) + ": ";
}

// Checks the header while it is parsed: a parsed document would have dropped all but the last of
// equal names, and a hostile one would have filled the memory. Level 0 is outside, 1 lists the
// tensors, 2 the fields of one, 3 the numbers of a field.
class Header : public json::json_sax_t {
  public:
    explicit Header(const std::string& path) : path_(path) {}

    std::vector<Entry> entries = {};
    std::map<std::string, std::string> metadata = {};

    void parse(const std::string& text) {
        if (text.size() > max_header)
            fail("the header must have at most " + std::to_string(max_header) + " bytes");
        if (text.front() != '{') fail("the header must begin with {");
        // the parser would stop there
        if (text.find('\0') != text.npos) fail("the header must have no zero byte");
        json::sax_parse(text, this);
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
            if (!names_.insert(key).second) fail("a name must stand only once");
        } else {
            field_ = key;
            if (in_metadata() && metadata.contains(key))
                fail("a key must stand only once: " + shortened(key));
            if (!in_metadata() && !missing_.erase(key))
                fail("the fields must be " + fields + ": " + shortened(key));
        }
        return true;
    }

    bool string(std::string& text) override {
        if (level_ != 2 || !(in_metadata() || field_ == "dtype")) refuse('"' + text + '"');
        if (in_metadata()) {
            metadata[field_] = text;
        } else {
            entry_.type = std::find_if(types.begin(), types.end(),
                                       [&](const Type& type) { return type.name == text; });
            if (entry_.type == types.end())
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
        if (--level_ == 1 && !in_metadata()) {
            if (!missing_.empty())
                fail("the fields must be " + fields + ": there is no " + *missing_.begin());
            entries.push_back(std::move(entry_));
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
        throw Error((level_ == 0 ? path_ + ": " : named(path_, entry_.name)) + message);
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
    int level_ = 0;
    Entry entry_ = {};
    std::string field_ = {};
    std::vector<std::uint64_t> numbers_ = {};
    std::set<std::string> names_ = {}, missing_ = {};
};

// The same for all that do not fit in 63 bits. Zeros are left out first: strides are products of
// the other extents.
std::uint64_t byte_count(const Entry& entry) {
    constexpr std::uint64_t too_many = std::numeric_limits<std::int64_t>::max();
    std::uint64_t n = entry.type->bytes;
    for (std::size_t extent : entry.shape) {
        if (extent > too_many / n) return too_many;
        n *= std::max<std::size_t>(extent, 1);
    }
    return std::count(entry.shape.begin(), entry.shape.end(), 0) ? 0 : n;
}

// Error unless the tensors, in some order, fill the `size` bytes of data without gap or overlap.
void check_layout(const std::string& path, const std::vector<Entry>& entries, std::uint64_t size) {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries) order.push_back(&entry);
    std::ranges::sort(order, {},
                      [](const Entry* entry) { return std::pair(entry->begin, entry->end); });
    std::uint64_t at = 0;
    for (const Entry* entry : order) {
        const std::uint64_t begin = entry->begin, end = entry->end;
        const auto fail = [&](const std::string& rule) {
            throw Error(named(path, entry->name) + rule + ": data_offsets " +
                        to_string(Shape{begin, end}));
        };
        if (begin > end || end > size)
            fail("data must lie in the " + std::to_string(size) + " bytes after the header");
        if (end - begin != byte_count(*entry)) {
            fail("data must have the size of " + std::string(entry->type->name) + " " +
                 to_string(entry->shape));
        }
        if (begin != at)
            fail("data must begin where the data before it ends, at " + std::to_string(at));
        at = end;
    }
    const std::string bytes = std::to_string(at) + " of " + std::to_string(size) + " bytes";
    if (at != size) throw Error(path + ": the tensors must fill the data: " + bytes);
}

void read_exactly(const InputFile& file, std::uint64_t offset, void* to, std::size_t n) {
    if (file.read(offset, to, n) < n)
        throw Error(file.path() + ": the file must not change while it is read");
}

std::string read_header(const InputFile& file) {
    std::uint64_t length = 0;
    const std::uint64_t size = file.size();
    if (size >= sizeof length) read_exactly(file, 0, &length, sizeof length);
    if (length < 2 || length > max_header || length > size - sizeof length) {
        throw Error(file.path() +
                    ": a safetensors file must begin with the length of its header, 2 to " +
                    std::to_string(max_header) + " and within the file: " + std::to_string(length) +
                    ", file of " + std::to_string(size) + " bytes");
    }
    std::string text(length, '\0');
    read_exactly(file, sizeof length, text.data(), text.size());
    return text;
}

// Written field by field: a JSON object would sort the names, or search all of them for each.
std::string header_text(const std::string& path, const TensorFile& file) try {
    std::string text = "{" + json(metadata_name).dump() + ":" + json(file.metadata).dump();
    std::size_t at = 0;
    for (const auto& [name, tensor] : file.tensors) {
        const std::vector<std::size_t> shape(shape_of(tensor).begin(), shape_of(tensor).end());
        const std::size_t end = at + bytes_of(tensor).size();
        const ordered_json fields = {
            {"dtype", dtype_name(tensor)}, {"shape", shape}, {"data_offsets", {at, end}}};
        text += "," + json(name).dump() + ":" + fields.dump();
        at = end;
    }
    text += "}";
    return text + std::string((8 - text.size() % 8) % 8, ' ');
} catch (const json::type_error& error) {
    throw Error(path + ": names and metadata must be valid UTF-8: " + json_reason(error));
}

}  // namespace

const char* dtype_name(const Tensor& tensor) { return types[tensor.index()].name; }

const Shape& shape_of(const Tensor& tensor) {
    return std::visit([](const auto& array) -> const Shape& { return array.shape(); }, tensor);
}

std::string_view bytes_of(const Tensor& tensor) {
    const auto view = [](const auto& array) {
        return std::string_view(reinterpret_cast<const char*>(array.data()),
                                array.size() * sizeof(array.data()[0]));
    };
    return std::visit(view, tensor);
}

const Tensor* TensorFile::find(const std::string& name) const {
    for (const auto& [key, tensor] : tensors) {
        if (key == name) return &tensor;
    }
    return nullptr;
}

template <class T> const Array<T>& TensorFile::get(const std::string& name) const {
    const Tensor* tensor = find(name);
    if (!tensor) throw Error(named(path, name) + "the file must have it");
    if (const auto* array = std::get_if<Array<T>>(tensor)) return *array;
    throw Error(named(path, name) + "the dtype must be " + dtype_name(Array<T>()) + ": " +
                dtype_name(*tensor));
}

template const Array<float>& TensorFile::get(const std::string&) const;
template const Array<double>& TensorFile::get(const std::string&) const;
template const Array<std::int64_t>& TensorFile::get(const std::string&) const;
template const Array<std::uint8_t>& TensorFile::get(const std::string&) const;

std::vector<TensorClaim> claims_of(const TensorFile& file) {
    std::vector<TensorClaim> claims;
    for (const auto& [name, tensor] : file.tensors)
        claims.push_back({name, dtype_name(tensor), shape_of(tensor)});
    return claims;
}

TensorFile load_safetensors(const std::string& path, const CheckClaims& check) {
    const InputFile file(path);
    const std::string text = read_header(file);
    const std::uint64_t data = sizeof(std::uint64_t) + text.size();
    Header header(path);
    header.parse(text);
    check_layout(path, header.entries, file.size() - data);
    if (check) {
        std::vector<TensorClaim> claims;
        for (const Entry& entry : header.entries)
            claims.push_back({entry.name, entry.type->name, entry.shape});
        check(claims);
    }

    TensorFile result{.metadata = std::move(header.metadata), .path = path};
    for (Entry& entry : header.entries) {
        Tensor tensor = entry.type->make(entry.shape);
        const std::uint64_t from = data + entry.begin, size = entry.end - entry.begin;
        std::visit([&](auto& array) { read_exactly(file, from, array.data(), size); }, tensor);
        result.tensors.emplace_back(std::move(entry.name), std::move(tensor));
    }
    return result;
}

void save_safetensors(const std::string& path, const TensorFile& file) {
    const std::string header = header_text(path, file);
    Header(path).parse(header);  // what would not load is not saved
    const std::uint64_t length = header.size();
    std::vector<std::string_view> pieces = {{reinterpret_cast<const char*>(&length), sizeof length},
                                            header};
    for (const auto& [name, tensor] : file.tensors) pieces.push_back(bytes_of(tensor));
    write_file(path, pieces);
}

}  // namespace taper

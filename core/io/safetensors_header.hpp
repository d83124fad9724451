// The header of a safetensors file: parsed, checked and written. core/io/safetensors.hpp is what a
// program includes, and shows the form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/io/safetensors.hpp"

namespace taper::detail {

// The most bytes of a header: MAX_HEADER_SIZE of the format's reference implementation,
// github.com/huggingface/safetensors.
inline constexpr std::uint64_t max_header = 100'000'000;

// A type of numbers as the format names it.
struct TensorType {
    const char* name;
    std::size_t bytes;             // of one number
    Tensor (*make)(const Shape&);  // with unspecified contents
};
template <class T> Tensor make_tensor(const Shape& shape) { return empty<T>(shape); }

// In the order of the types of Tensor.
inline constexpr auto tensor_types = std::to_array<TensorType>({
    {"F32", 4, make_tensor<float>},
    {"F64", 8, make_tensor<double>},
    {"I64", 8, make_tensor<std::int64_t>},
    {"U8", 1, make_tensor<std::uint8_t>},
});
static_assert(tensor_types.size() == std::variant_size_v<Tensor>);

// What the header says of one tensor.
struct TensorEntry {
    std::string name = {};
    const TensorType* type = nullptr;
    Shape shape = {};
    std::uint64_t begin = 0, end = 0;  // of its data, in bytes from the end of the header
};

struct TensorHeader {
    std::vector<TensorEntry> entries = {};
    std::map<std::string, std::string> metadata = {};
};

// "PATH: tensor NAME: ", which an Error about one tensor begins with.
std::string tensor_subject(const std::string& path, const std::string& name);

// Error where the text is not exactly of the form.
TensorHeader parse_header(const std::string& path, const std::string& text);

// Error unless the tensors, in some order, fill the `size` bytes of data without gap or overlap.
void check_layout(const std::string& path, const std::vector<TensorEntry>& entries,
                  std::uint64_t size);

// The header of the file, padded. Error where a name or a text is not UTF-8.
std::string header_text(const std::string& path, const TensorFile& file);

}  // namespace taper::detail

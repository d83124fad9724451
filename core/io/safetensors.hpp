// Tensor files in the safetensors format: named arrays and text, in and out, with every claim of a
// file checked.
//   8 bytes: length of the header
//   header: JSON, padded with spaces to a multiple of 8:
//     {"__metadata__": {"KEY": "TEXT", ...},
//      "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//   the arrays, one after another
// The keys of "__metadata__" stand in their order in the alphabet, the tensors in the order of
// TensorFile::tensors. What the names mean, and whether the numbers are finite, is the caller's
// matter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/array/array.hpp"

namespace taper {

// In a file F32, F64, I64, U8; no other type is read or written.
using Tensor = std::variant<Array<float>, Array<double>, Array<std::int64_t>, Array<std::uint8_t>>;

const char* dtype_name(const Tensor& tensor);  // "F32", "F64", "I64", "U8"
const Shape& shape_of(const Tensor& tensor);
std::string_view bytes_of(const Tensor& tensor);  // as they stand in a file

struct TensorFile {
    std::vector<std::pair<std::string, Tensor>> tensors = {};  // in the order of the header
    std::map<std::string, std::string> metadata = {};
    std::string path = {};  // where it was loaded from, for messages; saving does not use it

    const Tensor* find(const std::string& name) const;  // null where there is none

    // Error "PATH: tensor NAME: ..." where there is none, or it has another type.
    template <class T> const Array<T>& get(const std::string& name) const;
};

// What the header says of a tensor.
struct TensorClaim {
    std::string name, dtype;
    Shape shape;
};
std::vector<TensorClaim> claims_of(const TensorFile& file);

// Error "PATH: [tensor NAME:] rule: values" where the file is not exactly of this form;
// std::system_error where reading fails. `check`, where there is one, is called before an array is
// read or takes memory, and throws where the caller does not want these tensors. Loading takes the
// memory of the arrays, and some fifteen times that of the header, which may have at most
// 100,000,000 bytes.
using CheckClaims = std::function<void(const std::vector<TensorClaim>&)>;
TensorFile load_safetensors(const std::string& path, const CheckClaims& check = {});

// Writes the whole file or leaves the old one (write_file); equal contents give equal bytes. Error
// where loading would refuse it: a name twice, a name or text that is not UTF-8, more than 32 axes,
// a header too long; std::system_error where writing fails.
void save_safetensors(const std::string& path, const TensorFile& file);

}  // namespace taper

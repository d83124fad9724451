#include "core/io/safetensors.hpp"

#include <bit>
#include <string_view>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/io/safetensors_header.hpp"

namespace taper {

static_assert(std::endian::native == std::endian::little,
              "the numbers in a safetensors file are little-endian");

using detail::check_layout, detail::header_text, detail::max_header, detail::parse_header,
    detail::tensor_subject, detail::TensorEntry, detail::TensorHeader;

static void read_exactly(const InputFile& file, std::uint64_t offset, void* buffer, std::size_t n) {
    if (file.read(offset, buffer, n) < n)
        throw Error(file.path() + ": the file must not change while it is read");
}

static std::string read_header(const InputFile& file) {
    std::uint64_t length = 0;
    const std::uint64_t size = file.size();
    if (size >= sizeof length) read_exactly(file, 0, &length, sizeof length);
    if (length < 2 || length > max_header || length > size - sizeof length)
        throw Error(file.path() +
                    ": a safetensors file must begin with the length of its header, 2 to " +
                    std::to_string(max_header) + " and within the file: " + std::to_string(length) +
                    ", file of " + std::to_string(size) + " bytes");
    std::string text(length, '\0');
    read_exactly(file, sizeof length, text.data(), text.size());
    return text;
}

const char* dtype_name(const Tensor& tensor) { return detail::tensor_types[tensor.index()].name; }

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
    for (const auto& [key, tensor] : tensors)
        if (key == name) return &tensor;
    return nullptr;
}

template <class T> const Array<T>& TensorFile::get(const std::string& name) const {
    const Tensor* tensor = find(name);
    if (!tensor) throw Error(tensor_subject(path, name) + "the file must have it");
    if (const auto* array = std::get_if<Array<T>>(tensor)) return *array;
    throw Error(tensor_subject(path, name) + "the dtype must be " + dtype_name(Array<T>()) + ": " +
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
    TensorHeader header = parse_header(path, text);
    check_layout(path, header.entries, file.size() - data);
    if (check) {
        std::vector<TensorClaim> claims;
        for (const TensorEntry& entry : header.entries)
            claims.push_back({entry.name, entry.type->name, entry.shape});
        check(claims);
    }

    TensorFile result{.metadata = std::move(header.metadata), .path = path};
    for (TensorEntry& entry : header.entries) {
        Tensor tensor = entry.type->make(entry.shape);
        const std::uint64_t begin = data + entry.begin;
        const std::uint64_t size = entry.end - entry.begin;
        std::visit([&](auto& array) { read_exactly(file, begin, array.data(), size); }, tensor);
        result.tensors.emplace_back(std::move(entry.name), std::move(tensor));
    }
    return result;
}

void save_safetensors(const std::string& path, const TensorFile& file) {
    const std::string header = header_text(path, file);
    parse_header(path, header);  // what would not load is not saved
    const std::uint64_t length = header.size();
    const std::string_view length_bytes(reinterpret_cast<const char*>(&length), sizeof length);
    std::vector<std::string_view> pieces = {length_bytes, header};
    for (const auto& [name, tensor] : file.tensors) pieces.push_back(bytes_of(tensor));
    write_file(path, pieces);
}

}  // namespace taper

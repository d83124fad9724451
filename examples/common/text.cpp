#include "examples/common/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "core/error.hpp"

namespace taper::examples {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string read_bytes(const std::string& path) {
    using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
    const File file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file)
        throw Error(path + ": the file must exist and be readable: " +
                    std::generic_category().message(errno));
    const auto type = std::filesystem::status(path).type();
    if (type == std::filesystem::file_type::directory)
        throw Error(path + ": a file is needed: it is a directory");
    if (type == std::filesystem::file_type::character || type == std::filesystem::file_type::block)
        throw Error(path + ": a file is needed: it is a device");

    std::string bytes;
    if (type == std::filesystem::file_type::regular)
        bytes.reserve(std::filesystem::file_size(path));
    std::array<char, 1 << 16> block;
    while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get()))
        bytes.append(block.data(), count);
    if (std::ferror(file.get())) throw std::system_error(errno, std::generic_category(), path);
    return bytes;
}

}  // namespace

void check_utf8(const Text& text) {
    std::size_t offset = 0;
    for (const CodePoint& c : CodePoints(text.bytes)) {
        if (!c.valid)
            throw Error(text.path + ": the text must be valid UTF-8: byte offset " +
                        std::to_string(offset) + " is 0x" +
                        hex(static_cast<unsigned char>(c.bytes[0]), 2) +
                        " (--tokenizer byte takes any bytes)");
        offset += c.bytes.size();
    }
}

Text read_text(const std::string& path, Encoding encoding) {
    Text text{path, read_bytes(path)};
    if (encoding == Encoding::utf8) check_utf8(text);
    if (text.bytes.starts_with(byte_order_mark)) text.bytes.erase(0, byte_order_mark.size());
    if (text.bytes.empty()) throw Error(path + ": the text must not be empty");
    return text;
}

std::vector<std::string> alphabet_of(std::span<const Text> texts) {
    std::vector<bool> seen(0x110000);
    std::vector<std::string> alphabet;
    for (const Text& text : texts) {
        for (const CodePoint& c : CodePoints(text.bytes)) {
            if (!c.valid || seen[c.value]) continue;
            seen[c.value] = true;
            alphabet.emplace_back(c.bytes);
        }
    }
    std::sort(alphabet.begin(), alphabet.end());  // UTF-8 sorts as its code points do
    return alphabet;
}

std::string readable(std::string_view text, std::string_view continued) {
    std::string result;
    for (;;) {
        const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
        result += escaped(text.substr(0, end));
        if (end == text.size()) return result;
        result += text[end];
        if (text[end] == '\n') result += continued;
        text.remove_prefix(end + 1);
    }
}

std::size_t unfinished_bytes(std::string_view text) {
    const std::size_t most = std::min<std::size_t>(3, text.size());
    for (std::size_t bytes = 1; bytes <= most; ++bytes) {
        const auto lead = static_cast<unsigned char>(text[text.size() - bytes]);
        if ((lead & 0xC0) == 0x80) continue;  // not the first byte of a code point
        const auto length = static_cast<std::size_t>(std::countl_one(lead));
        const bool is_unfinished = length <= 4 && length > bytes;
        return is_unfinished ? bytes : 0;
    }
    return 0;
}

std::string hex(std::uint32_t value, int digits) {
    std::array<char, 16> buffer;
    std::snprintf(buffer.data(), buffer.size(), "%0*X", digits, static_cast<unsigned>(value));
    return buffer.data();
}

std::uint64_t hash_of(std::string_view bytes, std::uint64_t before) {
    std::uint64_t hash = before;
    for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
    return hash;
}

std::string digits_of(std::uint64_t hash) {
    return hex(static_cast<std::uint32_t>(hash >> 32), 8) +
           hex(static_cast<std::uint32_t>(hash), 8);
}

std::string hash_text(std::string_view bytes) { return digits_of(hash_of(bytes)); }

}  // namespace taper::examples

// Tensor files as their bytes, right or wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/scratch.hpp"

namespace taper::tests {

// The length of the header may lie.
inline std::string with_length(std::uint64_t length, const std::string& rest) {
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + rest;
}
inline std::string raw(const std::string& header, const std::string& data = "") {
    return with_length(header.size(), header + data);
}

// A tensor of 2^38 floats, more than any memory has: zeros, which take no room on the disk. others:
// entries of tensors without a number, each with its comma.
inline std::string enormous_file(const Scratch& scratch, const std::string& file,
                                 const std::string& name, const std::string& others = "") {
    const std::string entry =
        R"({"dtype":"F32","shape":[274877906944],"data_offsets":[0,1099511627776]})";
    const std::string bytes = raw("{" + others + "\"" + name + "\":" + entry + "}");
    const std::string path = scratch.file(file, bytes);
    std::filesystem::resize_file(path, bytes.size() + (std::uintmax_t{1} << 40));
    return path;
}

}  // namespace taper::tests

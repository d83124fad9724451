// Tensor files: what is saved comes back bit by bit, and what would not come back is not saved. Bad
// files: safetensors_refusals.cpp.
#include "core/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "core/io/file.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tensor_files.hpp"

using namespace taper;
using namespace std::string_literals;
using taper::tests::raw;
using taper::tests::refusal;
using taper::tests::same_bits;
using taper::tests::Scratch;

namespace {

template <class T> Array<T> counting(const Shape& shape, T first, T step) {
    auto array = empty<T>(shape);
    for (std::size_t i = 0; i < array.size(); ++i)
        array.data()[i] = static_cast<T>(first + static_cast<T>(i) * step);
    return array;
}

TensorFile every_kind() {
    const float inf = std::numeric_limits<float>::infinity();
    TensorFile file;
    file.tensors = {
        {"z.first", counting<float>({2, 3}, 0.5f, -1.25f)},
        {"bytes", counting<std::uint8_t>({3}, 0, 100)},  // what follows is not aligned
        {"double", counting<double>({1, 2, 1, 2}, 1e-300, 0.1)},
        {"scalar", full<float>({}, 3.5f)},
        {"empty", empty<double>({0})},
        {"empty with axes", empty<std::int64_t>({2, 0, 3})},
        {"integers", counting<std::int64_t>({2}, std::numeric_limits<std::int64_t>::min(), 1)},
        {"special",
         Array<float>{std::nanf("7"), inf, -inf, -0.0f, std::numeric_limits<float>::denorm_min()}},
        {"caf\u00E9 \"\\\n\0\U0001F600"s, full<std::int64_t>({}, -1)},
        {"", full<std::uint8_t>({1, 1}, 255)},
        {std::string(32, 'x'), full<std::uint8_t>(Shape(32, 1), 1)}};
    file.metadata = {{"", ""}, {"options", "{\"a\": \"\u00E9\"}\n"}, {"dtype", "F32"}};
    return file;
}

std::string save_refusal(const TensorFile& file) {
    const Scratch scratch;
    const std::string message = refusal([&] { save_safetensors(scratch.file("a", "old"), file); });
    CHECK(read_file(scratch.path("a")) == "old");
    return message.empty() ? "" : message.substr(scratch.path("a").size() + 2);
}

}  // namespace

TEST_CASE("safetensors: every type and shape comes back bit by bit, in order") {
    const Scratch scratch;
    const TensorFile file = every_kind();
    save_safetensors(scratch.path("a"), file);
    const TensorFile loaded = load_safetensors(scratch.path("a"));
    CHECK(loaded.path == scratch.path("a"));
    CHECK(loaded.metadata == file.metadata);
    REQUIRE(loaded.tensors.size() == file.tensors.size());
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
        const std::string& name = file.tensors[i].first;
        const Tensor& tensor = file.tensors[i].second;
        CAPTURE(name);
        CHECK(loaded.tensors[i].first == name);
        REQUIRE(loaded.tensors[i].second.index() == tensor.index());
        std::visit(
            [&](const auto& array) {
                using T = typename std::decay_t<decltype(array)>::value_type;
                CHECK(same_bits(loaded.get<T>(name), array));
                CHECK(shape_of(*loaded.find(name)) == array.shape());
            },
            tensor);
    }
}

TEST_CASE("safetensors: equal contents are equal bytes, of the documented form") {
    const Scratch scratch;
    save_safetensors(scratch.path("a"), every_kind());
    save_safetensors(scratch.path("b"), load_safetensors(scratch.path("a")));
    CHECK(read_file(scratch.path("a")) == read_file(scratch.path("b")));

    TensorFile file;
    file.tensors = {{"b", full<std::uint8_t>({2}, 'x')}, {"a", full<std::int64_t>({}, 258)}};
    file.metadata = {{"key", "text"}};
    save_safetensors(scratch.path("c"), file);
    const std::string header =
        R"({"__metadata__":{"key":"text"},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
        R"("a":{"dtype":"I64","shape":[],"data_offsets":[2,10]}})";
    const std::string padding((8 - header.size() % 8) % 8, ' ');
    CHECK(read_file(scratch.path("c")) == raw(header + padding, "xx\x02\x01\0\0\0\0\0\0"s));
}

TEST_CASE("safetensors: files of other writers") {
    const Scratch scratch;
    CHECK(load_safetensors(scratch.file("none", raw("{}"))).tensors.empty());
    CHECK(load_safetensors(scratch.file("padded", raw("{}  \n\t\r "))).tensors.empty());
    CHECK(load_safetensors(scratch.file("text", raw(R"({"__metadata__":{}})"))).metadata.empty());
    // In another order than the data, with spaces, escapes and another order of the fields, not a
    // multiple of 8.
    const std::string header =
        R"( "caf\u00e9" : {"data_offsets": [4, 8], "shape": [1], "dtype": "F32"},)"
        R"( "b": {"shape": [], "data_offsets": [0, 4], "dtype": "F32"},)"
        R"( "e": {"dtype": "F64", "shape": [3, 0], "data_offsets": [4, 4]} )";
    const TensorFile file =
        load_safetensors(scratch.file("other", raw("{" + header + "}", "\0\0\x80\x3F\0\0\0\x40"s)));
    REQUIRE(file.tensors.size() == 3);
    CHECK(file.tensors[0].first == "caf\u00E9");
    CHECK(file.get<float>("caf\u00E9") == Array<float>{2.0f});
    CHECK(file.get<float>("b")() == 1.0f);
    CHECK(file.get<double>("e").shape() == Shape{3, 0});
}

TEST_CASE("safetensors: a tensor is asked for by name and type") {
    TensorFile file;
    file.path = "m.safetensors";
    file.tensors = {{"a", full<float>({2}, 1.0f)}};
    CHECK(file.get<float>("a").shape() == Shape{2});
    CHECK(file.find("b") == nullptr);
    CHECK(refusal([&] { file.get<float>("b"); }) ==
          "m.safetensors: tensor b: the file must have it");
    CHECK(refusal([&] { file.get<double>("a"); }) ==
          "m.safetensors: tensor a: the dtype must be F64: F32");
    CHECK(refusal([&] { file.get<std::int64_t>("a"); }) ==
          "m.safetensors: tensor a: the dtype must be I64: F32");
    CHECK(refusal([&] { file.get<std::uint8_t>("a\n"); }) ==
          "m.safetensors: tensor a\\n: the file must have it");
}

TEST_CASE("safetensors: what would not load is not saved") {
    TensorFile file;
    file.tensors = {{"a", full<float>({}, 1.0f)}, {"a", full<float>({}, 1.0f)}};
    CHECK(save_refusal(file) == "tensor a: a name must stand only once");
    file.tensors = {{"__metadata__", full<float>({}, 1.0f)}};
    CHECK(save_refusal(file) == "tensor __metadata__: a name must stand only once");
    const std::string utf8 = "names and metadata must be valid UTF-8: ";
    file.tensors = {{"a\xFF", full<float>({}, 1.0f)}};
    CHECK(save_refusal(file).find(utf8) == 0);
    file.tensors = {{"a", full<float>(Shape(33, 1), 1.0f)}};
    CHECK(save_refusal(file) == "tensor a: shape must have at most 32 numbers");
    file.tensors.clear();
    file.metadata = {{"a", "\xC3"}};
    CHECK(save_refusal(file).find(utf8) == 0);
    file.metadata.clear();
    for (char first = 'a'; first < 'r'; ++first)  // each letter takes six in JSON
        file.tensors.emplace_back(first + std::string(1'000'000, '\x01'), full<float>({}, 1.0f));
    CHECK(save_refusal(file) == "the header must have at most 100000000 bytes");
}

TEST_CASE(
    "safetensors: a header of more than 8 MiB comes back, as one of a hundred thousand tensors "
    "is") {
    const Scratch scratch;
    TensorFile file;
    const int count = tests::unless_sanitized(120'000, 20'000);
    const std::string model(static_cast<std::size_t>(tests::unless_sanitized(10, 400)), 'm');
    for (int i = 0; i < count; ++i)
        file.tensors.emplace_back(model + std::to_string(i), Array<float>{static_cast<float>(i)});
    save_safetensors(scratch.path("a"), file);
    CHECK(std::filesystem::file_size(scratch.path("a")) > (8 << 20));
    const TensorFile loaded = load_safetensors(scratch.path("a"));
    REQUIRE(loaded.tensors.size() == file.tensors.size());
    CHECK(loaded.tensors.back().first == model + std::to_string(count - 1));
    CHECK(std::get<Array<float>>(loaded.tensors.back().second) ==
          Array<float>{static_cast<float>(count - 1)});
}

TEST_CASE("safetensors: a header that is not wanted is refused before any array takes memory") {
    const Scratch scratch;
    const std::string path = tests::enormous_file(scratch, "a", "w");
    std::vector<TensorClaim> seen;
    CHECK(refusal([&] {
              load_safetensors(path, [&](const std::vector<TensorClaim>& claims) {
                  seen = claims;
                  throw Error("not wanted");
              });
          }) == "not wanted");
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].name == "w");
    CHECK(seen[0].dtype == "F32");
    CHECK(seen[0].shape == Shape{std::size_t{1} << 38});
}

TEST_CASE("safetensors: a save that fails leaves the old file") {
    const Scratch scratch;
    CHECK_THROWS_AS(save_safetensors(scratch.path("missing/a"), every_kind()), std::system_error);
    CHECK(std::filesystem::is_empty(scratch.path("")));
}

// Bad tensor files: whatever is wrong with one is said in words, and nothing crashes, hangs or
// fills the memory.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "core/io/file.hpp"
#include "core/io/safetensors.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tensor_files.hpp"

using namespace taper;
using namespace std::string_literals;
using taper::tests::raw;
using taper::tests::refusal;
using taper::tests::Scratch;
using taper::tests::with_length;

namespace {

// The message of the Error that loading ends in, without the path, which it must begin with; ""
// where it loads.
std::string load_refusal(const std::string& path) {
    const std::string message = refusal([&] { load_safetensors(path); });
    if (message.empty()) return "";
    CHECK(message.starts_with(path + ": "));
    CHECK(message.find('\n') == std::string::npos);
    return message.substr(path.size() + 2);
}

std::string bytes_refusal(const std::string& bytes) {
    static const Scratch scratch;
    const std::string path = scratch.file("bad", bytes), message = load_refusal(path);
    std::filesystem::remove(path);  // to write a file again may wait for the disk
    return message;
}

// A header of one tensor called a, and what is said of it with four bytes of data.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
}
std::string one_refusal(const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return bytes_refusal(raw(one(dtype, shape, offsets), "abcd"));
}

TensorFile small_file() {
    TensorFile file;
    file.tensors = {{"b\"\u00E9", full<float>({2, 1}, 1)},
                    {"a", empty<double>({0, 3})},
                    {"c", full<std::uint8_t>({}, 1)}};
    file.metadata = {{"k", "\u2581"}};
    return file;
}

}  // namespace

TEST_CASE("safetensors: no part of a file is taken for the whole") {
    const Scratch scratch;
    save_safetensors(scratch.path("a"), small_file());
    const std::string good = read_file(scratch.path("a"));
    CHECK(bytes_refusal(good) == "");
    std::size_t accepted = 0;
    for (std::size_t n = 0; n < good.size(); ++n)
        accepted += bytes_refusal(good.substr(0, n)).empty();
    CHECK(accepted == 0);
    CHECK(bytes_refusal(good + "\0"s) == "the tensors must fill the data: 9 of 10 bytes");
}

TEST_CASE("safetensors: a length of the header that makes no sense") {
    const std::string rule =
        "a safetensors file must begin with the length of its header, 2 to 100000000 and within "
        "the file: ";
    CHECK(bytes_refusal(with_length(0, "{}")) == rule + "0, file of 10 bytes");
    CHECK(bytes_refusal(with_length(1, "{}")) == rule + "1, file of 10 bytes");
    CHECK(bytes_refusal(with_length(3, "{}")) == rule + "3, file of 10 bytes");
    CHECK(bytes_refusal(with_length(std::uint64_t{1} << 63, "{}")) ==
          rule + "9223372036854775808, file of 10 bytes");
    CHECK(bytes_refusal(with_length(~std::uint64_t{0}, "{}")) ==
          rule + "18446744073709551615, file of 10 bytes");
    CHECK(bytes_refusal("\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s).find(rule) == 0);
    CHECK(bytes_refusal("{}") == rule + "0, file of 2 bytes");

    const Scratch scratch;
    const auto zeros_refusal = [&](std::uint64_t length) {  // the bound is exact
        const std::string path = scratch.file("sparse", with_length(length, "{}"));
        std::filesystem::resize_file(path, 200'000'000);
        return load_refusal(path);
    };
    CHECK(zeros_refusal(100'000'000) == "the header must have no zero byte");
    CHECK(zeros_refusal(100'000'001) == rule + "100000001, file of 200000000 bytes");
}

TEST_CASE("safetensors: a header that is no JSON") {
    CHECK(bytes_refusal(raw("[]")) == "the header must begin with {");
    CHECK(bytes_refusal(raw(" {}")) == "the header must begin with {");
    CHECK(bytes_refusal(raw("\xEF\xBB\xBF{}")) == "the header must begin with {");
    CHECK(bytes_refusal(raw("{}\0garbage"s)) == "the header must have no zero byte");
    CHECK(bytes_refusal(raw("{} x")) == "the header must be JSON: byte 3");
    CHECK(bytes_refusal(raw("{}{}")) == "the header must be JSON: byte 2");
    const std::string rule = "the header must be JSON: byte ";
    for (const char* bad :
         {"{ ", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":{", "{,}", "{1:{}}", "{'a':{}}", "{}//",
          "{\"\xFF\":{}}", "{\"\\ud800\":{}}", "{\"\\x\":{}}", "{\"a\nb\":{}}"}) {
        CAPTURE(bad);
        CHECK(bytes_refusal(raw(bad)).find(rule) == 0);
    }
    for (const char* number : {"01", "1.", "+1", "1e", ".5", "0x1", "--1", "1 1", "1,", "1e999"}) {
        CAPTURE(number);
        CHECK(one_refusal("\"F32\"", "["s + number + "]", "[0,4]").find(rule) == 0);
    }
    CHECK(bytes_refusal(
              raw(one("\"U8\"", "[0]", "[0,0]").insert(1, "\"b\":" + std::string(100, '[')))) ==
          "tensor b: it must be an object: a list");
    for (const char* deep : {"[", "{\"b\":", "[{\"b\":"}) {  // a million levels
        std::string levels;
        while (levels.size() < 5'000'000) levels += deep;
        CAPTURE(deep);
        CHECK(bytes_refusal(raw("{\"a\":" + levels)).starts_with("tensor a: "));
        CHECK(bytes_refusal(raw("{\"a\":{\"shape\":" + levels))
                  .starts_with("tensor a: shape must be a list"));
        CHECK(bytes_refusal(raw("{\"__metadata__\":{\"a\":" + levels))
                  .starts_with("tensor __metadata__: the value of a"));
    }
}

TEST_CASE("safetensors: an entry with a field of the wrong kind") {
    CHECK(one_refusal("\"F32\"", "[1]", "[0,4]") == "");
    CHECK(one_refusal("\"F16\"", "[2]", "[0,4]") ==
          "tensor a: the dtype must be F32, F64, I64 or U8: F16");
    CHECK(one_refusal("\"f32\\n\"", "[1]", "[0,4]") ==
          "tensor a: the dtype must be F32, F64, I64 or U8: f32\\n");
    CHECK(one_refusal("32", "[1]", "[0,4]") == "tensor a: the dtype must be text: 32");
    CHECK(one_refusal("[\"F32\"]", "[1]", "[0,4]") == "tensor a: the dtype must be text: a list");

    const std::string whole = " must be a list of whole numbers from 0 to 2^64 - 1: ";
    const auto shape = [](const std::string& text) {
        return one_refusal("\"F32\"", text, "[0,4]");
    };
    const auto offsets = [](const std::string& text) {
        return one_refusal("\"F32\"", "[1]", text);
    };
    for (const char* bad :
         {"-1", "1.0", "1.5", "1e0", "18446744073709551616", "\"1\"", "null", "true", "false"}) {
        CHECK(shape("["s + bad + "]") == "tensor a: shape" + whole + bad);
        CHECK(shape("[1,"s + bad + "]") == "tensor a: shape" + whole + bad);
        CHECK(shape(bad) == "tensor a: shape" + whole + bad);
        CHECK(offsets("[0,"s + bad + "]") == "tensor a: data_offsets" + whole + bad);
    }
    CHECK(shape("1") == "tensor a: shape" + whole + "1");
    CHECK(shape("[[1]]") == "tensor a: shape" + whole + "a list");
    CHECK(shape("[{}]") == "tensor a: shape" + whole + "an object");
    CHECK(shape("{}") == "tensor a: shape" + whole + "an object");
    CHECK(offsets("[]") == "tensor a: data_offsets must be two numbers: 0");
    CHECK(offsets("[4]") == "tensor a: data_offsets must be two numbers: 1");
    CHECK(offsets("[0,4,4]") == "tensor a: data_offsets must be two numbers: 3");
    std::string axes = "[1";
    for (int i = 1; i < 32; ++i) axes += ",1";
    CHECK(shape(axes + "]") == "");
    CHECK(shape(axes + ",1]") == "tensor a: shape must have at most 32 numbers");

    CHECK(bytes_refusal(raw(R"({"a":5})")) == "tensor a: it must be an object: 5");
    CHECK(bytes_refusal(raw(R"({"a\nb":null})")) == "tensor a\\nb: it must be an object: null");
    CHECK(bytes_refusal(raw(R"({"__metadata__":"a"})")) ==
          "tensor __metadata__: it must be an object: \"a\"");
    CHECK(bytes_refusal(raw(R"({"__metadata__":{"a":1}})")) ==
          "tensor __metadata__: the value of a must be text: 1");
    CHECK(bytes_refusal(raw(R"({"__metadata__":{"a":{}}})"))
              .ends_with("the value of a must be text: an object"));
}

TEST_CASE("safetensors: what a header holds is shown cut where it is long") {
    const std::string whole(5000, 'x'), shown = std::string(60, 'x') + "...";
    const std::string fields = "the fields must be dtype, shape and data_offsets, once each: ";
    CHECK(bytes_refusal(raw("{\"" + whole + "\":5}")) ==
          "tensor " + shown + ": it must be an object: 5");
    CHECK(one_refusal("\"" + whole + "\"", "[1]", "[0,4]") ==
          "tensor a: the dtype must be F32, F64, I64 or U8: " + shown);
    CHECK(bytes_refusal(raw("{\"a\":{\"" + whole + "\":1}}")) == "tensor a: " + fields + shown);
    CHECK(bytes_refusal(raw("{\"__metadata__\":{\"" + whole + "\":1}}")) ==
          "tensor __metadata__: the value of " + shown + " must be text: 1");
    const std::string twice = "\"" + whole + "\":\"\"";
    CHECK(bytes_refusal(raw("{\"__metadata__\":{" + twice + "," + twice + "}}")) ==
          "tensor __metadata__: a key must stand only once: " + shown);
}

TEST_CASE("safetensors: every field is there, and once") {
    const std::string fields =
        "tensor a: the fields must be dtype, shape and data_offsets, once each: ";
    CHECK(bytes_refusal(raw(R"({"a":{}})")) == fields + "there is no data_offsets");
    CHECK(bytes_refusal(raw(R"({"a":{"dtype":"U8","shape":[0]}})")) ==
          fields + "there is no data_offsets");
    CHECK(bytes_refusal(raw(R"({"a":{"dtype":"U8","data_offsets":[0,0]}})")) ==
          fields + "there is no shape");
    CHECK(bytes_refusal(raw(R"({"a":{"shape":[0],"data_offsets":[0,0]}})")) ==
          fields + "there is no dtype");
    CHECK(bytes_refusal(raw(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})")) ==
          fields + "x");
    CHECK(bytes_refusal(
              raw(R"({"a":{"shape":[0],"dtype":"U8","shape":[0],"data_offsets":[0,0]}})")) ==
          fields + "shape");

    const std::string entry = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    const std::string b = ",\"b\":" + entry;
    CHECK(bytes_refusal(raw("{\"a\":" + entry + b + "}")) == "");
    CHECK(bytes_refusal(raw("{\"a\":" + entry + b + ",\"\\u0061\":" + entry + "}")) ==
          "tensor a: a name must stand only once");
    CHECK(bytes_refusal(raw(R"({"__metadata__":{"k":"1","l":"2"}})")) == "");
    CHECK(bytes_refusal(raw(R"({"__metadata__":{"k":"1","l":"2","k":"1"}})")) ==
          "tensor __metadata__: a key must stand only once: k");
    CHECK(bytes_refusal(raw(R"({"__metadata__":{},"__metadata__":{}})")) ==
          "tensor __metadata__: a name must stand only once");
}

TEST_CASE("safetensors: offsets and shapes that contradict each other") {
    const auto f32 = [](const std::string& shape, const std::string& offsets) {
        return one_refusal("\"F32\"", shape, offsets);
    };
    CHECK(f32("[1]", "[4,0]") ==
          "tensor a: data must lie in the 4 bytes after the header: data_offsets (4,0)");
    CHECK(f32("[2]", "[0,8]") ==
          "tensor a: data must lie in the 4 bytes after the header: data_offsets (0,8)");
    CHECK(f32("[2]", "[18446744073709551612,4]").find("tensor a: data must lie in the 4 bytes") ==
          0);
    CHECK(f32("[2]", "[0,4]") ==
          "tensor a: data must have the size of F32 (2): data_offsets (0,4)");
    CHECK(f32("[0]", "[0,4]") ==
          "tensor a: data must have the size of F32 (0): data_offsets (0,4)");
    CHECK(f32("[]", "[0,0]") == "tensor a: data must have the size of F32 (): data_offsets (0,0)");
    CHECK(f32("[]", "[0,4]") == "");
    CHECK(f32("[0]", "[0,0]") == "the tensors must fill the data: 0 of 4 bytes");
    for (const char* shape :
         {"[4294967296,4294967296]", "[0,4294967296,4294967296]", "[4294967296,4294967296,0]",
          "[4611686018427387904]", "[4611686018427387905]", "[18446744073709551615]",
          "[2,9223372036854775808]", "[0,18446744073709551615]"}) {
        CAPTURE(shape);  // the products wrap to 0 or 4 bytes, or the strides would
        CHECK(f32(shape, "[0,0]").find("tensor a: data must have the size of F32 (") == 0);
        CHECK(f32(shape, "[0,4]").find("tensor a: data must have the size of F32 (") == 0);
    }
    CHECK(bytes_refusal(raw(one("\"U8\"", "[0,9223372036854775807]", "[0,0]"))) ==
          "");  // the widest that is none of these
    CHECK(bytes_refusal(raw(one("\"U8\"", "[0,9223372036854775808]", "[0,0]"))) != "");

    const auto two = [](const std::string& a, const std::string& b) {
        const std::string entry = R"({"dtype":"U8","shape":[2],"data_offsets":)";
        return bytes_refusal(raw("{\"a\":" + entry + a + "},\"b\":" + entry + b + "}}", "abcd"));
    };
    const std::string follow = "data must begin where the data before it ends, at ";
    CHECK(two("[0,2]", "[2,4]") == "");
    CHECK(two("[2,4]", "[0,2]") == "");
    CHECK(two("[0,2]", "[1,3]") == "tensor b: " + follow + "2: data_offsets (1,3)");
    CHECK(two("[0,2]", "[0,2]") == "tensor b: " + follow + "2: data_offsets (0,2)");
    CHECK(two("[1,3]", "[2,4]") == "tensor a: " + follow + "0: data_offsets (1,3)");
    const std::string gap = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})";
    CHECK(bytes_refusal(raw(gap, "abcd")) == "tensor b: " + follow + "1: data_offsets (2,4)");
    CHECK(bytes_refusal(raw(one("\"U8\"", "[2]", "[0,2]"), "abcd")) ==
          "the tensors must fill the data: 2 of 4 bytes");
}

TEST_CASE("safetensors: what is no file of tensors at all") {
    const Scratch scratch;
    CHECK(load_refusal("/dev/zero") == "the file must be a regular file: it is a device");
    CHECK(load_refusal(scratch.path("")) == "the file must be a regular file: it is a directory");
    CHECK(load_refusal(scratch.path("none")) ==
          "the file must exist and be readable: No such file or directory");
    // says it has no bytes
    CHECK(load_refusal("/proc/self/mem").find("a safetensors file must begin") == 0);
}

TEST_CASE("safetensors: a mangled header loads or is refused, never worse") {
    const Scratch scratch;
    save_safetensors(scratch.path("a"), small_file());
    const std::string good = read_file(scratch.path("a"));
    const std::size_t end = good.size() - 9;  // of the header; then come 9 bytes of data
    std::size_t loaded = 0;
    const auto probe = [&](const std::string& bytes) {
        if (!bytes_refusal(bytes).empty()) return;
        ++loaded;
        CHECK(nlohmann::json::parse(bytes.substr(8, end - 8), nullptr, false).is_object());
    };
    for (std::size_t i = 0; i < end; ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bytes = good;
            bytes[i] = static_cast<char>(bytes[i] ^ 1 << bit);
            probe(bytes);
        }
    }
    std::mt19937 random(1);
    const std::string letters = "{}[]\",:0123456789-.eE\\u \n\0\xFF"s;
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = good;
        for (auto n = 1 + random() % 4; n > 0; --n)
            bytes[8 + random() % (end - 8)] = letters[random() % letters.size()];
        probe(bytes);
    }
    CHECK(loaded > 10);  // names and text may become others
}

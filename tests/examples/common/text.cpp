// Reading text: what comes in as it is, what is refused and in which words.
#include "examples/common/text.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "tests/support/scratch.hpp"

using namespace taper::examples;
using namespace std::string_literals;
using taper::tests::Scratch;

namespace {

std::string refusal_of_text(const std::string& path, Encoding encoding) {
    return taper::tests::refusal([&] { read_text(path, encoding); });
}

std::string broken(const std::string& path, int offset, const std::string& byte) {
    return path + ": the text must be valid UTF-8: byte offset " + std::to_string(offset) + " is " +
           byte + " (--tokenizer byte takes any bytes)";
}

}  // namespace

TEST_CASE("text: the bytes of a file come as they are") {
    const Scratch scratch;
    const std::string bytes = "a\r\nb\rc\n\n  \t\0 \u00E9\u2581\U0001F600"s;
    for (const Encoding encoding : {Encoding::utf8, Encoding::bytes}) {
        const Text text = read_text(scratch.file("a.txt", bytes), encoding);
        CHECK(text.bytes == bytes);
        CHECK(text.path == scratch.path("a.txt"));
    }
    const std::string any = "it\x92s \xFF\xC0"s;
    CHECK(read_text(scratch.file("any", any), Encoding::bytes).bytes == any);
    const std::string large(300'001, 'x');  // more than one block
    CHECK(read_text(scratch.file("large", large), Encoding::utf8).bytes == large);
}

TEST_CASE("text: a byte order mark is dropped, once, from bytes too") {
    const Scratch scratch;
    const std::string path = scratch.file("bom.txt", "\uFEFFa\uFEFFb");
    CHECK(read_text(path, Encoding::utf8).bytes == "a\uFEFFb");
    CHECK(read_text(path, Encoding::bytes).bytes == "a\uFEFFb");
    CHECK(read_text(scratch.file("twice.txt", "\uFEFF\uFEFFa"), Encoding::utf8).bytes == "\uFEFFa");
}

TEST_CASE("text: bytes that are not UTF-8 are named, with their place in the file") {
    const Scratch scratch;
    const std::string good(5000, 'g');
    const std::string path = scratch.path("bad.txt");

    scratch.file("bad.txt", good + "it\x92s" + good);
    CHECK(refusal_of_text(path, Encoding::utf8) == broken(path, 5002, "0x92"));
    scratch.file("bad.txt", "\uFEFF" + good + "\x92");
    CHECK(refusal_of_text(path, Encoding::utf8) == broken(path, 5003, "0x92"));  // the mark counts

    const std::vector<std::pair<std::string, std::string>> bad = {
        {"\xC0\xAF", "0xC0"},
        {"\xE0\x80\xAF", "0xE0"},
        {"\xF0\x82\x82\xAC", "0xF0"},  // overlong
        {"\xC1\xBF", "0xC1"},
        {"\xE0\x9F\xBF", "0xE0"},
        {"\xF0\x8F\xBF\xBF", "0xF0"},
        {"\xED\xA0\x80", "0xED"},
        {"\xED\xBF\xBF", "0xED"},  // surrogates
        {"\xF4\x90\x80\x80", "0xF4"},
        {"\xF8\x88\x80\x80\x80", "0xF8"},  // beyond U+10FFFF
        {"\xC3", "0xC3"},
        {"\xE2\x82", "0xE2"},
        {"\xF0\x9F\x98", "0xF0"},  // cut short
        {"\xE2\x82" + "a"s, "0xE2"},
        {"\x80", "0x80"},
        {"\xFF\xFE" + "a"s, "0xFF"},
    };
    for (const auto& [bytes, byte] : bad) {
        scratch.file("bad.txt", "\u00E9" + bytes);
        CHECK(refusal_of_text(path, Encoding::utf8) == broken(path, 2, byte));
        CHECK(refusal_of_text(path, Encoding::bytes) == "");
    }
}

TEST_CASE("text: a file that is not there, is none, or is empty") {
    const Scratch scratch;
    for (const Encoding encoding : {Encoding::utf8, Encoding::bytes}) {
        const std::string missing = scratch.path("missing.txt");
        CHECK(refusal_of_text(missing, encoding) ==
              missing + ": the file must exist and be readable: No such file or directory");
        CHECK(refusal_of_text(scratch.path(""), encoding) ==
              scratch.path("") + ": a file is needed: it is a directory");
        CHECK(refusal_of_text("/dev/zero", encoding) ==
              "/dev/zero: a file is needed: it is a device");
        const std::string empty = scratch.file("empty.txt", "");
        CHECK(refusal_of_text(empty, encoding) == empty + ": the text must not be empty");
    }
    const std::string mark = scratch.file("mark.txt", "\uFEFF");
    CHECK(refusal_of_text(mark, Encoding::utf8) == mark + ": the text must not be empty");

    const std::string secret = scratch.file("secret.txt", "a");
    std::filesystem::permissions(secret, std::filesystem::perms::none);
    if (geteuid() != 0)
        CHECK(refusal_of_text(secret, Encoding::utf8) ==
              secret + ": the file must exist and be readable: Permission denied");
}

TEST_CASE("text: a failure half way is the system's") {
    if (!std::filesystem::exists("/proc/self/mem")) return;  // opens, and fails at the first read
    try {
        read_text("/proc/self/mem", Encoding::bytes);
        FAIL("no error");
    } catch (const std::system_error& error) {
        CHECK(std::string(error.what()).starts_with("/proc/self/mem: "));
        CHECK(error.code() == std::errc::io_error);
    }
}

TEST_CASE("text: a pipe will do") {
    const Scratch scratch;
    const std::string path = scratch.path("pipe");
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    std::thread writer([&] { std::ofstream(path) << std::string(200'000, 'p'); });
    CHECK(read_text(path, Encoding::utf8).bytes == std::string(200'000, 'p'));
    writer.join();
}

TEST_CASE("text: the alphabet is in the order of code points") {
    const std::vector<Text> texts = {{"a", "b\u00E9a\n\U0001F600"}, {"b", "\uFFFDa\u2581"}};
    CHECK(alphabet_of(texts) ==
          std::vector<std::string>{"\n", "a", "b", "\u00E9", "\u2581", "\uFFFD", "\U0001F600"});
}

TEST_CASE("text: what people are shown of lines and of numbers") {
    CHECK(readable("a\n\u202Eb", "  ") == "a\n  \\xE2\\x80\\xAEb");
    CHECK(hex(0xA7, 4) == "00A7");
    CHECK(hex(0x1F600, 4) == "1F600");
    CHECK(hex(0x9, 2) == "09");
}

TEST_CASE("text: the hash is FNV-1a") {
    CHECK(hash_of("") == 0xCBF29CE484222325u);
    CHECK(hash_of("a") == 0xAF63DC4C8601EC8Cu);
    CHECK(hash_of("foobar") == 0x85944171F73967E8u);
    CHECK(hash_of("\xFF") == 0xAF64724C8602EB6Eu);
    CHECK(hash_text("a") == "AF63DC4C8601EC8C");
}

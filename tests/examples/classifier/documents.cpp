// Labelled documents as they are read: lines of a file, and files in folders.
#include "examples/classifier/documents.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/scratch.hpp"

using namespace taper::tests;
using namespace taper::examples;

namespace {

std::vector<std::string> spelled(const Documents& read) {
    std::vector<std::string> lines;
    for (const Document& d : read.documents) lines.push_back(d.label + "|" + d.text);
    return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("documents: a line is label, tab, and all that follows, and quotes are letters") {
    const Scratch scratch;
    const std::string path = scratch.file("a.tsv",
                                          "a\t\"x\n"
                                          "b\the said \"no\n"
                                          "a\tone\ttwo\t\n"
                                          "b c\t \r\n"
                                          "\"d\"\tx\ry\r\r\n"
                                          "e\tlast");
    const Documents read = read_documents(path, Encoding::utf8);
    CHECK(spelled(read) ==
          Lines{"a|\"x", "b|he said \"no", "a|one\ttwo\t", "b c| ", "\"d\"|x\ry\r", "e|last"});
    CHECK(read.documents[4].place == path + ":5");
    CHECK(read.notices.empty());
    CHECK(class_names_of(read.documents) == Lines{"\"d\"", "a", "b", "b c", "e"});
}

TEST_CASE("documents: a byte order mark and blank lines at the end belong to no document") {
    const Scratch scratch;
    const std::string mark = "\xEF\xBB\xBF";
    for (const std::string end : {"", "\n", "\r\n", "\n\n\n", "\r\n\r\n"}) {
        const std::string path = scratch.file("a.tsv", mark + "a\tx\nb\ty" + end);
        CHECK(spelled(read_documents(path, Encoding::utf8)) == Lines{"a|x", "b|y"});
    }
    const std::string longest(1 << 20, 'x');
    const std::string path = scratch.file("a.tsv", "a\t" + longest + "\nb\ty\n");
    CHECK(read_documents(path, Encoding::utf8).documents[0].text == longest);
}

TEST_CASE("documents: a faulty line is named by file and line") {
    const Scratch scratch;
    const auto message = [&](const std::string& bytes, Encoding encoding = Encoding::utf8) {
        const std::string path = scratch.file("a.tsv", bytes);
        const std::string text = refusal([&] { read_documents(path, encoding); });
        CHECK(text.starts_with(path + ":"));
        return text.substr(path.size() + 1);
    };
    const std::string no_tab = ": a line must be label, tab, text: there is no tab: '";
    CHECK(message("a\tx\nno tab\n") == "2" + no_tab + "no tab'");
    CHECK(message("a\tx\n\nb\ty\n") == "2" + no_tab + "'");
    CHECK(message("a\tx\n\r\nb\ty\n") == "2" + no_tab + "'");
    CHECK(message("a\tx\n" + std::string(1000, 'y')) ==
          "2" + no_tab + std::string(60, 'y') + "...'");
    CHECK(message("a\tx\nb\t\n") == "2: the text behind the tab must not be empty");
    CHECK(message("a\tx\nb\t\r\nc\tz\n") == "2: the text behind the tab must not be empty");
    CHECK(message("a\tx\n\ty") == "2: a label must not be empty: ''");
    CHECK(message("a\xFF\tx", Encoding::bytes) == "1: a label must be UTF-8: 'a\\xFF'");
    CHECK(contains(message("a\tx\xFF"), "byte offset 3 is 0xFF"));
    CHECK(message("\n\n") == " there must be a document: there is none");
    CHECK(contains(message(""), "must not be empty"));
    const std::string path = scratch.file("a.tsv", "a\tx\xFF");
    CHECK(spelled(read_documents(path, Encoding::bytes)) == Lines{"a|x\xFF"});
}

TEST_CASE("documents: a folder is a class and a file in it a document, by their names") {
    const Scratch scratch;
    const std::string root = scratch.path("");
    for (const char* folder : {"10", "2", "1", "empty", ".git", "1/inner"})
        std::filesystem::create_directory(scratch.path(folder));
    // written in another order than that of their names
    for (const char* file : {"2/b", "10/x", "1/z", "2/a", ".git/x", "readme", "1/.hidden"})
        scratch.file(file, std::string("text of ") + file + "\n");
    const Documents read = read_documents(root, Encoding::utf8);
    CHECK(spelled(read) ==
          Lines{"1|text of 1/z\n", "10|text of 10/x\n", "2|text of 2/a\n", "2|text of 2/b\n"});
    CHECK(class_names_of(read.documents) == Lines{"1", "10", "2"});
    CHECK(read.documents[2].place.ends_with("2/a"));
    REQUIRE(read.notices.size() == 2);
    CHECK(contains(read.notices[0], "empty: no class: the folder has no document"));
    CHECK(contains(read.notices[1], "4 entries left out"));  // .git, readme, 1/.hidden, 1/inner
    CHECK(classes_text(read.documents) == "'1' 1 document, '10' 1 document, '2' 2 documents");
    scratch.file("2/c", "");
    CHECK(contains(refusal([&] { read_documents(root, Encoding::utf8); }),
                   "2/c: the text must not be empty"));
    scratch.file("2/c", "x\xFF");
    CHECK(contains(refusal([&] { read_documents(root, Encoding::utf8); }),
                   "2/c: the text must be valid UTF-8"));
    CHECK(contains(refusal([&] { read_documents(scratch.path("none"), Encoding::utf8); }),
                   "must exist"));
}

TEST_CASE("documents: a class that is not known is named with its place") {
    const std::vector<Document> documents{{"a", "x", "f:1"}, {"z", "y", "f:2"}};
    const std::vector<std::string> names{"a", "b"};
    CHECK(refusal([&] { require_known_classes(documents, names); }) ==
          "f:2: every class of --test must be one of --train: 'z': --train has 'a', 'b'");
    CHECK(class_of(documents[0], names) == 0);
    std::vector<std::string> many{"a "};  // the space is seen
    for (char letter = 'b'; letter <= 'm'; ++letter) many.push_back({letter});
    CHECK(contains(
        refusal([&] { require_known_classes(documents, many); }),
        ": 'a': --train has 'a ', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j' and 3 more"));
    std::vector<Document> classes;
    for (const std::string& name : many) classes.push_back({name, "x", ""});
    CHECK(classes_text(classes).ends_with(", 'm' 1 document"));
    for (int i = 0; i < 9; ++i) classes.push_back({"n" + std::to_string(i), "x", ""});
    CHECK(classes_text(classes).ends_with(", 'n6' 1 document and 2 more"));
}

TEST_CASE("documents: folders that are no classes are refused with what was left out") {
    const Scratch scratch;
    const std::string root = scratch.path("all");
    std::filesystem::create_directories(root + "/train/good");
    const std::string file = scratch.file("all/train/good/1", "x");
    const auto message = [](const std::string& path) {
        return refusal([&] { read_documents(path, Encoding::utf8); });
    };
    const std::string rule = ": there must be a folder for each class with documents in it: ";
    for (const std::string& path : {root, root + "/train/good"})
        CHECK(message(path) == path + rule + path + " has none: 1 entry left out");
    scratch.file("all/readme", "x");
    CHECK(message(root) == root + rule + root + " has none: 2 entries left out");
    CHECK(read_documents(root + "/train", Encoding::utf8).documents[0].place == file);
}

TEST_CASE("documents: their hash is another for each change") {
    const std::vector<Document> documents{{"a", "x", "f:1"}, {"b", "yz", "f:2"}};
    std::vector<Document> moved = documents;
    moved[0].place = "g:7";
    CHECK(hash_of(documents) == hash_of(moved));
    const std::vector<std::vector<Document>> others{{{"a", "x", ""}},
                                                    {{"b", "x", ""}, {"b", "yz", ""}},
                                                    {{"a", "xy", ""}, {"b", "z", ""}},
                                                    {{"ax", "", ""}, {"b", "yz", ""}},
                                                    {{"b", "yz", ""}, {"a", "x", ""}}};
    for (const auto& other : others) CHECK(hash_of(other) != hash_of(documents));
}

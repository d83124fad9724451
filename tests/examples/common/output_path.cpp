// Where a program is to write: what is refused before its work, and that asking makes nothing.
#include "examples/common/output_path.hpp"

#include "tests/support/programs.hpp"

using namespace taper::tests;
using namespace taper::examples;

namespace {

struct Places {
    Scratch scratch;
    std::string long_name = std::string(300, 'x');
    std::string loop = scratch.path("loop");
    std::string dangling = scratch.path("dangling");

    Places() {
        std::filesystem::create_symlink(loop, loop);
        std::filesystem::create_symlink(scratch.path("nowhere"), dangling);
    }
    std::string file(const std::string& path) const {
        return refusal([&] { check_output_file("--out", path); });
    }
    std::string directory(const std::string& path) const {
        return refusal([&] { check_output_directory("--out", path); });
    }
};

}  // namespace

TEST_CASE("output: a file that the system cannot name or reach is refused, with its reason") {
    const Places places;
    const std::string rule = "--out: the file must be one to write to: ";
    const std::string too_long = places.scratch.path(places.long_name);
    CHECK(places.file(too_long) == rule + too_long + ": File name too long");
    CHECK(places.file(places.loop) == rule + places.loop + ": Too many levels of symbolic links");
    CHECK(places.file(places.loop + "/file") ==
          rule + places.loop + "/file: Too many levels of symbolic links");
    CHECK(places.file(places.dangling).empty());  // write_file makes what it leads to
    CHECK(places.file(places.scratch.path("file")).empty());
    CHECK(places.file("/dev/null").empty());
    CHECK(places.file(places.scratch.path("no/file")) ==
          "--out: the file must be in a directory that exists: " + places.scratch.path("no/file"));
    CHECK(places.file(places.scratch.path("")) ==
          "--out: the file must not be a directory: " + places.scratch.path(""));
    for (const std::string& path : {too_long, places.loop}) {
        const Result result =
            run("cost", {"--lengths", "16", "--tokens", "16", "--k", "4", "--out", path});
        check_refused(result, {"cost: " + rule + path});
        CHECK(result.out.empty());
    }
}

TEST_CASE("output: a directory that cannot be made is refused, with its reason") {
    const Places places;
    const auto refused = [&](const std::string& path, const std::string& reason) {
        CHECK(places.directory(path) ==
              "--out: the directory must be writable: " + path + ": " + reason);
    };
    const Scratch& scratch = places.scratch;
    scratch.file("file", "mine");
    refused(places.dangling, "a link to nowhere");
    refused(places.dangling + "/below", "a link to nowhere");
    refused(places.loop, "Too many levels of symbolic links");
    refused(scratch.path(places.long_name), "File name too long");
    refused(scratch.path("new/" + places.long_name), "File name too long");
    refused(scratch.path("new/" + places.long_name + "/below"), "File name too long");
    refused(scratch.path("aa/../bb"), "No such file or directory");
    refused(scratch.path("file/below"), "Not a directory");
    const std::string name(255, 'x');  // the longest that file systems take
    for (const char* path : {"a/b/c", "slash/", "a//b/.", ".."})
        CHECK(places.directory(scratch.path(path)).empty());
    CHECK(places.directory(scratch.path("new/" + name)).empty());
}

TEST_CASE("output: a run directory is refused before the text is read, and nothing is left of it") {
    const Scratch scratch;
    const std::string dangling = scratch.path("dangling");
    std::filesystem::create_symlink(scratch.path("nowhere"), dangling);
    const auto before = directory_contents(scratch.path(""));
    for (const std::string& path :
         {dangling, scratch.path("new/" + std::string(300, 'x')), scratch.path("aa/../bb")}) {
        const Result result = train({"--text", scratch.path("no text"), "--out", path});
        check_refused(result, {"train_mlm: --out: the directory must be writable: " + path + ": "});
        CHECK(result.out.empty());
    }
    CHECK(directory_contents(scratch.path("")) == before);
}

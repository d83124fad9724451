// train_mlm and fill_mask on texts of every kind.
#include <sys/stat.h>

#include <string>

#include "tests/support/programs.hpp"

using namespace taper::tests;
using nlohmann::json;

TEST_CASE("programs text: a byte that is not UTF-8 is named with its file and offset") {
    const Scratch scratch;
    const std::string good = scratch.file("good.txt", prose(5000)), out = scratch.path("out");
    const std::string bad = scratch.file("bad.txt", prose(5000) + "it\x92s" + prose(5000));
    for (const char* tokenizer : {"char", "bpe"})
        for (const Arguments& texts :
             {Arguments{"--text", bad}, Arguments{"--text", good, "--text", bad}}) {
            check_refused(
                train(small_run() + texts + Arguments{"--tokenizer", tokenizer, "--out", out}),
                {bad, "byte offset 5002", "0x92", "UTF-8"});
            CHECK(!std::filesystem::exists(out));
        }
    CHECK(
        train(small_run() + Arguments{"--tokenizer", "byte", "--text", bad, "--out", out}).status ==
        0);
}

TEST_CASE("programs text: a byte order mark is dropped, CRLF is kept") {
    const Scratch scratch;
    const std::string text = prose(3000);
    std::string crlf;
    for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const auto files_after = [&](const std::string& name, const std::string& contents,
                                 const Arguments& options = {}) {
        const std::string out = scratch.path(name), file = scratch.file(name + ".txt", contents);
        CHECK(train(small_run() + Arguments{"--text", file, "--out", out} + options).status == 0);
        return std::pair(json::parse(file_contents(out + "/tokenizer.json")),
                         file_contents(out + "/model.safetensors"));
    };
    const auto plain = files_after("plain", text);
    CHECK(files_after("mark", "\xEF\xBB\xBF" + text) == plain);
    const Arguments bytes{"--tokenizer", "byte", "--eval-every", "0"};
    CHECK(files_after("bytes", text, bytes) ==
          files_after("marked_bytes", "\xEF\xBB\xBF" + text, bytes));
    std::string with_return = plain.first["characters"];
    with_return.insert(with_return.find('\n') + 1, "\r");
    CHECK(files_after("crlf", crlf).first["characters"] == with_return);
    CHECK(contains(run("train_mlm", {"--help"}).out, "CRLF is kept"));
}

TEST_CASE("programs text: a text of one character") {
    const Scratch scratch;
    const std::string out = scratch.path("out");
    const std::string text = scratch.file("a.txt", std::string(5000, 'a'));
    const Arguments arguments =
        small_model() + Arguments{"--steps", "300", "--threads", "1", "--text", text};
    CHECK(run("train_mlm", arguments + Arguments{"--out", out}).status == 0);
    CHECK(metrics_of(out).back()["loss"] < 0.05);
    CHECK(contains(file_contents(out + "/samples.txt"), "filled: aaaa"));
    if (gnuplot_is_installed()) CHECK(contains(file_contents(out + "/loss.svg"), "<svg"));
    const Result filled = run("fill_mask", {"--model", out, "--text", "aa[MASK]a", "--top", "9"});
    CHECK(filled.out == "mask 1\n  1           a\naa<a>a\n");
}

TEST_CASE("programs text: bpe vocabularies that the text does not have") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(500) + "\u00BD");
    const std::string out = scratch.path("out");
    const auto bpe = [&](const std::string& vocab) {
        std::filesystem::remove_all(out);
        return train(small_run() + Arguments{"--tokenizer", "bpe", "--vocab", vocab, "--text", text,
                                             "--out", out});
    };
    const auto vocab_size = [&] {
        return json::parse(file_contents(out + "/config.json")).at("vocab_size").dump();
    };

    const Result large = bpe("100000");
    CHECK(large.status == 0);
    CHECK(contains(large.out,
                   "--vocab 100000: the text yields a vocabulary of " + vocab_size() + "\n"));

    // 128 + 115 ids for bytes and ASCII, one for the other character, one for the mask.
    for (const char* small : {"1", "5", "244"}) {
        check_refused(bpe(small), {"--vocab", small, "at least 245"});
        CHECK(!std::filesystem::exists(out));
    }
    CHECK(bpe("245").status == 0);
    CHECK(vocab_size() == "245");
}

TEST_CASE("programs text: bpe learns from one very long line") {
    const Scratch scratch;
    std::string line = prose(50000);
    std::erase(line, '\n');
    const std::string out = scratch.path("out"), text = scratch.file("line.txt", line);
    CHECK(train(small_run() +
                Arguments{"--tokenizer", "bpe", "--vocab", "300", "--text", text, "--out", out})
              .status == 0);
    CHECK(json::parse(file_contents(out + "/config.json")).at("vocab_size") == 300);
}

TEST_CASE("programs text: the letters [MASK] in a text are letters") {
    const Scratch scratch;
    const std::string marked = prose(3000) + "\n[MASK]\n" + prose(3000) + "[MASK][MASK]";
    const std::string out = scratch.path("out"), text = scratch.file("text.txt", marked);
    CHECK(train(small_run() + Arguments{"--text", text, "--out", out}).status == 0);
    const std::string characters =
        json::parse(file_contents(out + "/tokenizer.json")).at("characters");
    for (const char letter : std::string("[MASK]"))
        CHECK(characters.find(letter) != std::string::npos);
    CHECK(json::parse(file_contents(out + "/config.json")).at("vocab_size") ==
          characters.size() + 1);
}

TEST_CASE("programs text: fill_mask answers for each mask, and says what is wrong with a text") {
    const Scratch scratch;
    const std::string model = scratch.path("model"), text = scratch.file("text.txt", prose(5000));
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", model}).status == 0);
    const auto fill = [&](const std::string& words, const std::string& top = "5") {
        return run("fill_mask", {"--model", model, "--text", words, "--top", top});
    };

    const std::vector<std::pair<std::string, int>> questions = {
        {"[MASK]", 1},
        {"the [MASK]\n", 1},
        {"a [MASK][MASK] b", 2},
        {std::string(31, 'e') + "[MASK]", 1},
    };
    for (const auto& [words, masks] : questions) {
        const Result result = fill(words, "1000");
        CAPTURE(result.out);
        REQUIRE(result.status == 0);
        std::istringstream lines(result.out);
        std::string line;
        for (int mask = 1; mask <= masks; ++mask) {
            std::getline(lines, line);
            CHECK(line == "mask " + std::to_string(mask));
            double sum = 0, before = 1;
            while (lines.peek() == ' ') {
                std::getline(lines, line);
                const double probability = std::stod(line);
                CHECK(probability > 0);
                CHECK(probability <= before);
                sum += probability;
                before = probability;
            }
            CHECK(sum == doctest::Approx(1).epsilon(1e-6));
            CHECK(sum <= 1 + 1e-6);
        }
        std::getline(lines, line);
        CHECK_FALSE(contains(line, "MASK"));
        CHECK(std::count(line.begin(), line.end(), '<') == masks);
    }
    CHECK(fill("a [MASK]", "1").out.starts_with("mask 1\n  0."));

    for (const char* none : {"no mask", "", "[mask]", "MASK", "[MASK"})
        check_refused(fill(none), {"--text", "[MASK]", none});
    check_refused(fill(std::string(32, 'e') + "[MASK]"), {"--text", "33", "32"});
    std::string masks;
    for (int i = 0; i < 33; ++i) masks += "[MASK]";
    check_refused(fill(masks), {"--text", "33", "32"});
    check_refused(fill("e\u00A7 [MASK]"), {"--text", "'\u00A7'", "position 1", "U+00A7"});
    check_refused(fill("[MASK]e\u00A7"), {"--text", "'\u00A7'", "position 7"});
    check_refused(fill("[MASK]\x92"), {"--text", "'\\x92'", "position 6", "UTF-8"});
    check_refused(run("fill_mask", {"--model", model}), {"--text"});
    check_refused(run("fill_mask", {"--text", "[MASK]"}), {"--model"});
    check_refused(run("fill_mask", {"--text", "[MASK]", "--model", scratch.path("none")}),
                  {scratch.path("none")});
}

TEST_CASE("programs text: fill_mask shows whole characters, also of tokens that are bytes") {
    const Scratch scratch;
    const std::string model = scratch.path("model"), text = scratch.file("text.txt", prose(5000));
    REQUIRE(train(small_run() + Arguments{"--text", text, "--out", model, "--tokenizer", "byte"})
                .status == 0);
    const Result result =
        run("fill_mask", {"--model", model, "--text", "\u00E9\n\u20AC[MASK]\u00E9\x92"});
    CHECK(result.status == 0);
    const std::string filled = last_line(result.out);
    CAPTURE(filled);
    CHECK(filled.starts_with("\u00E9\\n\u20AC<"));
    CHECK(filled.ends_with(">\u00E9\\x92\n"));
}

TEST_CASE("programs text: empty and short texts") {
    const Scratch scratch;
    const std::string out = scratch.path("out"), good = scratch.file("good.txt", prose(3000));
    const auto train_on = [&](const Arguments& texts) {
        return train(small_run() + texts + Arguments{"--out", out});
    };
    const std::string empty = scratch.file("empty.txt", "");
    const std::string mark = scratch.file("mark.txt", "\xEF\xBB\xBF");
    check_refused(train_on({"--text", empty}), {empty, "empty"});
    check_refused(train_on({"--text", good, "--text", mark}), {mark, "empty"});
    const std::string shorter = scratch.file("short.txt", std::string(31, 'e'));
    check_refused(train_on({"--text", shorter}), {"--text", "longest 31", "window 32"});
    CHECK(!std::filesystem::exists(out));

    const Result both = train_on({"--text", good, "--text", shorter});
    CHECK(both.status == 0);
    CHECK(contains(both.out, shorter + ": not used: its 31 tokens are less than a window of 32\n"));
    std::filesystem::remove_all(out);
    const std::string window = scratch.file("window.txt", prose(32));
    const Result one = train_on({"--text", window});
    CHECK(one.status == 0);
    CHECK(contains(one.out, window + ": nothing of it validates: its last tenth, 3 tokens"));
    CHECK(!metrics_of(out).back().contains("val_loss"));
}

TEST_CASE("programs text: texts by odd names, from a pipe, and what is no text") {
    const Scratch scratch;
    const std::string out = scratch.path("out");
    const auto train_on = [&](const Arguments& texts) {
        std::filesystem::remove_all(out);
        return train(small_model() + Arguments{"--steps", "1", "--out", out} + texts);
    };
    for (const char* name :
         {"a b", "it's \"quoted\"", "[x,y]", "{z}", "new\nline", "--steps", "\u00E9", "%s$HOME*"}) {
        CAPTURE(name);
        const std::string text = scratch.file(name, prose(1000));
        CHECK(train_on({"--text", text, "--text=" + text}).status == 0);
    }
    check_refused(train_on({"--text", scratch.path("no\nsuch")}), {"no\\nsuch", "No such file"});
    check_refused(train_on({"--text", ""}), {"--text", "path", "''"});
    check_refused(train_on({"--text", scratch.path("\xFF")}), {"--text", "UTF-8"});
    check_refused(train_on({"--text", "/"}), {"/: ", "directory"});
    check_refused(train_on({"--text", "/dev/zero"}), {"/dev/zero", "device"});

    const std::string pipe = scratch.path("pipe");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    Process reader("train_mlm",
                   small_run() + Arguments{"--text", pipe, "--out", scratch.path("piped")},
                   without_gnuplot);
    std::ofstream(pipe) << prose(1000);
    CHECK(reader.wait().status == 0);
}

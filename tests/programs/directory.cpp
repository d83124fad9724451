// The directory that train_mlm writes: which ones it takes, and that it spoils none.
#include <limits>
#include <string>

#include "core/io/safetensors.hpp"
#include "tests/support/programs.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

// A run of 20 steps, and what may become of it.
struct FinishedRun {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(3000));
    std::string out = scratch.path("out");

    FinishedRun() {
        REQUIRE(train(small_run() + Arguments{"--text", text, "--out", out}).status == 0);
    }

    void refuses(const Arguments& arguments, const Arguments& words) const {
        const auto before = directory_contents(out);
        check_refused(train(Arguments{"--out", out} + arguments), words);
        CHECK(directory_contents(out) == before);
    }
    Result resume(const Arguments& arguments = {}) const {
        return train(Arguments{"--resume", "--out", out} + arguments);
    }
};

}  // namespace

TEST_CASE("programs directory: a directory that holds a run is left alone without --resume") {
    const FinishedRun run;
    run.refuses(small_run() + Arguments{"--text", run.text}, {run.out, "--resume"});
    std::filesystem::remove(run.out + "/checkpoint.safetensors");
    run.refuses(small_run() + Arguments{"--text", run.text}, {run.out, "new or empty"});
}

TEST_CASE("programs directory: --out that cannot be a run directory") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(1000));
    const std::string file = scratch.file("file", "mine");
    const std::string dangling = scratch.path("dangling"), loop = scratch.path("loop");
    std::filesystem::create_symlink(scratch.path("nowhere"), dangling);
    std::filesystem::create_symlink(loop, loop);
    const auto train_into = [&](const std::string& out) {
        return train(small_run() + Arguments{"--text", text, "--out", out});
    };
    for (const std::string& out :
         {file, file + "/below", file + "/far/below", dangling, loop, std::string("/proc/no-such"),
          scratch.path(std::string(300, 'x'))}) {
        check_refused(train_into(out), {"--out", "writable", out});
        check_refused(train({"--resume", "--out", out}), {out});
    }
    CHECK(file_contents(file) == "mine");
}

TEST_CASE("programs directory: what the user may not read or write is named") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(1000));
    const std::string secret = scratch.file("secret.txt", prose(1000));
    const std::string locked = scratch.path("locked");
    std::filesystem::create_directory(locked);
    std::filesystem::permissions(scratch.path(""), std::filesystem::perms(0755));
    std::filesystem::permissions(locked, std::filesystem::perms(0555));
    std::filesystem::permissions(secret, std::filesystem::perms(0000));
    const auto train_as_nobody = [&](const std::string& from, const std::string& to) {
        return run("train_mlm", small_run() + Arguments{"--text", from, "--out", to}, [] {
            without_gnuplot();
            // root may do anything
            if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(127);
        });
    };
    // Nobody may not even run the program.
    if (train_as_nobody("/no/such", locked + "/below").status == 127) return;
    check_refused(train_as_nobody(text, locked), {"--out", locked, "Permission denied"});
    check_refused(train_as_nobody(text, locked + "/below"), {"--out", locked, "Permission denied"});
    check_refused(train_as_nobody(secret, "/tmp/taper-never-written"),
                  {secret, "Permission denied"});
    CHECK(directory_contents(locked).empty());
}

TEST_CASE("programs directory: --out is made with all its parents, under any name") {
    const Scratch scratch;
    const std::string text = scratch.file("text.txt", prose(1000));
    std::filesystem::create_directory(scratch.path("empty"));
    std::filesystem::create_directory_symlink(scratch.path("empty"), scratch.path("link"));
    for (const char* name : {"a/b/c", "slash/", "empty", "link/more", "a b's \"c\"", "new\nline",
                             "[x]", "\u00E9", "\xFF"}) {
        CAPTURE(name);
        const std::string out = scratch.path(name);
        CHECK(run("train_mlm",
                  small_model() + Arguments{"--steps", "1", "--text", text, "--out", out})
                  .status == 0);
        CHECK(metrics_of(out).size() == 1);
        CHECK(run("fill_mask", {"--model", out, "--text", "a[MASK]"}).status == 0);
        CHECK(std::filesystem::exists(out + "/loss.svg") == gnuplot_is_installed());
    }
}

TEST_CASE("programs directory: --resume where there is no run") {
    const Scratch scratch;
    const std::string missing = scratch.path("missing");
    const std::string empty = scratch.path("empty");
    const std::string foreign = scratch.path("foreign");
    std::filesystem::create_directory(empty);
    std::filesystem::create_directory(foreign);
    scratch.file("foreign/notes.txt", "mine");
    for (const std::string& out : {missing, empty, foreign}) {
        const auto before = directory_contents(out);
        check_refused(train({"--resume", "--out", out}), {"--resume", out});
        CHECK(directory_contents(out) == before);
    }
    CHECK(!std::filesystem::exists(missing));
    scratch.file("foreign/checkpoint.safetensors", "mine");
    check_refused(train({"--resume", "--out", foreign}), {foreign + "/checkpoint.safetensors"});
}

TEST_CASE("programs directory: --resume keeps to the options of the run") {
    const FinishedRun run;
    run.refuses({"--resume", "--lr", "0.5"}, {"--lr", "given 0.5", "stored 0.001", run.out});
    run.refuses({"--resume", "--tokenizer", "byte"},
                {"--tokenizer", "given \"byte\"", "stored \"char\""});
    run.refuses({"--resume", "--tie-embeddings"},
                {"--tie-embeddings", "given true", "stored false"});

    const std::string model = file_contents(run.out + "/model.safetensors");
    const Result again = run.resume(
        small_run() + Arguments{"--lr", "1e-3", "--eval-every", "7", "--save-every", "3"});
    CHECK(again.status == 0);
    const std::string nothing = "nothing to do: the run in " + run.out + " has done ";
    const auto says = [](const Result& result, const std::string& words) {
        return contains(result.out, words);
    };
    CHECK(says(again, nothing + "20 steps, of 20 asked for\n"));
    CHECK(says(run.resume({"--steps", "10"}), nothing + "20 steps, of 10 asked for\n"));
    CHECK(file_contents(run.out + "/model.safetensors") == model);
    CHECK(metrics_of(run.out).size() == 20);

    const Result more = run.resume({"--steps", "25"});
    CHECK(more.status == 0);
    CHECK(says(more, "the learning rate now follows 25 steps, before 20\n"));
    CHECK(says(more, "goes on after step 20\n"));
    CHECK(metrics_of(run.out).size() == 25);
    CHECK(says(run.resume(), nothing + "25 steps, of 25 asked for\n"));
}

TEST_CASE("programs directory: --resume knows a text by its contents") {
    const FinishedRun run;
    const std::string bytes = file_contents(run.text), moved = run.scratch.path("moved.txt");
    std::string changed = bytes;
    changed[1234] ^= 1;
    run.scratch.file("text.txt", changed);
    run.refuses({"--resume", "--steps", "30"}, {run.text + ": ", "--text", run.out});
    run.scratch.file("text.txt", bytes + "e");
    run.refuses({"--resume", "--steps", "30"}, {run.text + ": ", "--text", run.out});
    std::filesystem::remove(run.text);
    run.refuses({"--resume", "--steps", "30"}, {run.text, "No such file", "--text", "moved"});
    run.scratch.file("other.txt", bytes + "e");
    run.refuses({"--resume", "--steps", "30", "--text", run.scratch.path("other.txt")},
                {run.scratch.path("other.txt") + ": ", "--text", run.out});
    run.scratch.file("moved.txt", bytes);
    run.refuses({"--resume", "--steps", "30", "--text", moved, "--text", moved},
                {"--text", run.out, "2, 1"});
    CHECK(run.resume({"--steps", "30", "--text", moved}).status == 0);
    CHECK(run.resume({"--steps", "31"}).status == 0);  // and remembers where it is now
    CHECK(metrics_of(run.out).size() == 31);
}

TEST_CASE("programs directory: relative paths, and --resume from another directory") {
    const Scratch scratch;
    scratch.file("text.txt", prose(1000));
    std::filesystem::create_directories(scratch.path("deep/er"));
    std::filesystem::create_directory_symlink(scratch.path("deep/er"), scratch.path("link"));
    scratch.file("deep/text.txt", prose(2000));
    const auto train_in = [&](const std::string& directory, const Arguments& arguments) {
        return run("train_mlm", arguments, [&] {
            without_gnuplot();
            if (chdir(scratch.path(directory).c_str()) != 0) _exit(125);
        });
    };
    CHECK(train_in("", small_run() + Arguments{"--text", "text.txt", "--out", "out"}).status == 0);
    CHECK(train_in("deep/er", {"--resume", "--out", "../../out", "--steps", "21"}).status == 0);
    CHECK(
        train_in("deep", {"--resume", "--out", "../out", "--steps", "22", "--text", "../text.txt"})
            .status == 0);
    CHECK(metrics_of(scratch.path("out")).size() == 22);
    // A path through a symbolic link is the system's to follow: link/.. is deep.
    CHECK(train_in("", small_run() + Arguments{"--text", "link/../text.txt", "--out", "linked"})
              .status == 0);
    CHECK(train_in("", {"--resume", "--out", "linked", "--steps", "21", "--text", "deep/text.txt"})
              .status == 0);
}

TEST_CASE(
    "programs directory: --resume checks what the checkpoint says as it would a command line") {
    const FinishedRun run;
    const std::string path = run.out + "/checkpoint.safetensors";
    const std::string whole = file_contents(path);
    TensorFile checkpoint = load_safetensors(path);
    checkpoint.metadata.erase("hash");  // which would be the first to notice
    const auto refuses = [&](const char* option, const nlohmann::json& value,
                             const Arguments& words) {
        TensorFile changed = checkpoint;
        nlohmann::json options = nlohmann::json::parse(changed.metadata["options"]);
        options[option] = value;
        changed.metadata["options"] = options.dump();
        save_safetensors(path, changed);
        run.refuses({"--resume", "--steps", "30"}, Arguments{option} + words);
    };
    refuses("--batch", 0, {run.out, "1 to 1000000", "'0'"});
    refuses("--steps", "many", {run.out, "'many'"});
    refuses("--steps", nullptr, {"'null'"});
    refuses("--lr", -1, {"above 0", "'-1'"});
    refuses("--tokenizer", {"char", "byte"}, {"one of"});
    refuses("--tie-embeddings", 1, {"true or false"});
    refuses("--text", nlohmann::json::array(), {"at least one"});
    refuses("--colour", "blue", {"no option may be stored"});
    const auto refuses_state = [&](const char* key, const nlohmann::json& value) {
        TensorFile damaged = checkpoint;
        nlohmann::json state = nlohmann::json::parse(damaged.metadata["state"]);
        state[key] = value;
        damaged.metadata["state"] = state.dump();
        save_safetensors(path, damaged);
        run.refuses({"--resume", "--steps", "30"}, {path, key});
    };
    for (const nlohmann::json& step :
         {nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json(1.5), nlohmann::json("1")})
        refuses_state("step", step);
    refuses_state("adam_steps", 3);
    refuses_state("seconds", -1);
    const std::string metrics = file_contents(run.out + "/metrics.jsonl");
    refuses_state("pending", metrics.substr(0, metrics.find('\n')));  // of step 1, not of 20
    TensorFile wide = checkpoint;
    nlohmann::json wider = nlohmann::json::parse(wide.metadata["options"]);
    wider["--width"] = 16384;
    wide.metadata["options"] = wider.dump();
    save_safetensors(path, wide);
    // Before memory is taken.
    run.refuses({"--resume", "--steps", "30"}, {path, "embedding.token.weight", "16384"});
    TensorFile lacking = checkpoint, negative = checkpoint;
    nlohmann::json options = nlohmann::json::parse(lacking.metadata["options"]);
    options.erase("--batch");
    lacking.metadata["options"] = options.dump();
    save_safetensors(path, lacking);
    run.refuses({"--resume", "--steps", "30"}, {run.out, "--batch is missing"});
    for (auto& [name, tensor] : negative.tensors)
        if (name == "adam.v.norm.weight") std::get<Array<float>>(tensor).data()[3] = -1;
    save_safetensors(path, negative);
    run.refuses({"--resume", "--steps", "30"}, {path, "adam.v.norm.weight", "-1"});
    for (const char* key : {"options", "state"})
        for (const std::string& text :
             {std::string("1e400"), checkpoint.metadata.at(key) + std::string("\0 garbage", 9),
              "{\"step\": " + std::string(400'000, '[') + std::string(400'000, ']') + "}"}) {
            TensorFile broken = checkpoint;
            broken.metadata[key] = text;
            save_safetensors(path, broken);
            run.refuses({"--resume", "--steps", "30"}, {path, key, "JSON object"});
        }
    TensorFile changed = checkpoint;
    std::get<Array<float>>(changed.tensors[0].second).data()[0] =
        std::numeric_limits<float>::quiet_NaN();
    save_safetensors(path, changed);
    run.refuses({"--resume"}, {path, changed.tensors[0].first, "finite"});
    run.scratch.file("out/checkpoint.safetensors", whole);
    CHECK(run.resume().status == 0);
}

TEST_CASE(
    "programs directory: --resume takes a checkpoint without a hash, and none that its hash is not "
    "of") {
    const FinishedRun run;
    const std::string path = run.out + "/checkpoint.safetensors";
    TensorFile checkpoint = load_safetensors(path);
    auto& [name, tensor] = checkpoint.tensors[0];
    std::get<Array<float>>(tensor).data()[0] += 1;
    save_safetensors(path, checkpoint);
    run.refuses({"--resume", "--steps", "21"},
                {path, "as it was written", checkpoint.metadata.at("hash")});
    checkpoint.metadata.erase("hash");
    save_safetensors(path, checkpoint);
    CHECK(run.resume({"--steps", "21"}).status == 0);
}

TEST_CASE(
    "programs directory: what a run directory lacks is made again, what is damaged is named") {
    const FinishedRun run;
    const auto before = directory_contents(run.out);
    for (const char* file : {"tokenizer.json", "config.json", "model.safetensors"})
        std::filesystem::remove(run.out + "/" + file);
    CHECK(run.resume().status == 0);
    CHECK(directory_contents(run.out) == before);

    const std::string metrics = file_contents(run.out + "/metrics.jsonl");
    run.scratch.file("out/metrics.jsonl",
                     metrics.substr(0, metrics.find('\n') + 1) + "{\"step\": 2}\n");
    check_refused(run.resume({"--steps", "30"}), {run.out + "/metrics.jsonl:2"});
    const std::size_t second = metrics.find('\n') + 1, third = metrics.find('\n', second) + 1;
    const std::string out_of_order = metrics.substr(second) + metrics.substr(0, second);
    run.scratch.file("out/metrics.jsonl", out_of_order);
    check_refused(run.resume({"--steps", "21"}), {run.out + "/metrics.jsonl:20", "1 after 20"});
    CHECK(file_contents(run.out + "/metrics.jsonl") == out_of_order);
    run.scratch.file("out/metrics.jsonl", metrics);
    CHECK(run.resume({"--steps", "21"}).status == 0);
    run.scratch.file("out/metrics.jsonl", metrics.substr(0, second) + metrics.substr(third));
    CHECK(contains(run.resume({"--steps", "22"}).out, "of the 21 steps done, 2 have no line"));
    run.scratch.file("out/metrics.jsonl", metrics);
    for (const char* bytes : {"", "taper", "\x7F\0\0\0\0\0\0\0{}"}) {
        run.scratch.file("out/checkpoint.safetensors", bytes);
        check_refused(run.resume(), {run.out + "/checkpoint.safetensors"});
    }
}

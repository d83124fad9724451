// The checkpoint of a run by itself: what was saved comes back, and what was damaged is refused.
#include "examples/language_model/checkpoint.hpp"

#include <doctest/doctest.h>

#include "core/io/file.hpp"
#include "tests/support/models.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tensor_files.hpp"

using namespace taper;
using namespace taper::tests;
using examples::Checkpoint;

namespace {

struct Saved {
    Scratch scratch;
    std::string directory = scratch.path("");
    nn::Linformer<float> model{tiny};
    nn::Adam<float> adam{model.parameters()};
    examples::Progress progress{.step = 7, .seconds = 1.5, .pending = {}};
    examples::RunIdentity identity{.options = R"({"--batch":3})",
                                   .text_hashes = "0123456789ABCDEF ",
                                   .tokenizer = R"({"type":"byte"})"};

    Saved() {
        for (auto& moments : adam.moments) {
            moments.m.fill(0.25f);
            moments.v.fill(0.5f);
        }
        examples::save_checkpoint(directory, model.parameters(), adam, progress, identity);
    }
    std::string bytes() const { return read_file(examples::checkpoint_path(directory)); }
    // Loads the file with these bytes instead.
    std::string refusal_of(const std::string& bytes) const {
        scratch.file("checkpoint.safetensors", bytes);
        return refusal([&] { Checkpoint{directory}; });
    }
};

}  // namespace

TEST_CASE("checkpoint: what was saved comes back") {
    Saved saved;
    const Checkpoint checkpoint(saved.directory);
    CHECK(checkpoint.steps() == 7);
    const examples::RunIdentity identity = checkpoint.identity();
    CHECK(identity.options == saved.identity.options);
    CHECK(identity.text_hashes == saved.identity.text_hashes);
    CHECK(identity.tokenizer == saved.identity.tokenizer);
    checkpoint.check_model(tiny);

    nn::Config other = tiny;
    other.seed = 99;
    nn::Linformer<float> model(other);
    nn::Adam<float> adam(model.parameters());
    const examples::Progress progress = checkpoint.restore(model.parameters(), adam);
    CHECK(progress.step == 7);
    CHECK(progress.seconds == 1.5);
    CHECK_FALSE(progress.pending);
    const auto expected = saved.model.parameters();
    const auto found = model.parameters();
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i]->value() == expected[i]->value());
        CHECK(adam.moments[i].m == saved.adam.moments[i].m);
        CHECK(adam.moments[i].v == saved.adam.moments[i].v);
        CHECK(adam.moments[i].t == 7);
    }
}

TEST_CASE("checkpoint: a run has at most 1,000,000,000 steps") {
    Saved saved;
    for (const std::uint64_t step : {1'000'000'000u, 1'000'000'001u}) {
        saved.progress.step = step;
        examples::save_checkpoint(saved.directory, saved.model.parameters(), saved.adam,
                                  saved.progress, saved.identity);
        const std::string message =
            refusal([&] { static_cast<void>(Checkpoint(saved.directory).steps()); });
        CHECK(message.empty() == (step == 1'000'000'000));
        CHECK((message.empty() ||
               contains(message, "must be one whole number up to 1000000000: step 1000000001")));
    }
}

TEST_CASE("checkpoint: a tensor of another name, type or shape is refused before it is read") {
    const Scratch scratch;
    const auto message = [&](const std::string& name, const std::string& others = "") {
        enormous_file(scratch, "checkpoint.safetensors", name, others);
        const std::string text = refusal([&] { Checkpoint{scratch.path("")}; });
        const std::string subject = "/checkpoint.safetensors: tensor " + name + ": ";
        REQUIRE(contains(text, subject));
        return text.substr(text.find(subject) + subject.size());
    };
    CHECK(message("tokenizer.json") == "the dtype must be U8: F32");
    CHECK(message("w") == "no tensor may be there that a checkpoint does not have: (274877906944)");
    CHECK(message("adam.m.w") == "the weight that it is a moment of must be there");
    const std::string weight = R"("model.w":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},)";
    for (const char* moment : {"adam.m.w", "adam.v.w"})
        CHECK(message(moment, weight) ==
              "the shape must be that of its weight: expected (2,0), found (274877906944)");
}

TEST_CASE("checkpoint: one bit that changed anywhere is noticed") {
    const Saved saved;
    const std::string whole = saved.bytes();
    CHECK(saved.refusal_of(whole).empty());
    // Without its hash the file is one of before there were hashes: all else is as it was.
    const std::size_t key = whole.find("\"hash\"") + 1, end_of_key = key + 4;
    REQUIRE(key != std::string::npos + 1);
    const auto stride = static_cast<std::size_t>(unless_sanitized(31, 217));
    std::size_t noticed = 0;
    std::size_t by_hash = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); bit += stride) {
        const std::size_t byte = bit / 8;
        if (byte >= key && byte < end_of_key) continue;
        std::string changed = whole;
        changed[byte] = static_cast<char>(changed[byte] ^ (1 << bit % 8));
        const std::string message = saved.refusal_of(changed);
        CAPTURE(bit);
        CHECK(contains(message, examples::checkpoint_path(saved.directory)));
        ++noticed;
        by_hash += contains(message, "must be as it was written");
    }
    CHECK(noticed > 30'000 / stride);
    CHECK(by_hash > noticed / 2);
}

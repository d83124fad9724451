// Fills the masks of a text: fill_mask --model DIR --text "In the [MASK] God created".
#include <cstdio>
#include <exception>
#include <string>

#include "core/kernels/parallel.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/masking.hpp"
#include "examples/language_model/pictures.hpp"

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("fill_mask", [&] {
        std::string directory, text, pictures;
        std::uint64_t top = 5, thread_count = static_cast<std::uint64_t>(threads());
        Options options("fill_mask",
                        "Lists the likeliest tokens for each [MASK] of a text, with their "
                        "probabilities: a softmax "
                        "over all tokens but the "
                        "mask itself.");
        options.model_directory("--model", directory, "model directory, as train_mlm writes it");
        options.required_text("--text", text,
                              "text with [MASK] where something is missing; the spaces around it "
                              "count (bpe: one before it is "
                              "part of it)");
        options.count("--top", top, 1, 1'000'000,
                      "tokens listed for each mask, at most the vocabulary");
        options.path("--plot", pictures,
                     "directory for pictures of what each head attends to in the text; "
                     "attention.svg, slots.svg, reach.svg, "
                     "projections.svg and spectrum.svg in it are replaced or removed");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        if (options.given("--plot")) check_pictures(pictures);
        set_threads(static_cast<int>(thread_count));

        const LoadedModel loaded = load(directory, Model::masked);
        const nn::Linformer<float>& model = loaded.model;
        const Tokenizer* tokenizer = loaded.tokenizer.get();
        const TokenIds ids = encode_with_masks(*tokenizer, text, "--text");
        if (ids.size() > model.config.length)
            throw Error("--text: the text must be at most as long as the model's window: tokens " +
                        std::to_string(ids.size()) + ", length " +
                        std::to_string(model.config.length));

        Ids tokens = empty<std::int64_t>({1, ids.size()});
        std::copy(ids.begin(), ids.end(), tokens.data());
        const Array<float> logits = model(tokens).value();
        std::string lists, filled;
        TokenIds known;  // since the mask before: a character may be of several tokens
        const auto fill_known = [&] {
            filled += escaped(tokenizer->decode(known));
            known.clear();
        };
        int number = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (ids[i] != *tokenizer->mask_id()) {
                known.push_back(ids[i]);
                continue;
            }
            fill_known();
            const auto guesses = of_model(directory, [&] { return best_guesses(logits, i, top); });
            lists += "mask " + std::to_string(++number) + "\n";
            for (const Guess& guess : guesses) {
                char probability[32];  // digits enough for a sum of at most 1
                std::snprintf(probability, sizeof probability, "  %-12.6g", guess.probability);
                lists += probability + tokenizer->spelling(guess.token) + "\n";
            }
            filled += "<" + tokenizer->spelling(guesses[0].token) + ">";
        }
        fill_known();
        // First, so that a reader who leaves costs no picture; and a picture that fails costs no
        // result.
        std::exception_ptr undrawn;
        try {
            if (options.given("--plot")) draw_attention(model, tokens, pictures);
        } catch (...) {
            undrawn = std::current_exception();
        }
        print_result(lists + filled + "\n");
        if (undrawn) std::rethrow_exception(undrawn);
        return 0;
    });
}

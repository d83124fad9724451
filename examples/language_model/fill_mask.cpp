// Fills the masks of a text: fill_mask --model DIR --text "In the [MASK] God created".
#include <exception>
#include <string>
#include <vector>

#include "core/kernels/parallel.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/guessing.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/pictures.hpp"
#include "examples/language_model/tape_page.hpp"

namespace taper::examples {

// The lines that fill_mask prints: a list of guesses for each mask, and the text with the best.
// Probabilities are fractions of 1 (guessing.cpp). Bytes that are not whole characters are spelled
// \xC3; the rest is UTF-8, whatever the terminal takes.
class FilledText {
  public:
    explicit FilledText(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

    void add_token(std::int32_t token) { known_.push_back(token); }

    void add_mask(const std::vector<Guess>& guesses) {
        fill_known();
        ++masks_;
        lists_ += "mask " + std::to_string(masks_) + "\n";
        for (const Guess& guess : guesses)
            lists_ += guess_line(guess.probability, tokenizer_.spelling(guess.token));
        filled_ += "<" + tokenizer_.spelling(guesses[0].token) + ">";
    }

    std::string text() {
        fill_known();
        return lists_ + filled_ + "\n";
    }

  private:
    void fill_known() {
        filled_ += escaped(tokenizer_.decode(known_));
        known_.clear();
    }

    const Tokenizer& tokenizer_;
    int masks_ = 0;
    std::string lists_, filled_;
    TokenIds known_;  // since the mask before: a character may be of several tokens
};

static std::string filled_text(const Tokenizer& tokenizer, const TokenIds& ids,
                               const Array<float>& logits, std::size_t top) {
    FilledText filled(tokenizer);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] == *tokenizer.mask_id()) filled.add_mask(best_guesses(logits, i, top));
        else filled.add_token(ids[i]);
    }
    return filled.text();
}

// At each mask its likeliest token, elsewhere ignore_index.
static TokenIds likeliest_at_masks(const Tokenizer& tokenizer, const TokenIds& ids,
                                   const Array<float>& logits) {
    TokenIds targets(ids.size(), static_cast<std::int32_t>(ignore_index));
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (ids[i] == *tokenizer.mask_id()) targets[i] = best_guesses(logits, i, 1)[0].token;
    return targets;
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("fill_mask", [&] {
        std::string directory, text, pictures, page;
        std::uint64_t top = 5;
        auto thread_count = static_cast<std::uint64_t>(threads());
        Options options("fill_mask",
                        "Lists the likeliest tokens for each [MASK] of a text, with their "
                        "probabilities: a softmax over all tokens but the mask itself.");
        options.model_directory("--model", directory, "model directory, as train_mlm writes it");
        options.required_text("--text", text,
                              "text with [MASK] where something is missing; the spaces around it "
                              "count (bpe: one before it is part of it)");
        options.count("--top", top, 1, 1'000'000,
                      "tokens listed for each mask, at most the vocabulary");
        options.path("--plot", pictures,
                     "directory for pictures of what each head attends to in the text; "
                     "index.html explains them; it, attention.svg, slots.svg, reach.svg, "
                     "projections.svg and spectrum.svg in it are replaced or removed");
        options.path("--page", page,
                     "HTML file to write: the tape of the text, to step through op by op in a "
                     "browser, forward and then backward from the loss of the likeliest token at "
                     "each mask");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        const bool draws = options.given("--plot");
        if (draws) check_pictures(pictures);
        const bool writes_page = options.given("--page");
        if (writes_page) check_page(page, directory);
        set_threads(static_cast<int>(thread_count));

        const LoadedModel loaded = load(directory, ModelKind::masked);
        const nn::Linformer<float>& model = loaded.model;
        const Tokenizer& tokenizer = *loaded.tokenizer;
        const TokenIds ids = encode_with_masks(tokenizer, text, "--text");
        if (ids.size() > model.config.length)
            throw Error("--text: the text must be at most as long as the model's window: tokens " +
                        std::to_string(ids.size()) + ", length " +
                        std::to_string(model.config.length));

        Ids tokens = empty<std::int64_t>({1, ids.size()});
        std::copy(ids.begin(), ids.end(), tokens.data());
        const Array<float> logits = model(tokens).value();
        const std::string result =
            finite_or_error(directory, [&] { return filled_text(tokenizer, ids, logits, top); });

        // The page and the pictures first, so that a reader who leaves costs none of them. One that
        // fails costs no result.
        std::exception_ptr undrawn;
        try {
            if (writes_page)
                write_page(model, tokenizer, ids, likeliest_at_masks(tokenizer, ids, logits),
                           "fill_mask, loss of the likeliest token at each mask: " + text, page);
            if (draws) draw_attention(model, plotted_text(tokenizer, ids), pictures);
        } catch (...) {
            undrawn = std::current_exception();
        }
        print_result(result);
        if (undrawn) std::rethrow_exception(undrawn);
        return 0;
    });
}

// Writes text with a causal model: generate --model DIR --prompt "And God said" --tokens 300.
#include <iostream>

#include "core/kernels/parallel.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/generating.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/pictures.hpp"

namespace taper::examples {

// Text that comes in pieces, onto stdout: the exact bytes, or on a terminal what people can read, a
// character as soon as all of its bytes are there.
class Output {
  public:
    void write(std::string_view bytes) {
        if (!on_terminal_) {
            print_result(bytes);
            return;
        }
        pending_ += bytes;
        const std::size_t whole = pending_.size() - unfinished_bytes(pending_);
        print_result(readable(pending_.substr(0, whole)));
        pending_.erase(0, whole);
    }
    void end() {
        print_result(readable(pending_) + "\n");
        pending_.clear();
    }

  private:
    const bool on_terminal_ = stdout_is_terminal();
    std::string pending_;  // the start of a character
};

// Options that were given and have no effect where the likeliest token is taken; or "".
static std::string idle_options(const Options& options, const Sampling& sampling) {
    if (sampling.temperature == 0)
        return options.without_effect({"--top-k", "--top-p", "--seed"}, "--temperature 0");
    if (sampling.top_k == 1)
        return options.without_effect({"--temperature", "--top-p", "--seed"}, "--top-k 1");
    return "";
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("generate", [&] {
        std::string directory, prompt = "\n", pictures;
        Sampling sampling;
        std::uint64_t tokens = 300, seed = 0, thread_count = static_cast<std::uint64_t>(threads());
        Options options("generate",
                        "Goes on with a text, token by token. When the model's window is full, its "
                        "older half is dropped "
                        "and the rest read again. A file or pipe gets the exact bytes and a "
                        "newline at the end; on a "
                        "terminal control characters, but newline and tab, and bytes that are no "
                        "UTF-8 are shown as \\x92.");
        options.model_directory("--model", directory, "model directory, as train_lm writes it");
        options.text("--prompt", prompt,
                     "text to go on with, at least a token; by default a newline");
        options.count("--tokens", tokens, 1, 1'000'000'000, "tokens to write");
        options.number("--temperature", sampling.temperature, not_negative(),
                       "probabilities p^(1/T); 0: the likeliest");
        options.count("--top-k", sampling.top_k, 1, UINT64_MAX,
                      "draw from the K likeliest alone; default: from all");
        options.number("--top-p", sampling.top_p, {0, 1, false, true, "a number in (0, 1]"},
                       "draw from the likeliest that have this probability together");
        options.count("--seed", seed, 0, UINT64_MAX, "of all random numbers");
        options.path("--plot", pictures,
                     "directory for pictures of what each head attends to in the window that the "
                     "last token was "
                     "drawn from; attention.svg, slots.svg, reach.svg, projections.svg and "
                     "spectrum.svg in it are "
                     "replaced or removed");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        if (options.given("--plot")) check_pictures(pictures);
        set_threads(static_cast<int>(thread_count));

        const LoadedModel loaded = load(directory, Model::causal);
        const TokenIds start = loaded.tokenizer->encode(
            prompt, options.given("--prompt") ? "--prompt" : "--prompt (not given: a newline)");
        if (start.empty()) throw Error("--prompt: the text must have at least one token: ''");
        if (const std::string idle = idle_options(options, sampling); !idle.empty()) note(idle);
        Output output;
        output.write(prompt);
        const auto tell = [&](std::int32_t token) {
            output.write(loaded.tokenizer->decode(std::span(&token, 1)));
        };
        const TokenIds last = of_model(directory, [&] {
            return generate(loaded.model, start, tokens, sampling, Random(seed, "generate"), tell);
        });
        output.end();
        if (options.given("--plot")) {
            Ids window = empty<std::int64_t>({1, last.size()});
            std::copy(last.begin(), last.end(), window.data());
            draw_attention(loaded.model, window, pictures);
        }
        return 0;
    });
}

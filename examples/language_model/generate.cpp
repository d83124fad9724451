// Writes text with a causal model: generate --model DIR --prompt "And God said" --tokens 300.
#include "core/kernels/parallel.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/loading.hpp"
#include "examples/language_model/pictures.hpp"
#include "examples/language_model/sampling.hpp"
#include "examples/language_model/tape_page.hpp"

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

// What the command line says.
struct Arguments {
    std::string directory;
    std::string prompt = "\n";
    std::string pictures;
    std::string page;
    Sampling sampling;
    std::uint64_t tokens = 300;
    std::uint64_t seed = 0;
    std::uint64_t threads = static_cast<std::uint64_t>(taper::threads());
};

static void declare(Options& options, Arguments& arguments) {
    options.model_directory("--model", arguments.directory,
                            "model directory, as train_lm writes it");
    options.text("--prompt", arguments.prompt,
                 "text to go on with, at least a token; by default a newline");
    options.count("--tokens", arguments.tokens, 1, 1'000'000'000, "tokens to write");
    options.number("--temperature", arguments.sampling.temperature, not_negative(),
                   "probabilities p^(1/T); 0: the likeliest");
    options.count("--top-k", arguments.sampling.top_k, 1, UINT64_MAX,
                  "draw from the K likeliest alone; default: from all");
    options.number("--top-p", arguments.sampling.top_p, {0, 1, false, true, "a number in (0, 1]"},
                   "draw from the likeliest that have this probability together");
    options.count("--seed", arguments.seed, 0, UINT64_MAX, "of all random numbers");
    options.path("--plot", arguments.pictures,
                 "directory for pictures of what each head attends to in the window that the last "
                 "token was drawn from; index.html explains them; it, attention.svg, slots.svg, "
                 "reach.svg, projections.svg and spectrum.svg in it are replaced or removed");
    options.path("--page", arguments.page,
                 "HTML file to write: the tape of that window, to step through op by op in a "
                 "browser, forward and then backward from the loss of each token's next one");
    options.count("--threads", arguments.threads, 1, max_threads, "threads");
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("generate", [&] {
        Arguments arguments;
        Options options("generate",
                        "Goes on with a text, token by token. When the model's window is full, its "
                        "older half is dropped and the rest read again. A file or pipe gets the "
                        "exact bytes and a newline at the end; on a terminal control characters, "
                        "but newline and tab, and bytes that are no UTF-8 are shown as \\x92.");
        declare(options, arguments);
        if (!options.parse(argc, argv)) return 0;
        const bool draws = options.given("--plot");
        if (draws) check_pictures(arguments.pictures);
        const bool writes_page = options.given("--page");
        if (writes_page) check_page(arguments.page, arguments.directory);
        set_threads(static_cast<int>(arguments.threads));

        const LoadedModel loaded = load(arguments.directory, ModelKind::causal);
        const std::string subject =
            options.given("--prompt") ? "--prompt" : "--prompt (not given: a newline)";
        const TokenIds prompt = loaded.tokenizer->encode(arguments.prompt, subject);
        if (prompt.empty()) throw Error("--prompt: the text must have at least one token: ''");
        const std::string idle = idle_options(options, arguments.sampling);
        if (!idle.empty()) note(idle);

        Output output;
        output.write(arguments.prompt);
        const auto write_token = [&](std::int32_t token) {
            output.write(loaded.tokenizer->decode(std::span(&token, 1)));
        };
        const TokenIds last = finite_or_error(arguments.directory, [&] {
            return generate(loaded.model, prompt, arguments.tokens, arguments.sampling,
                            Random(arguments.seed, "generate"), write_token);
        });
        output.end();
        if (writes_page) {
            TokenIds next(last.begin() + 1, last.end());
            next.push_back(static_cast<std::int32_t>(ignore_index));
            const std::string title =
                "generate, loss of each next token: " + loaded.tokenizer->show(last);
            write_page(loaded.model, *loaded.tokenizer, last, next, title, arguments.page);
        }
        if (draws)
            draw_attention(loaded.model, plotted_text(*loaded.tokenizer, last), arguments.pictures);
        return 0;
    });
}

// Says of what class a text is: classify --model DIR --text "And it came to pass".
#include <string>

#include "core/error.hpp"
#include "core/kernels/parallel.hpp"
#include "examples/classifier/classifier_objective.hpp"
#include "examples/common/options.hpp"
#include "examples/common/program.hpp"
#include "examples/language_model/guessing.hpp"
#include "examples/language_model/loading.hpp"

namespace taper::examples {

// The text as documents are read in training. What is not read of it is noted.
static EncodedDocument encoded(const std::string& text, const LoadedModel& loaded) {
    if (text.empty()) throw Error("--text: the text must not be empty: ''");
    const Tokenizer& tokenizer = *loaded.tokenizer;
    if (encoding_of(tokenizer.kind()) == Encoding::utf8) check_utf8({"--text", text});
    const nn::Config& config = loaded.model.config;
    const Document document{config.class_names[0], text, "--text"};  // its class is not looked at
    const EncodedDocuments read = encode_documents(std::span(&document, 1), config.class_names,
                                                   tokenizer, config.length, "--text");
    for (const std::string& notice : read.notices) note(notice);
    return read.documents[0];
}

// A line for each class, the likeliest first.
static std::string classes_of(const EncodedDocument& document, const nn::Linformer<float>& model) {
    const EncodedDocument* const row = &document;
    const Array<float> logits = logits_of(model, batch_of(std::span(&row, 1)));
    std::string lines;
    for (const Guess& guess : likeliest(std::span(logits.data(), logits.size()), logits.size())) {
        const std::string& name = model.config.class_names[static_cast<std::size_t>(guess.token)];
        lines += guess_line(guess.probability, escaped(name));
    }
    return lines;
}

}  // namespace taper::examples

int main(int argc, char** argv) {
    using namespace taper;
    using namespace taper::examples;
    return run_program("classify", [&] {
        std::string directory, text;
        auto thread_count = static_cast<std::uint64_t>(threads());
        Options options("classify",
                        "Lists the classes that a text may be of, the likeliest first, with their "
                        "probabilities.");
        options.model_directory("--model", directory,
                                "model directory, as train_classifier writes it");
        options.required_text("--text", text,
                              "text to classify; its first n tokens are read, without the "
                              "characters that the vocabulary lacks");
        options.count("--threads", thread_count, 1, max_threads, "threads");
        if (!options.parse(argc, argv)) return 0;
        set_threads(static_cast<int>(thread_count));

        const LoadedModel loaded = load(directory, ModelKind::classifier);
        const EncodedDocument document = encoded(text, loaded);
        print_result(
            finite_or_error(directory, [&] { return classes_of(document, loaded.model); }));
        return 0;
    });
}

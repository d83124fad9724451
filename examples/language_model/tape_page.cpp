#include "examples/language_model/tape_page.hpp"

#include <algorithm>

#include "core/io/file.hpp"
#include "core/show/inspect.hpp"
#include "examples/common/output_path.hpp"
#include "examples/language_model/run_directory.hpp"

namespace taper::examples {

void check_page(const std::string& path, const std::string& model_directory) {
    std::vector<std::string> kept;
    for (const char* file : run_files) kept.push_back(model_directory + "/" + file);
    check_output_file("--page", path, kept);
}

// (1, n')
static Ids as_row(const TokenIds& ids) {
    Ids row = empty<std::int64_t>({1, ids.size()});
    std::copy(ids.begin(), ids.end(), row.data());
    return row;
}

static PageTokens page_tokens(const Tokenizer& tokenizer, const TokenIds& ids,
                              const nn::Config& config) {
    PageTokens tokens;
    for (const std::int32_t id : ids) tokens.names.push_back(tokenizer.spelling(id));
    tokens.keys_are_positions = config.causal || config.attention == nn::AttentionKind::full;
    return tokens;
}

void write_page(const nn::Linformer<float>& model, const Tokenizer& tokenizer, const TokenIds& ids,
                const TokenIds& targets, const std::string& title, const std::string& path) {
    Tape<float> tape;
    const Var<float> logits = model(as_row(ids));
    Var<float> loss;  // its value is there as long as the page is made
    const auto is_target = [](std::int32_t id) { return id != ignore_index; };
    if (std::any_of(targets.begin(), targets.end(), is_target)) {
        loss = cross_entropy(logits, as_row(targets));
        tape.backward(loss, Keep::everything);
    }
    write_file(path, as_page(tape, title, page_tokens(tokenizer, ids, model.config)));
}

}  // namespace taper::examples

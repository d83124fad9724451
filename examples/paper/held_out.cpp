#include "examples/paper/held_out.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.hpp"
#include "core/ops.hpp"
#include "examples/common/text.hpp"
#include "examples/language_model/corpus.hpp"
#include "examples/language_model/masked_task.hpp"

namespace taper::examples {

bool has_learned(double loss, double entropy) { return loss < 0.8 * entropy; }

HeldOut::HeldOut(const std::vector<std::string>& paths, const Tokenizer& tokenizer,
                 std::size_t block, std::size_t blocks) {
    std::vector<Text> texts;
    for (const std::string& path : paths)
        texts.push_back(read_text(path, encoding_of(tokenizer.kind())));
    const Corpus corpus(tokenizer, std::move(texts), block);
    const auto windows = corpus.validation_windows(blocks);
    if (windows.empty())
        throw Error("--text: the held-out part of a text must have at least " +
                    std::to_string(block) +
                    " tokens, those of the longest sequence: " + paths.at(0) + " has fewer");
    const MaskedTask task(tokenizer, corpus);
    const Shape shape{windows.size(), block};
    batch_ = {empty<std::int64_t>(shape), empty<std::int64_t>(shape)};
    const Random random(0, "held out");
    for (std::size_t row = 0; row < windows.size(); ++row)
        task.fill_row(batch_, row, windows[row], random.substream(static_cast<std::uint32_t>(row)));
}

double HeldOut::loss(const nn::Linformer<float>& model, std::size_t n) const {
    const std::size_t rows_of_all = batch_.tokens.size() / n;
    const std::size_t rows = std::max<std::size_t>(1, 8192 / n);  // in a pass
    double sum = 0;
    for (std::size_t first = 0; first < rows_of_all; first += rows) {
        const Shape shape{std::min(rows, rows_of_all - first), n};
        Ids tokens = empty<std::int64_t>(shape);
        Ids targets = empty<std::int64_t>(shape);
        std::copy_n(batch_.tokens.data() + first * n, tokens.size(), tokens.data());
        std::copy_n(batch_.targets.data() + first * n, targets.size(), targets.data());
        const auto ignored = std::count(targets.begin(), targets.end(), std::int64_t{ignore_index});
        const std::size_t counted = targets.size() - static_cast<std::size_t>(ignored);
        if (counted == 0) continue;
        const float mean = cross_entropy(model(tokens), targets).item();
        sum += static_cast<double>(mean) * static_cast<double>(counted);
    }
    return sum / static_cast<double>(this->targets());
}

double HeldOut::entropy() const {
    std::map<std::int64_t, double> counts;
    for (const std::int64_t target : batch_.targets)
        if (target != ignore_index) counts[target] += 1;
    const auto total = static_cast<double>(targets());
    double entropy = 0;
    for (const auto& count : counts)
        entropy -= count.second / total * std::log(count.second / total);
    return entropy;
}

std::size_t HeldOut::targets() const {
    const auto ignored =
        std::count(batch_.targets.begin(), batch_.targets.end(), std::int64_t{ignore_index});
    return batch_.targets.size() - static_cast<std::size_t>(ignored);
}

}  // namespace taper::examples

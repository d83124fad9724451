#include "examples/language_model/batches.hpp"

#include <algorithm>

namespace taper::examples {

static Batch empty_batch(std::size_t rows, std::size_t length) {
    return {empty<std::int64_t>({rows, length}), empty<std::int64_t>({rows, length})};
}

Batch training_batch(const TrainingOptions& options, const Corpus& corpus, const Task& task,
                     std::uint64_t step) {
    const auto stream = static_cast<std::uint32_t>(step);
    const Random windows = Random(options.seed, "windows").substream(stream);
    const Random rows = Random(options.seed, "rows").substream(stream);
    Batch batch = empty_batch(options.batch, options.length);
    for (std::size_t row = 0; row < options.batch; ++row) {
        const auto window = corpus.training_window(windows, row);
        task.fill_row(batch, row, window, rows.substream(static_cast<std::uint32_t>(row)));
    }
    return batch;
}

std::vector<Batch> validation_batches(const TrainingOptions& options, const Corpus& corpus,
                                      const Task& task) {
    const auto windows = corpus.validation_windows(most_validation_windows);
    const Random random(0, "validation");
    std::vector<Batch> batches;
    for (std::size_t first = 0; first < windows.size(); first += options.batch) {
        const std::size_t rows = std::min<std::size_t>(options.batch, windows.size() - first);
        Batch& batch = batches.emplace_back(empty_batch(rows, options.length));
        for (std::size_t row = 0; row < rows; ++row) {
            const std::size_t number = first + row;
            task.fill_row(batch, row, windows[number],
                          random.substream(static_cast<std::uint32_t>(number)));
        }
    }
    return batches;
}

}  // namespace taper::examples

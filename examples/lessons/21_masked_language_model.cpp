// A masked language model in seconds (Devlin et al. 2019): some letters of a text are covered, and
// a Linformer learns to tell from both sides what was there. How to read its loss: ln V is not
// knowing anything; the entropy of the letters alone, -sum p ln p, is knowing how frequent each is;
// what is below that, the model has learned from the letters around. The text is made here:
// sentences of one form, each line filled up with spaces.
// Run it: build/release/bin/21_masked_language_model
#include <algorithm>
#include <cmath>
#include <iomanip>

#include "examples/lessons/lesson.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;
using lessons::claim;

static constexpr std::size_t n = 32, B = 16, steps = 1000;
static const std::string letters = " .abcdefghijklmnopqrstuvwxyz";  // their numbers are the tokens
static const std::int64_t mask = static_cast<std::int64_t>(letters.size());
static constexpr std::size_t V = 29;  // letters and the mask

static std::string sentence(const Random& random) {
    const auto one_of = [&](std::uint64_t counter, const std::vector<std::string>& words) {
        return words[random.below(counter, words.size())];
    };
    std::string text = "the " + one_of(0, {"cat", "dog", "bird", "horse"}) +
                       one_of(1, {" sees ", " hears ", " follows "}) + "the " +
                       one_of(2, {"farmer", "child", "river", "moon"}) + ".";
    text.resize(n, ' ');
    return text;
}

// A batch: letters covered with probability 15 %, which are the targets; the others are not
// counted.
struct Batch {
    Ids tokens = empty<std::int64_t>({B, n});
    Ids targets = full<std::int64_t>({B, n}, ignore_index);
};
static Batch batch(const std::string& purpose, std::uint32_t step) {
    Batch made;
    for (std::size_t b = 0; b < B; ++b) {
        const std::string text =
            sentence(Random(1, purpose + " text", step).substream(static_cast<std::uint32_t>(b)));
        const Random covered(1, purpose + " mask", step);
        for (std::size_t t = 0; t < n; ++t) {
            made.tokens(b, t) = static_cast<std::int64_t>(letters.find(text[t]));
            if (covered.uniform(b * n + t) >= 0.15) continue;
            made.targets(b, t) = made.tokens(b, t);
            made.tokens(b, t) = mask;
        }
    }
    return made;
}

// The entropy of the letters of all lines, in nats.
static double unigram_entropy() {
    std::vector<double> counts(letters.size(), 0);
    const std::uint32_t lines = 1000;
    for (std::uint32_t i = 0; i < lines; ++i)
        for (const char letter : sentence(Random(1, "count", i))) ++counts[letters.find(letter)];
    double entropy = 0;
    for (const double c : counts)
        if (c > 0) entropy -= c / (lines * n) * std::log(c / (lines * n));
    return entropy;
}

// What the model finds likeliest at each '?', and how likely the last of them.
struct Filled {
    std::string text;
    double probability = 0;
};
static Filled fill(const nn::Linformer<float>& model, std::string text) {
    text.resize(n, ' ');
    Ids tokens = empty<std::int64_t>({1, n});
    for (std::size_t t = 0; t < n; ++t)
        tokens(0, t) = text[t] == '?' ? mask : static_cast<std::int64_t>(letters.find(text[t]));
    const Array<float> P = softmax(model(tokens)).value();  // (1, n, V)
    Filled filled{text};
    for (std::size_t t = 0; t < n; ++t) {
        if (text[t] != '?') continue;
        const float* row = P.data() + t * V;
        const auto best = std::max_element(row, row + letters.size());
        filled.text[t] = letters[static_cast<std::size_t>(best - row)];
        filled.probability = static_cast<double>(*best);
    }
    return filled;
}

int main() {
    keep_freed_memory();
    nn::Linformer<float> model({.vocab_size = V,
                                .length = n,
                                .width = 32,
                                .heads = 2,
                                .layers = 2,
                                .ffn_width = 64,
                                .k = 8});
    nn::Adam<float> adam(model.parameters());
    const nn::Schedule rate{.lr = 5e-3, .warmup = 20, .steps = steps};
    const double uniform = std::log(static_cast<double>(V));
    const double unigram = unigram_entropy();
    const Batch unseen = batch("unseen", 0);
    const auto loss_of_unseen = [&] {
        return cross_entropy(model(unseen.tokens), unseen.targets).item();
    };

    std::cout << std::fixed << std::setprecision(3) << "Loss in nats a covered letter: ln V "
              << uniform << ", entropy of the letters " << unigram << "\n";
    const float first = loss_of_unseen();
    for (std::uint32_t step = 1; step <= steps; ++step) {
        const Batch now = batch("training", step);
        Tape<float> tape;
        const Var<float> loss = cross_entropy(model(now.tokens), now.targets);
        tape.backward(loss);
        nn::clip_gradients(model.parameters(), 1.0);
        adam.step(rate(step));
        if (step == 1 || step % 200 == 0)
            std::cout << "  step " << std::setw(4) << step << "  loss " << loss.item() << "\n";
    }
    const float last = loss_of_unseen();
    std::cout << "  of lines made apart: before " << first << ", after " << last << "\n";
    claim(std::abs(first - uniform) < 0.2, "it starts at ln V");
    claim(last < 0.5 * unigram,
          "and ends below half the entropy of the letters: it reads what stands around");

    int correct = 0;
    std::cout << "Covered letters (?), filled in\n";
    for (const auto& [covered, right] :
         {std::pair{"the c?t sees the moon.", "the cat sees the moon."},
          std::pair{"the d?g hears the ri?er.", "the dog hears the river."},
          std::pair{"the horse fol?ows the chi?d.", "the horse follows the child."},
          std::pair{"the bird se?s the ?armer.", "the bird sees the farmer."}}) {
        const Filled filled = fill(model, covered);
        std::cout << "  " << filled.text << " from " << covered << ", the last with probability "
                  << filled.probability << "\n";
        correct += filled.text.starts_with(right);
    }
    claim(correct == 4, "all as they were");
}

// Lesson 21. A masked language model: covered letters
//
// How does a model learn a language without a teacher? One covers some of a text and lets it guess
// what was there. The text itself is the answer, so every text is a lesson, and nobody needs to
// label anything. This is how BERT is trained (Devlin, Chang, Lee and Toutanova 2018, arXiv
// 1810.04805), and how the Linformer paper trains its models. Here a small Linformer learns it in
// seconds, on a language so small that the best possible guess can be computed.
//
// The words of this lesson: a *mask* is the token that stands for what is covered; *masked language
// modelling* is the task; *self-supervised* is learning from a text without labels; *corruption* is
// all that is done to the text before the model sees it. After lessons 11 and 12 (cross-entropy and
// its meaning), 13 (tokens and positions) and 20 (the encoder). About 35 minutes.
//
// Run it: build/release/bin/21_masked_language_model [--page FILE]
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;
using lessons::above, lessons::below, lessons::near, lessons::equal;
using lessons::claim, lessons::Page, lessons::section, lessons::Table, lessons::text_of;

// ---- 1. A text with holes
//
// The language has 48 sentences: one of four animals sees, hears or fears one of four other things,
// all equally likely. Some words differ in one letter only: hears and fears, mouse and house. A
// line is one sentence, filled up with spaces to n = 32 characters. The tokens are 28 characters
// and the mask, so V = 29.
//
// Of each line some positions are *chosen*, each with probability 15 %. Their characters are the
// targets; all other positions do not count. Then the chosen ones are corrupted:
//
// - 80 % become the mask,
// - 10 % become a random character,
// - 10 % stay as they are.
//
// Why not always the mask? When the model is used there are no masks. If it had only masks to
// answer for, it could forget about all other positions. So it must be ready to be asked about any
// character, and must check what it sees against what stands around. Why 15 %? If more is covered,
// too little is left to guess from; if less, a pass over the text teaches little.
//
// The program `train_mlm` does the same with a file of yours
// (`examples/language_model/masked_task.hpp`).
static constexpr std::size_t n = 32, B = 16, V = 29;
static const std::string letters = " .abcdefghijklmnopqrstuvwxyz";  // their numbers are the tokens
static constexpr std::int64_t mask = 28;
static constexpr double chosen = 0.15, masked = 0.8, replaced = 0.1;

static std::vector<std::string> all_sentences() {
    std::vector<std::string> all;
    for (const std::string subject : {"cat", "dog", "bird", "horse"})
        for (const std::string verb : {"sees", "hears", "fears"})
            for (const std::string object : {"farmer", "mouse", "house", "moon"}) {
                all.push_back("the " + subject + " " + verb + " the " + object + ".");
                all.back().resize(n, ' ');
            }
    return all;
}
static const std::vector<std::string> language = all_sentences();

static std::int64_t token(char letter) { return static_cast<std::int64_t>(letters.find(letter)); }
static char shown(std::int64_t token) {
    return token == mask ? '?' : letters[static_cast<std::size_t>(token)];
}

struct Batch {
    Ids tokens = empty<std::int64_t>({B, n});
    Ids targets = full<std::int64_t>({B, n}, ignore_index);
};
static Batch batch(const std::string& purpose, std::uint32_t step) {
    Batch made;
    const Random which(1, purpose + " sentence", step);
    const Random random(1, purpose + " corruption", step);
    for (std::size_t b = 0; b < B; ++b) {
        const std::string& text = language[which.below(b, language.size())];
        for (std::size_t t = 0; t < n; ++t) {
            const std::uint64_t counter = 3 * (b * n + t);
            made.tokens(b, t) = token(text[t]);
            if (random.uniform(counter) >= chosen) continue;
            made.targets(b, t) = token(text[t]);
            const double u = random.uniform(counter + 1);
            if (u < masked) made.tokens(b, t) = mask;
            else if (u < masked + replaced)
                made.tokens(b, t) =
                    static_cast<std::int64_t>(random.below(counter + 2, letters.size()));
        }
    }
    return made;
}

static void a_text_with_holes() {
    section("1. A text with holes");
    std::cout << "  Four lines as the model sees them (? is the mask), and below each what it is\n"
                 "  asked for (_ is a blank).\n\n";
    const Batch example = batch("training", 1);
    for (std::size_t b = 0; b < 4; ++b) {
        std::string line, asked;
        for (std::size_t t = 0; t < n; ++t) {
            line += shown(example.tokens(b, t));
            const bool counts = example.targets(b, t) != ignore_index;
            asked += counts ? shown(example.targets(b, t)) : '-';
            if (asked.back() == ' ') asked.back() = '_';
        }
        std::cout << "    " << line << "\n    " << asked << "\n\n";
    }
    double all = 0, asked = 0, as_mask = 0, as_they_were = 0;
    for (std::uint32_t step = 1; step <= 200; ++step) {
        const Batch made = batch("training", step);
        for (std::size_t i = 0; i < B * n; ++i) {
            const std::int64_t target = made.targets.data()[i];
            ++all;
            if (target == ignore_index) continue;
            ++asked;
            as_mask += made.tokens.data()[i] == mask;
            as_they_were += made.tokens.data()[i] == target;
        }
    }
    Table table({"of 102400 positions", "share"}, 3);
    table.row("chosen", asked / all);
    table.row("masks, of the chosen", as_mask / asked);
    table.row("as they were, of the chosen", as_they_were / asked);
    table.row("others, of the chosen", 1 - (as_mask + as_they_were) / asked);
    table.print();
    claim(near(asked / all, 0.15, 0.005), "15 % of the positions are chosen.");
    claim(near(as_mask / asked, 0.8, 0.01), "80 % of the chosen ones are masks.");
    claim(near(as_they_were / asked, 0.1 + 0.1 / 28, 0.01),
          "10 % are as they were, and a few more: a random character can be the right one.");
}

// ---- 2. What the best guess costs
//
// Reading a loss (lesson 12) needs something to compare it with.
//
// - ln V = ln 29 is knowing nothing.
// - The entropy of single characters is knowing how frequent each is, and not reading.
// - The best possible guess reads everything and knows the language.
//
// Usually nobody knows the last. Here we do. Let o be the line as it is seen. By Bayes' rule the
// probability of each of the 48 sentences s, of which none was likelier at first, is
//
//     P(s | o) = (P(o | s)) / (sum_r P(o | r))
//
// and P(o | s) is a product over the positions: what a character $s_i$ becomes by the corruption.
// Seen $o_i$, with the rate c = 0.15:
//
//     P("mask") = 0.8 c
//     P(s_i) = (1 - c) + 0.1 c + 0.1 c / 28
//     P("any other character") = 0.1 c / 28
//
// The guess for position t is the sum of P(s | o) over the sentences that have the character there.
// One detail: we are asked only about chosen positions, so for t itself it is known that it was
// chosen, and the term 1 - c is left out. What this guesser pays is the floor for every model.
static double probability_of(std::int64_t seen, std::int64_t was, bool is_asked) {
    const double each = replaced / static_cast<double>(letters.size());
    const double kept = 1 - masked - replaced;
    if (is_asked) return seen == mask ? masked : (seen == was ? kept + each : each);
    if (seen == mask) return chosen * masked;
    return seen == was ? 1 - chosen + chosen * (kept + each) : chosen * each;
}

static double best_loss(const std::vector<Batch>& batches) {
    double nats = 0, asked = 0;
    for (const Batch& made : batches)
        for (std::size_t b = 0; b < B; ++b)
            for (std::size_t t = 0; t < n; ++t) {
                const std::int64_t target = made.targets(b, t);
                if (target == ignore_index) continue;
                double all = 0, right = 0;
                for (const std::string& sentence : language) {
                    double p = 1;
                    for (std::size_t i = 0; i < n; ++i)
                        p *= probability_of(made.tokens(b, i), token(sentence[i]), i == t);
                    all += p;
                    if (token(sentence[t]) == target) right += p;
                }
                nats -= std::log(right / all);
                ++asked;
            }
    return nats / asked;
}

static double entropy_of_single_characters() {
    std::vector<double> counts(letters.size(), 0);
    double all = 0;
    for (const std::string& sentence : language)
        for (const char letter : sentence) {
            ++counts[static_cast<std::size_t>(token(letter))];
            ++all;
        }
    double entropy = 0;
    for (const double c : counts)
        if (c > 0) entropy -= c / all * std::log(c / all);
    return entropy;
}

static std::vector<Batch> held_out() {
    std::vector<Batch> batches;
    for (std::uint32_t i = 0; i < 20; ++i) batches.push_back(batch("held out", i));
    return batches;
}

static void the_best_guess() {
    section("2. What the best guess costs");
    const double ln_V = std::log(static_cast<double>(V));
    const double frequencies = entropy_of_single_characters();
    const double best = best_loss(held_out());
    Table table({"who", "nats a covered character", "perplexity"});
    table.row("knows nothing", ln_V, std::exp(ln_V));
    table.row("knows how frequent each character is", frequencies, std::exp(frequencies));
    table.row("knows the language, and reads the line", best, std::exp(best));
    table.print();
    claim(above(ln_V, frequencies) && above(frequencies, 10 * best),
          "Reading the line is worth more than nine tenths of what the frequencies leave open.");
}

// ---- 3. Training
//
// The model is a Linformer of two blocks with k = 8 slots (lesson 20). It is not causal: a covered
// character may be guessed from both sides. Each step has a new corruption, so it never sees the
// same line twice, though there are only 48 sentences. Held out are other corruptions.
static constexpr std::size_t steps = 1000;

static nn::Linformer<float> new_model() {
    return nn::Linformer<float>({.vocab_size = V,
                                 .length = n,
                                 .width = 32,
                                 .heads = 2,
                                 .layers = 2,
                                 .ffn_width = 64,
                                 .k = 8});
}

static double loss_of(const nn::Linformer<float>& model, const std::vector<Batch>& batches) {
    double nats = 0, asked = 0;
    for (const Batch& made : batches) {
        const auto count = static_cast<double>(
            B * n - static_cast<std::size_t>(
                        std::count(made.targets.begin(), made.targets.end(), ignore_index)));
        nats += count * static_cast<double>(cross_entropy(model(made.tokens), made.targets).item());
        asked += count;
    }
    return nats / asked;
}

static void training(nn::Linformer<float>& model, const Page& page) {
    section("3. Training");
    const std::vector<Batch> unseen = held_out();
    const double first = loss_of(model, unseen);
    nn::Adam<float> adam(model.parameters());
    const nn::Schedule rate{.lr = 1e-2, .warmup = 20, .steps = steps};
    Table table({"step", "held-out loss"}, 3);
    table.row(0, first);
    for (std::uint32_t step = 1; step <= steps; ++step) {
        const Batch now = batch("training", step);
        Tape<float> tape;
        const Var<float> loss = cross_entropy(model(now.tokens), now.targets);
        tape.backward(loss);
        nn::clip_gradients(model.parameters(), 1.0);
        adam.step(rate(step));
        if (step == 50 || step % 200 == 0) table.row(step, loss_of(model, unseen));
    }
    const double best = best_loss(unseen);
    table.row("best guess", best);
    table.print();
    const double last = loss_of(model, unseen);
    claim(near(first, std::log(static_cast<double>(V)), 0.15),
          "The held-out loss starts at ln 29.");
    claim(
        below(last, 0.2 * entropy_of_single_characters()),
        "It ends below a fifth of what the frequencies cost: the model reads what stands around.");
    claim(above(last, best), "It does not go below the best possible guess.");

    Tape<float> tape;
    const Batch now = batch("training", 1);
    tape.backward(cross_entropy(model(now.tokens), now.targets), Keep::everything);
    page.show(tape, "A masked language model, one batch");
    for (Parameter<float>* w : model.parameters()) w->clear_gradient();
}

// ---- 4. It fills in
//
// To use it, put masks where something is missing, and take the likeliest character at each.
struct Guess {
    char letter;
    double probability;
};
// The probabilities (n, V) of all characters at all positions; ? is the mask.
static Array<float> probabilities(const nn::Linformer<float>& model, std::string text) {
    text.resize(n, ' ');
    Ids tokens = empty<std::int64_t>({1, n});
    for (std::size_t t = 0; t < n; ++t) tokens(0, t) = text[t] == '?' ? mask : token(text[t]);
    return reshaped(softmax(model(tokens)).value(), {n, V});
}
static Guess best_at(const Array<float>& P, std::size_t t) {
    const float* row = P.data() + t * V;
    const auto best = static_cast<std::size_t>(std::max_element(row, row + letters.size()) - row);
    return {letters[best], static_cast<double>(row[best])};
}

struct Filled {
    std::string text;
    double least_sure = 1;  // the probability of the guess that it is least sure of
};
static Filled fill(const nn::Linformer<float>& model, const std::string& text) {
    const Array<float> P = probabilities(model, text);
    Filled filled{text};
    for (std::size_t t = 0; t < text.size(); ++t) {
        if (text[t] != '?') continue;
        const Guess guess = best_at(P, t);
        filled.text[t] = guess.letter;
        filled.least_sure = std::min(filled.least_sure, guess.probability);
    }
    return filled;
}

static void it_fills(const nn::Linformer<float>& model) {
    section("4. It fills in");
    Table table({"covered", "filled in", "its least probability"}, 3);
    std::string all;
    for (const std::string covered : {"the c?t sees the moon.", "the d?g hears the fa?mer.",
                                      "the horse fe?rs the ho?se.", "the bird se?s the ?armer."}) {
        const Filled filled = fill(model, covered);
        table.row(covered, filled.text, filled.least_sure);
        all += filled.text;
    }
    table.print();
    claim(equal(all,
                "the cat sees the moon."
                "the dog hears the farmer."
                "the horse fears the house."
                "the bird sees the farmer."),
          "All seven letters are the right ones.");
    const Array<float> P = probabilities(model, "the cat ?ears the moon.");
    const auto hears = static_cast<double>(P(8, static_cast<std::size_t>(token('h'))));
    const auto fears = static_cast<double>(P(8, static_cast<std::size_t>(token('f'))));
    std::cout << "  In \"the cat ?ears the moon.\" it gives h " << text_of(hears, 3) << " and f "
              << text_of(fears, 3) << ".\n";
    claim(above(hears, 0.1) && above(fears, 0.1) && above(hears + fears, 0.9),
          "Where two letters are equally right they share the probability: each has more than 0.1, "
          "and both together more than 0.9.");
}

// ---- 5. Every hole by itself
//
// Cover a whole word: "the ??? sees the moon." It can be cat or dog, nothing else has three
// letters. So the first hole is c or d, the second a or o, the third t or g, each with probability
// 1/2. The model says this for each hole. What it does not say is that they hang together: the
// likeliest characters can be c, o and t, though no such animal exists. A masked model guesses
// every hole given what is *seen*, not given its other guesses:
//
//     P(x_1 | "seen") P(x_2 | "seen") P(x_3 | "seen")
//
// That is the difference from a model that writes (lesson 23), which draws one character, reads it,
// and only then guesses the next.
static void every_hole_by_itself(const nn::Linformer<float>& model) {
    section("5. Every hole by itself");
    const std::string covered = "the ??? sees the moon.";
    const Array<float> P = probabilities(model, covered);
    const auto at = [&](std::size_t t, char letter) {
        return static_cast<double>(P(t, static_cast<std::size_t>(token(letter))));
    };
    Table table({"hole", "of cat", "its p", "of dog", "its p"}, 3);
    double least = 1;
    const std::string cat = "cat", dog = "dog";
    for (std::size_t i = 0; i < 3; ++i) {
        const double p = at(4 + i, cat[i]);
        const double q = at(4 + i, dog[i]);
        table.row(i, cat.substr(i, 1), p, dog.substr(i, 1), q);
        least = std::min(least, p + q);
    }
    table.print();
    claim(
        above(least, 0.9),
        "In each hole the letters of cat and dog have more than 0.9 of the probability together.");
    const double real = at(4, 'c') * at(5, 'a') * at(6, 't') + at(4, 'd') * at(5, 'o') * at(6, 'g');
    std::cout << "  Hole by hole one would get \"" << fill(model, covered).text
              << "\". Drawn hole by hole, it would be\n  a cat or a dog with probability "
              << text_of(real, 3) << ".\n";
    claim(below(real, 0.6), "In more than four of ten draws the three letters are no animal.");
    const double after_c = static_cast<double>(
        probabilities(model, "the c?? sees the moon.")(5, static_cast<std::size_t>(token('a'))));
    claim(above(after_c, 0.7),
          "Once the c is filled in, the next hole is an a, with more than 0.7.");
}

// ---- 6. An impossible sentence
//
// What if there is no right answer? The softmax has no way to say so: its probabilities sum to 1,
// whatever it is given. The model has learned which character goes with which surroundings, and far
// from all that it was trained on it answers as if these were near. A high probability is the
// model's opinion, not the world's.
//
// "the moon sees the d?g." is no sentence of the language either, where the moon sees nothing. But
// all around the hole is known, and dog is what one would say, too. Of the cow it knows no word.
static void an_impossible_sentence(const nn::Linformer<float>& model) {
    section("6. An impossible sentence");
    Table table({"covered", "filled in", "its least probability"}, 3);
    const auto row = [&](const std::string& covered) {
        const Filled filled = fill(model, covered);
        table.row(covered, filled.text, filled.least_sure);
        return filled;
    };
    row("the moon sees the d?g.");
    const Filled cow = row("a cow e?ts grass in the rain.");
    double surest = 0;
    for (const std::string covered : {"qqqq?qqqq?qqqq", "zzzzzzzzzz?"})
        surest = std::max(surest, row(covered).least_sure);
    table.print();
    claim(cow.text != "a cow eats grass in the rain.",
          "It does not find the a of eats, a word that it has never read.");
    claim(above(surest, 0.6),
          "Among q's or z's, where no letter is right, it is more than 0.6 sure of one.");
    const Array<float> P = probabilities(model, "zzzzzzzzzz?");
    double sum = 0;
    for (std::size_t v = 0; v < V; ++v) sum += static_cast<double>(P(10, v));
    claim(near(sum, 1, 1e-5), "There, too, the probabilities sum to 1.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    keep_freed_memory();
    a_text_with_holes();
    the_best_guess();
    nn::Linformer<float> model = new_model();
    training(model, page);
    it_fills(model);
    every_hole_by_itself(model);
    an_impossible_sentence(model);
}

// Lesson 12. Perplexity: what a loss means
//
// A language model has a loss of 1.95. Is that good? This lesson gives such a number its meaning:
// the loss of a guesser who knows nothing, of one who knows how frequent each character is, and of
// one who has seen the characters before; in nats, in bits, and as a perplexity. And it shows why
// the loss on the text that was learned from says little about the loss on another text.
//
// After lesson 11. About 25 minutes.
//
// Run it: build/release/bin/12_perplexity [--page FILE]
#include <cmath>
#include <map>
#include <numeric>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using examples::largest;
using lessons::above;
using lessons::below;
using lessons::claim;
using lessons::near;
using lessons::Page;
using lessons::section;
using lessons::Table;

// ---- 1. Knowing nothing
//
// Who knows nothing gives each of $V$ classes the same probability, $1 / V$. The loss is then
// $ln V$, whatever comes. A new model has a first loss near $ln V$, since its logits are near 0: if
// it is far above, something is wrong; and a loss that stays at $ln V$ says that nothing is
// learned.
//
// This also gives other losses a meaning. The *perplexity* is
//
//     perplexity = e^loss
//
// A perplexity of 7, which is a loss of 1.95, means: as unsure as if 7 classes were equally likely.
// It is the number of faces of the fair die that is as hard to guess. The loss is a mean of
// logarithms, so the perplexity is a geometric mean: two guesses with $p = 1/2$ and $p = 1/8$ have
// the loss $(ln 2 + ln 8) / 2 = ln 4$ and the perplexity 4.
static void knowing_nothing() {
    section("1. Knowing nothing");
    Table table({"V", "ln V", "loss of equal logits", "perplexity"});
    double worst = 0;
    for (const std::size_t V : {2u, 6u, 27u, 1024u}) {
        Ids each = empty<std::int64_t>({V});  // every class is the right one once
        std::iota(each.begin(), each.end(), 0);
        const double loss = cross_entropy<double>(full<double>({V, V}, 7), each).item();
        const double classes = static_cast<double>(V);
        table.row(V, std::log(classes), loss, std::exp(loss));
        worst = larger(worst, std::abs(std::exp(loss) / classes - 1));
    }
    table.print();
    claim(below(worst, 1e-13), "Equal logits have a perplexity of V, whatever V is.");
    const Array<double> two_guesses{{std::log(1), std::log(1)}, {std::log(1), std::log(7)}};
    const double loss = cross_entropy<double>(two_guesses, {0, 0}).item();
    claim(near(std::exp(loss), 4, 1e-14),
          "Two guesses with p = 1/2 and p = 1/8 together have the perplexity 4.");
}

// ---- 2. Knowing how frequent
//
// Our text is made by a small machine. Each sentence has the same form, and five words of it are
// drawn from four each: "the tall cat likes the old king."
//
// Let $q_j$ be the share of character $j$ in the text. Who knows these shares, and nothing else,
// can give each character its share as a probability. The mean loss is then
//
//     H = -sum_j q_j ln q_j
//
// This is the *entropy* of the shares (Shannon 1948). Nobody who says the same for each place can
// do better. Lesson 11 says so: the gradient by the logits is the mean of $p$ minus one-hot over
// all places, and the mean of the one-hot rows is $q$. So it is $p - q$, and 0 only for $p = q$.
// Any other guess costs more, by
//
//     KL = sum_j q_j ln (q_j / p_j)
//
// which is called the *Kullback-Leibler divergence* and is never below 0. (Since $ln z <= z - 1$,
// the negative sum $sum_j q_j ln (p_j / q_j)$ is at most $sum_j (p_j - q_j) = 0$.)
static std::string sentences(std::size_t number, const char* stream) {
    const std::vector<std::string> adjectives{"old", "red", "tall", "wise"};
    const std::vector<std::string> nouns{"cat", "dog", "king", "owl"};
    const std::vector<std::string> verbs{"sees", "likes", "hears", "finds"};
    const Random random(1, stream);
    std::uint64_t drawn = 0;
    const auto one_of = [&](const std::vector<std::string>& words) {
        return words[random.below(drawn++, words.size())];
    };
    std::string text;
    for (std::size_t i = 0; i < number; ++i) {
        text += "the " + one_of(adjectives) + " " + one_of(nouns) + " ";
        text += one_of(verbs) + " the " + one_of(adjectives) + " " + one_of(nouns) + ".\n";
    }
    return text;
}

// A text as classes: the characters that occur, in their order, numbered from 0.
struct Classes {
    std::string characters;
    Ids ids;
    Array<double> counts;
};
static Classes classes_of(const std::string& text) {
    std::map<char, std::int64_t> numbers;
    for (const char c : text) numbers[c] = 0;
    Classes classes{"", empty<std::int64_t>({text.size()}), zeros<double>({numbers.size()})};
    for (auto& [character, number] : numbers) {
        number = static_cast<std::int64_t>(classes.characters.size());
        classes.characters += character;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        classes.ids(i) = numbers[text[i]];
        ++classes.counts(static_cast<std::size_t>(classes.ids(i)));
    }
    return classes;
}

// The mean loss over the text of one row of logits, the same at each place.
static Var<double> loss_of_one_row(const Var<double>& logits, const Ids& ids) {
    return cross_entropy(broadcast_to(logits, {ids.size(), logits.shape()[0]}), ids);
}

static double entropy_of(const Array<double>& counts) {
    double total = 0, entropy = 0;
    for (const double count : counts) total += count;
    for (const double count : counts)
        if (count > 0) entropy -= count / total * std::log(count / total);
    return entropy;
}

static void knowing_how_frequent(const Page& page) {
    section("2. Knowing how frequent");
    const std::string text = sentences(60, "training");
    std::cout << text.substr(0, text.find('\n', 60)) << "\n...\nSome of its characters:\n";
    const Classes classes = classes_of(text);
    const std::size_t V = classes.characters.size();
    const double N = static_cast<double>(text.size());
    Table table({"character", "count", "share q", "-ln q"});
    for (std::size_t j = 0; j < V; ++j) {
        const char c = classes.characters[j];
        const double q = classes.counts(j) / N;
        if (j < 3 || c == 'e' || c == 'w')
            table.row(c == '\n'  ? "end of line"
                      : c == ' ' ? "space"
                                 : std::string(1, c),
                      static_cast<std::size_t>(classes.counts(j)), q, -std::log(q));
    }
    table.print();
    const double H = entropy_of(classes.counts);
    std::cout << "The text has " << V << " different characters; ln V is "
              << lessons::text_of(std::log(static_cast<double>(V))) << ", the entropy H "
              << lessons::text_of(H) << ".\n";
    const Array<double> logarithms = xt::log(classes.counts);
    claim(near(loss_of_one_row(logarithms, classes.ids).item(), H, 1e-13),
          "With the logarithms of the counts as logits, the loss over the text is the entropy.");
    Parameter<double> logits("logits", logarithms);
    {
        Tape<double> tape;
        tape.backward(loss_of_one_row(logits, classes.ids));
        claim(below(largest(logits.gradient()), 1e-14), "At these logits the gradient is 0.");
    }
    const double nothing = loss_of_one_row(zeros<double>({V}), classes.ids).item();
    double divergence = 0;
    for (const double count : classes.counts)
        divergence += count / N * std::log(count / N * static_cast<double>(V));
    claim(near(nothing, H + divergence, 1e-13) && above(divergence, 0.1),
          "Equal logits cost H + KL, and KL is more than 0.1.");
    logits.mutable_value().fill(0);
    nn::Adam<double> adam({&logits});
    for (int step = 1; step <= 300; ++step) {
        Tape<double> tape;
        const Var<double> loss = loss_of_one_row(logits, classes.ids);
        tape.backward(loss, step == 300 ? Keep::everything : Keep::nothing);
        if (step == 300) page.show(tape, "one row of logits for each place of a text");
        adam.step(0.05);
    }
    const double learned = loss_of_one_row(logits.detach(), classes.ids).item();
    claim(near(learned, H, 1e-3), "Adam, beginning with equal logits, comes to H within 0.001.");
}

// ---- 3. Nats, bits, and characters
//
// The logarithm to base 2 counts in *bits*: one bit is what a fair coin costs, and
//
//     bits = nats / (ln 2)
//
// The entropy in bits is the least mean length of a character's code, for any code that knows no
// more than the shares (Shannon 1948).
//
// A loss is always a loss per guess. A model that guesses pieces of several characters makes fewer
// and harder guesses: its loss per guess is higher, and it may be the better model. To compare
// models with different pieces, divide by characters:
//
//     bits per character = (loss in nats) / (ln 2) (pieces) / (characters)
//
// Here the same text is guessed by the shares of single characters and by the shares of pairs.
static void nats_and_bits() {
    section("3. Nats, bits, and characters");
    const std::string text = sentences(60, "training");
    std::map<std::string, double> single, pairs;
    for (std::size_t i = 0; i < text.size(); ++i) ++single[text.substr(i, 1)];
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) ++pairs[text.substr(i, 2)];
    const auto entropy = [](const std::map<std::string, double>& counts) {
        Array<double> all = empty<double>({counts.size()});
        std::size_t i = 0;
        for (const auto& [piece, count] : counts) all(i++) = count;
        return entropy_of(all);
    };
    Table table({"pieces", "nats per piece", "bits per piece", "perplexity", "bits per character"});
    const double of_single = entropy(single);
    const double of_pairs = entropy(pairs);
    const double ln_2 = std::log(2);
    table.row("single characters", of_single, of_single / ln_2, std::exp(of_single),
              of_single / ln_2);
    table.row("pairs", of_pairs, of_pairs / ln_2, std::exp(of_pairs), of_pairs / ln_2 / 2);
    table.print();
    claim(near(cross_entropy<double>(zeros<double>({1, 2}), {0}).item() / ln_2, 1, 1e-14),
          "A fair coin costs 1 bit.");
    claim(above(of_pairs, of_single), "A pair costs more nats than a single character.");
    claim(below(of_pairs / 2, of_single),
          "For each character, pairs cost less than single characters do.");
}

// ---- 4. Knowing what came before
//
// After "th" comes "e". Who looks at the last $c$ characters, the *context*, can count what
// followed them in the text, and give that as probabilities:
//
//     p(next | context) = (count(context, next) + a) / (count(context) + a V)
//
// The small number $a$, here 0.01, is added to every count, so that nothing is impossible: one
// character with $p = 0$ would make the loss infinite.
//
// The longer the context, the less the text that was counted can surprise. But that is the text one
// has learned from. What one wants to know is the loss on a text of the same kind that one has not
// seen: the *held-out* text. With a long context there are few places to count from and many
// contexts never seen, and the held-out loss rises again. This is *overfitting*: learning by heart
// what will not come again. So both losses are watched during training, and the held-out one
// counts.
//
// How low can it go? We know the machine: a sentence is drawn from $4^5$ equally likely ones.
// Nobody can do better than $5 ln 4$ nats for a sentence; divided by the number of its characters,
// that is the limit for one. On a text of people nobody knows this number.
struct Counts {
    std::map<std::string, std::map<char, double>> next;
    std::map<std::string, double> all;
};

static Counts count(const std::string& text, std::size_t context) {
    Counts counts;
    for (std::size_t i = context; i < text.size(); ++i) {
        const std::string before = text.substr(i - context, context);
        ++counts.next[before][text[i]];
        ++counts.all[before];
    }
    return counts;
}

static double loss_of(Counts& counts, const std::string& text, std::size_t context, double V) {
    const double a = 0.01;
    double loss = 0;
    for (std::size_t i = context; i < text.size(); ++i) {
        const std::string before = text.substr(i - context, context);
        const double p = (counts.next[before][text[i]] + a) / (counts.all[before] + a * V);
        loss -= std::log(p);
    }
    return loss / static_cast<double>(text.size() - context);
}

static void knowing_what_came_before() {
    section("4. Knowing what came before");
    const std::string training = sentences(60, "training");
    const std::string held_out = sentences(60, "held out");
    const double V = static_cast<double>(classes_of(training).characters.size());
    const double limit = 60 * 5 * std::log(4) / static_cast<double>(held_out.size());
    std::cout
        << "Losses in nats per character; perplexity and bits are those of the held-out text:\n";
    Table table({"context", "training", "held out", "perplexity", "bits per character"});
    std::vector<double> seen, unseen;
    for (const std::size_t context : {0u, 1u, 2u, 4u, 6u, 8u, 12u, 20u}) {
        Counts counts = count(training, context);
        seen.push_back(loss_of(counts, training, context, V));
        unseen.push_back(loss_of(counts, held_out, context, V));
        table.row(context, seen.back(), unseen.back(), std::exp(unseen.back()),
                  unseen.back() / std::log(2));
    }
    table.print();
    std::cout << "The best that anybody could do on the held-out text is "
              << lessons::text_of(limit) << " nats per character.\n";
    double falls = -INFINITY;  // the least by which it does
    for (std::size_t i = 0; i + 1 < seen.size(); ++i) falls = larger(falls, seen[i + 1] - seen[i]);
    claim(below(falls, 0), "The training loss falls with every longer context.");
    const double best = *std::min_element(unseen.begin(), unseen.end());
    claim(below(seen.back(), limit),
          "The training loss of context 20 is lower than the best that anybody could do on new "
          "text.");
    claim(above(best, limit),
          "The held-out loss is higher than that best at every length of the context.");
    claim(above(unseen.front(), 2 * best) && above(unseen.back(), 2 * best),
          "With longer contexts the held-out loss falls, and then rises to twice its lowest and "
          "more.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    knowing_nothing();
    knowing_how_frequent(page);
    nats_and_bits();
    knowing_what_came_before();
}

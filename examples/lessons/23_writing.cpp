// Lesson 23. Writing: a model that says one character after the other
//
// How does a language model write? It reads what is there, says how likely each next character is,
// one of them is drawn, and it reads that one too. Nothing else happens in the large programs. Here
// a causal Linformer (lesson 22) learns a small language in seconds, and then writes. The language
// is made in this file, by rules. So we know what nobody knows of English: the probability of every
// sentence, the loss that no model can go below, and whether a written sentence is right.
//
// The words of this lesson: *autoregressive* is a model that reads what it has written itself;
// *sampling* is drawing from its probabilities; *temperature* and *top-k* change them before the
// draw. After lessons 8 (Adam), 12 (perplexity), 13 (tokens and positions) and 22 (causal
// attention). About 40 minutes.
//
// Run it: build/release/bin/23_writing [--page FILE]
#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/schedule.hpp"

using namespace taper;
using examples::larger;
using lessons::above, lessons::below, lessons::near, lessons::equal, lessons::claim;
using lessons::Page, lessons::section, lessons::Table, lessons::text_of;

// ---- 1. A language of 7680 sentences
//
// A grammar says which sentences there are. Ours knows one form:
//
// ```
//     sentence    the NOUN[s] BRACKETS VERB[s] the NOUN[s].
//     BRACKETS    nothing, or " (ADJECTIVE BRACKETS)", at most three deep
// ```
//
// and two rules that reach across a distance:
//
// - Agreement: the verb has an s if the first noun has none. "the cat sees", but "the cats see". Up
//   to 18 characters of brackets stand between the two.
// - Brackets: each one that was opened is closed, and only then the verb comes.
//
// Words are drawn with fixed probabilities: of the nouns "cat" is every second one. A noun is
// plural in half of all cases, and a bracket is opened in half of the places where one may open. A
// sentence is made of independent choices, so its probability is the product of theirs:
//
//     P("the dogs see the cat.") = 1/4 * 1/2 * 1/2 * 1/2 * 1/2 * 1/2
//
// for dog, plural, no bracket, see, cat, singular. That is 1/128.
struct Word {
    std::string text;
    double p;
};
static const std::vector<Word> nouns{
    {"cat", 0.5}, {"dog", 0.25}, {"bird", 0.125}, {"horse", 0.125}};
static const std::vector<Word> adjectives{{"old", 0.5}, {"red", 0.25}, {"wet", 0.25}};
static const std::vector<Word> verbs{{"see", 0.5}, {"hear", 0.25}, {"follow", 0.25}};
static constexpr double plural = 0.5, bracket = 0.5;
static constexpr int deepest = 3;

// Whatever BRACKETS can be, inside of `depth` brackets: a text and its probability.
static std::vector<Word> all_brackets(int depth = 0) {
    if (depth == deepest) return {{"", 1}};
    std::vector<Word> all{{"", 1 - bracket}};
    for (const Word& adjective : adjectives)
        for (const Word& inner : all_brackets(depth + 1))
            all.push_back(
                {" (" + adjective.text + inner.text + ")", bracket * adjective.p * inner.p});
    return all;
}

// The whole language.
static std::vector<Word> all_sentences() {
    std::vector<Word> all;
    for (const Word& subject : nouns)
        for (const bool many : {false, true})
            for (const Word& brackets : all_brackets())
                for (const Word& verb : verbs)
                    for (const Word& object : nouns)
                        for (const std::string ending : {"", "s"})
                            all.push_back({"the " + subject.text + (many ? "s" : "") +
                                               brackets.text + " " + verb.text + (many ? "" : "s") +
                                               " the " + object.text + ending + ".",
                                           subject.p * (many ? plural : 1 - plural) * brackets.p *
                                               verb.p * object.p *
                                               (ending == "s" ? plural : 1 - plural)});
    return all;
}
static const std::vector<Word> language = all_sentences();

// The word in whose share of [0, 1) u lies: so uniform numbers become words of these probabilities.
static const Word& choose(const std::vector<Word>& words, double u) {
    for (const Word& word : words) {
        if (u < word.p) return word;
        u -= word.p;
    }
    return words.back();
}

// A text: so many sentences, each drawn by itself.
using Sentences = std::vector<std::string>;
static Sentences drawn(const std::string& purpose, std::size_t count) {
    Sentences text;
    for (std::size_t i = 0; i < count; ++i)
        text.push_back(choose(language, Random(1, purpose).uniform(i)).text);
    return text;
}

static double probability_of(const std::string& sentence) {
    static const std::map<std::string, double> probabilities = [] {
        std::map<std::string, double> all;
        for (const Word& s : language) all[s.text] = s.p;
        return all;
    }();
    const auto found = probabilities.find(sentence);
    return found == probabilities.end() ? 0 : found->second;
}

static void the_language() {
    section("1. A language of 7680 sentences");
    Table table({"sentence", "probability"}, 3);
    for (const std::string& sentence : drawn("training", 6))
        table.row(sentence, probability_of(sentence));
    table.row("the cats sees the dog.", probability_of("the cats sees the dog."));
    table.print();
    double total = 0;
    for (const Word& sentence : language) total += sentence.p;
    claim(equal(language.size(), 4u * 2 * (1 + 3 + 9 + 27) * 3 * 4 * 2),
          "There are 8 subjects, 40 brackets, 3 verbs and 8 objects: 7680 sentences in all.");
    claim(near(total, 1, 1e-12), "Their probabilities sum to 1.");
    claim(equal(probability_of("the dogs see the cat."), 1 / 128.0),
          "P(\"the dogs see the cat.\") is the product above, 1/128.");
    claim(equal(probability_of("the cats sees the dog."), 0.0),
          "A sentence whose verb does not agree has the probability 0: it is not in the language.");
}

// ---- 2. The loss that no model can go below
//
// Lesson 12: a model that gives the text the probability P pays $- ln P$ nats for it, and spread
// over its characters this is the loss. Who knows the grammar pays least on average, and what he
// pays is the *entropy*:
//
//     H = - sum_s P(s) ln P(s)
//
// over all sentences s. Any other probabilities Q cost more on average: $- sum_s P(s) ln Q(s)$ is
// never below H (Gibbs' inequality).
//
// The entropy can be had with a pencil, too. Independent choices add their entropies, and the
// choice between probabilities $1/2$, $1/4$, $1/8$, $1/8$ is worth
//
//     1/2 * 1 + 1/4 * 2 + 1/8 * 3 + 1/8 * 3 = 1.75 "bit"
//
// where $log_2 8 = 3$. A noun is 1.75 bit, plural or not is 1, a verb or an adjective is 1.5. On
// average $1 + 1/2 + 1/4$ times it is decided whether a bracket opens, and $1/2 + 1/4 + 1/8$
// adjectives are chosen. A bit is ln 2 nats.
//
// The model says characters, and one more than the sentence has: that the sentence is over. So H is
// divided by the mean of length + 1.
static double entropy() {
    double H = 0;
    for (const Word& sentence : language) H -= sentence.p * std::log(sentence.p);
    return H;
}
static double mean_length() {  // with the end
    double length = 0;
    for (const Word& sentence : language)
        length += sentence.p * static_cast<double>(sentence.text.size() + 1);
    return length;
}

// What who knows the grammar pays for this text, in nats a character. It differs from H a little,
// as the text has its sentences by chance.
static double least_loss(const Sentences& text) {
    double nats = 0, characters = 0;
    for (const std::string& sentence : text) {
        nats -= std::log(probability_of(sentence));
        characters += static_cast<double>(sentence.size() + 1);
    }
    return nats / characters;
}

static void the_floor() {
    section("2. The loss that no model can go below");
    const double noun = 1.75, number = 1, adjective = 1.5, verb = 1.5;
    const double decided = 1 + bracket + bracket * bracket;
    const double bits =
        noun + number + decided + bracket * decided * adjective + verb + noun + number;
    Table table({"of what", "nats"});
    table.row("a sentence, summed over all 7680", entropy());
    table.row("a sentence, by the choices, 10.0625 bit", bits * std::log(2));
    table.row("a character, where a sentence has " + text_of(mean_length(), 3) + " on average",
              entropy() / mean_length());
    table.print();
    claim(near(entropy(), bits * std::log(2), 1e-12),
          "The sum over all sentences is the sum of the choices' entropies.");
    claim(near(entropy() / mean_length(), 0.2364, 5e-5),
          "The grammar's entropy is 0.2364 nats a character: no model can do better for long.");
}

// ---- 3. A row of a batch
//
// The alphabet has 22 characters, and their numbers are the tokens. Character 0 is the end of a
// line. It stands before a sentence, so that there is something to read when the first letter is to
// be said, and behind it.
//
// A row of the batch is one sentence. Its target at position t is the character at t + 1, and the
// model is causal, so each position has to say what it cannot see. One row trains all of its
// positions at once (teacher forcing, lesson 22): each reads the right characters before it, and
// not what the model would have said. Behind the end the target is `ignore_index`: such positions
// do not count.
static const std::string letters = "\n .()abcdefghilnorstvw";
static constexpr std::size_t n = 48;  // the longest sentence has 45 characters
static std::int64_t token(char letter) { return static_cast<std::int64_t>(letters.find(letter)); }

struct Batch {
    Ids tokens, targets;  // (B, n)
};
static Batch batch_of(const Sentences& sentences) {
    const std::size_t B = sentences.size();
    Batch batch{full<std::int64_t>({B, n}, 0), full<std::int64_t>({B, n}, ignore_index)};
    for (std::size_t b = 0; b < B; ++b) {
        const std::string line = "\n" + sentences[b] + "\n";
        for (std::size_t t = 0; t + 1 < line.size(); ++t) {
            batch.tokens(b, t) = token(line[t]);
            batch.targets(b, t) = token(line[t + 1]);
        }
    }
    return batch;
}

static std::string shown(std::int64_t token) {
    if (token < 0) return "nothing";
    return token == 0 ? "end" : std::string("'") + letters[static_cast<std::size_t>(token)] + "'";
}

static void a_row() {
    section("3. A row of a batch");
    const std::string sentence = "the cat sees the dog.";
    const Batch batch = batch_of({sentence});
    Table table({"position", "reads", "is to say"});
    for (const std::size_t t : {0u, 1u, 2u, 3u, 4u, 20u, 21u, 22u})
        table.row(t, shown(batch.tokens(0, t)), shown(batch.targets(0, t)));
    table.print();
    std::size_t shifted = 0, counted = 0;
    for (std::size_t t = 0; t < n; ++t) {
        counted += batch.targets(0, t) != ignore_index;
        shifted +=
            t + 1 < n && t < sentence.size() && batch.targets(0, t) == batch.tokens(0, t + 1);
    }
    claim(equal(shifted, sentence.size()), "Each target is the token one position further on.");
    claim(equal(counted, sentence.size() + 1),
          "The row counts 22 targets: the 21 characters of the sentence, and its end.");
}

// ---- 4. Training
//
// The model is `nn::Linformer` with `.causal = true`: token and position embeddings (lesson 13),
// two blocks (lesson 20) whose attention keeps running sums in k = 8 slots (lesson 22), and a head
// that gives a logit to each of the 22 characters. Only the task differs from lesson 21: nothing is
// masked, and everything is to be foretold.
//
// It is trained on 1000 sentences, and judged on 300 others that were drawn apart (the *held-out*
// text). Some of those stand in the training text as well: short sentences are frequent. Three
// numbers tell how to read the loss:
//
// - ln V = ln 22 is knowing nothing.
// - The entropy of single characters is knowing how frequent each is.
// - What who knows the grammar pays for this very text is the floor. A model that goes below it on
//   a held-out text has seen what it is to say: the future leaks.
//
// How near to the floor is near? Who knows everything but the agreement has to guess whether an s
// follows the verb. It costs ln 2 nats a sentence, which is a tenth of the floor. So 5 % above the
// floor leaves no room for a rule that was not learned.
static constexpr std::size_t steps = 1000, sentences_a_step = 8;

static nn::Linformer<float> new_model() {
    return nn::Linformer<float>({.vocab_size = letters.size(),
                                 .length = n,
                                 .width = 32,
                                 .heads = 2,
                                 .layers = 2,
                                 .ffn_width = 64,
                                 .causal = true,
                                 .k = 8});
}

static double loss_of(const nn::Linformer<float>& model, const Sentences& text) {
    const Batch batch = batch_of(text);
    return static_cast<double>(cross_entropy(model(batch.tokens), batch.targets).item());
}

static double entropy_of_single_characters(const Sentences& text) {
    std::map<char, double> counts;
    double all = 0;
    for (const std::string& sentence : text)
        for (const char letter : sentence + "\n") ++counts[letter], ++all;
    double H = 0;
    for (const auto& [letter, count] : counts) H -= count / all * std::log(count / all);
    return H;
}

static void train(nn::Linformer<float>& model, const Sentences& text, const Sentences& part,
                  const Sentences& held_out) {
    nn::Adam<float> adam(model.parameters());
    const nn::Schedule rate{.lr = 1e-2, .warmup = 20, .steps = steps};
    Table table({"step", "loss of 300 training sentences", "held-out loss"});
    table.row(0, loss_of(model, part), loss_of(model, held_out));
    for (std::uint32_t step = 1; step <= steps; ++step) {
        Sentences some;
        for (std::size_t b = 0; b < sentences_a_step; ++b)
            some.push_back(text[Random(1, "batch", step).below(b, text.size())]);
        const Batch batch = batch_of(some);
        Tape<float> tape;
        const Var<float> loss = cross_entropy(model(batch.tokens), batch.targets);
        tape.backward(loss);
        nn::clip_gradients(model.parameters(), 1.0);
        adam.step(rate(step));
        if (step == 50 || step % 200 == 0)
            table.row(step, loss_of(model, part), loss_of(model, held_out));
    }
    table.row("floor", least_loss(part), least_loss(held_out));
    table.print();
}

static void training(nn::Linformer<float>& model, const Sentences& text, const Page& page) {
    section("4. Training");
    const Sentences held_out = drawn("held out", 300);
    const double uniform = std::log(static_cast<double>(letters.size()));
    const double frequencies = entropy_of_single_characters(text);
    std::cout << "  Knowing nothing costs ln 22 = " << text_of(uniform)
              << " nats a character.\n  Knowing how frequent each is costs " << text_of(frequencies)
              << ".\n";
    const double first = loss_of(model, held_out);
    const Sentences part(text.begin(), text.begin() + 300);
    train(model, text, part, held_out);
    const double last = loss_of(model, held_out);
    const double floor = least_loss(held_out);
    claim(near(first, uniform, 0.1), "The held-out loss starts at ln 22.");
    claim(below(last, frequencies / 4), "It ends below a quarter of what the frequencies cost.");
    claim(below(last, 1.05 * floor), "It comes to within 5 % of the floor.");
    claim(above(last, floor), "It does not go below the floor.");
    claim(below(loss_of(model, part) - least_loss(part), last - floor),
          "It is nearer to the floor on sentences that it was trained on than on held-out ones: it "
          "has begun to learn them by heart.");
    std::cout << "  The held-out perplexity (lesson 12) is e^" << text_of(last) << " = "
              << text_of(std::exp(last))
              << ":\n  most characters are certain, and few are a real choice.\n";

    Tape<float> tape;
    const Batch batch = batch_of({"the cats (old) see the dog."});
    tape.backward(cross_entropy(model(batch.tokens), batch.targets), Keep::everything);
    page.show(tape, "A causal Linformer on one sentence");
    for (Parameter<float>* w : model.parameters()) w->clear_gradient();
}

// ---- 5. One character, taken apart
//
// The model has read "the ". Three steps lead from its logits to the next character:
//
// ```
//     logits          the head's 22 numbers z_i
//        | / T        the temperature
//     z_i / T
//        | softmax
//     p_i             22 probabilities, which sum to 1
//        | draw       a number u, uniform in [0, 1)
//     one character   the first at which p_1 + p_2 + ... exceeds u
// ```
//
// Why is T called temperature? $p_i$ is proportional to $e^(z_i // T)$, as in Boltzmann's law,
// where states of less energy are preferred the more the colder it is. Since
// $e^(z // T) = (e^z)^(1 // T)$, the probabilities of T = 1 are raised to the power 1/T and made to
// sum to 1 again:
//
//     p_i(T) = p_i^(1 // T) / (sum_j p_j^(1 // T))
//
// T below 1 makes the likely ones likelier: at T = 1/2 a ratio of 2 to 1 becomes 4 to 1. T above 1
// makes all more alike. T = 0 is the limit: the likeliest character is always taken (*greedy*).
//
// The model must read what it says: `nn::Decoder` takes one token, adds its key and value to the
// running sums, and gives the logits of the next. It keeps $2 k d_h$ numbers for each head, however
// much was read.
using Probabilities = std::vector<double>;

static Probabilities at_temperature(const Array<float>& logits, double T) {
    const Array<double> z = converted<double>(logits);
    Probabilities p(z.size(), 0.0);
    if (T == 0) {
        p[static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin())] = 1;
        return p;
    }
    const Array<double> softened = softmax(Var<double>(z) / T).value();
    return {softened.begin(), softened.end()};
}

static std::int64_t draw(const Probabilities& p, double u) {
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (u < p[i]) return static_cast<std::int64_t>(i);
        u -= p[i];
    }
    // Rounding may leave a little of u: the last character that is possible.
    return p.rend() - std::find_if(p.rbegin(), p.rend(), [](double x) { return x > 0; }) - 1;
}

// The logits behind a text, from the end of the line before it on.
static Array<float> logits_after(const nn::Linformer<float>& model, const std::string& text) {
    nn::Decoder<float> decoder(model);
    Array<float> logits = decoder(token('\n'));
    for (const char letter : text) logits = decoder(token(letter));
    return logits;
}

// What the grammar says of the character after a prefix: exact, from all sentences that begin so.
static double by_grammar(const std::string& prefix, char next) {
    double all = 0, those = 0;
    for (const Word& sentence : language) {
        const std::string line = sentence.text + "\n";
        if (line.starts_with(prefix)) all += sentence.p;
        if (line.starts_with(prefix + next)) those += sentence.p;
    }
    return those / all;
}

static void one_character(const nn::Linformer<float>& model) {
    section("5. One character, taken apart");
    const std::string prefix = "the ";
    const Array<float> logits = logits_after(model, prefix);
    const Probabilities p = at_temperature(logits, 1);
    const Probabilities cold = at_temperature(logits, 0.7);
    const Probabilities hot = at_temperature(logits, 1.5);
    const std::size_t draws = 10000;
    std::vector<double> frequency(letters.size(), 0);
    for (std::size_t i = 0; i < draws; ++i)
        frequency[static_cast<std::size_t>(draw(p, Random(1, "draws").uniform(i)))] += 1.0 / draws;

    std::cout << "  After \"the \", the four that the grammar allows, and three of the others.\n";
    Table table({"next", "logit", "grammar", "p at T = 1", "drawn", "T = 0.7", "T = 1.5"}, 3);
    double from_grammar = 0, from_frequency = 0, from_power = 0, sum_of_powers = 0;
    for (const double each : p) sum_of_powers += std::pow(each, 1 / 0.7);
    for (const char letter : std::string("bcdhts ")) {
        const auto i = static_cast<std::size_t>(token(letter));
        const double grammar = by_grammar(prefix, letter);
        table.row(shown(token(letter)), logits(i), grammar, p[i], frequency[i], cold[i], hot[i]);
        from_grammar = larger(from_grammar, std::abs(p[i] - grammar));
        from_frequency = larger(from_frequency, std::abs(p[i] - frequency[i]));
        from_power =
            larger(from_power, std::abs(cold[i] - std::pow(p[i], 1 / 0.7) / sum_of_powers));
    }
    table.print();
    claim(below(from_grammar, 0.08), "The model's probabilities are near the grammar's.");
    claim(below(from_frequency, 0.015),
          "Of 10000 draws each character gets its share, to 0.015, "
          "three standard deviations of such a count.");
    claim(below(from_power, 1e-12),
          "softmax(z / 0.7) is p to the power 1/0.7, made to sum to 1 again.");
    const auto c = static_cast<std::size_t>(token('c'));
    claim(above(cold[c], p[c]) && below(hot[c], p[c]),
          "The likeliest, 'c', is likelier still at 0.7, and less likely at 1.5.");

    const double cd = p[c] + p[c + 1];
    std::cout << "  In the order of the alphabet 'b' takes [0, " << text_of(p[c - 1], 3)
              << ") of the line from 0 to 1,\n  'c' from there to " << text_of(p[c - 1] + p[c], 3)
              << ", 'd' to " << text_of(p[c - 1] + cd, 3) << ", 'h' nearly all of the rest.\n";
    claim(equal(shown(draw(p, 0.05)) + shown(draw(p, 0.4)) + shown(draw(p, 0.75)) +
                    shown(draw(p, 0.95)),
                "'b''c''d''h'"),
          "So u = 0.05 draws 'b', 0.4 draws 'c', 0.75 draws 'd' and 0.95 draws 'h'.");

    const Batch row = batch_of({"the cats (old) see the dog."});
    const Array<float> whole = model(row.tokens).value();  // (1, n, V)
    const Array<float> stepwise = logits_after(model, "the cats (old) see the dog.");
    double difference = 0;
    for (std::size_t i = 0; i < letters.size(); ++i)
        difference =
            larger(difference, std::abs(static_cast<double>(stepwise(i) - whole(0, 27, i))));
    claim(below(difference, 1e-3),
          "Character by character the decoder comes to the logits of one "
          "pass over the whole line, to the rounding of float.");
}

// ---- 6. It writes
//
// A loop of three lines: the logits of what was read, a draw, and what was drawn is read. The end
// of the line stops it. The only thing that differs from training is that it reads its own
// characters: one that is wrong stays, and what follows has to live with it.
//
// *Top-k* is the simplest cure for unlikely characters: all but the k likeliest get the probability
// 0 before the draw (this k has nothing to do with Linformer's). A single character that is
// possible only by the model's error is rare. A sentence has 29 of them, and what happens in 1 of
// 100 draws happens in a quarter of all sentences.
struct Sampling {
    double temperature;
    std::size_t top_k = letters.size();
};

static Probabilities keep_likeliest(Probabilities p, std::size_t top_k) {
    Probabilities falling = p;
    std::sort(falling.rbegin(), falling.rend());
    double kept = 0;
    for (double& each : p) {
        if (each < falling[top_k - 1]) each = 0;
        kept += each;
    }
    for (double& each : p) each /= kept;
    return p;
}

static std::string write(const nn::Linformer<float>& model, const Sampling& sampling,
                         const Random& random, const std::string& begun = "") {
    nn::Decoder<float> decoder(model);
    Array<float> logits = decoder(token('\n'));
    for (const char letter : begun) logits = decoder(token(letter));
    std::string text = begun;
    while (decoder.positions() < n) {
        const Probabilities p =
            keep_likeliest(at_temperature(logits, sampling.temperature), sampling.top_k);
        const std::int64_t next = draw(p, random.uniform(text.size()));
        if (next == token('\n')) break;
        text += letters[static_cast<std::size_t>(next)];
        logits = decoder(next);
    }
    return text;
}

static Sentences write_many(const nn::Linformer<float>& model, const Sampling& sampling) {
    Sentences text;
    for (std::uint32_t i = 0; i < 200; ++i)
        text.push_back(write(model, sampling, Random(1, "writing", i)));
    return text;
}

static double share_allowed(const Sentences& text) {
    const auto allowed = std::count_if(text.begin(), text.end(), [](const std::string& sentence) {
        return probability_of(sentence) > 0;
    });
    return static_cast<double>(allowed) / static_cast<double>(text.size());
}

static void it_writes(const nn::Linformer<float>& model) {
    section("6. It writes");
    const Sentences trained = write_many(model, {.temperature = 0.7});
    const Sentences untrained = write_many(new_model(), {.temperature = 0.7});
    Table table({"temperature 0.7", "allowed"});
    for (std::size_t i = 0; i < 10; ++i)
        table.row(trained[i], std::string(probability_of(trained[i]) > 0 ? "yes" : "no"));
    table.print();
    std::string line = untrained[0].substr(0, 40);
    std::cout << "  The untrained model writes \"" << line << "\".\n";
    claim(above(share_allowed(trained), 0.9),
          "Of 200 sentences at temperature 0.7 more than 90 % are of the language.");
    claim(equal(share_allowed(untrained), 0.0), "Of 200 that the untrained model writes, none is.");
}

// ---- 7. Cold and hot
//
// The temperature is a choice between two goods. What is cold is right and says always the same.
// What is hot is various, and makes more mistakes. Temperature 0 is not the likeliest sentence
// either: it takes the likeliest character each time, and where two are alike, as at a bracket that
// opens or does not, the model's smallest preference decides, every time again.
struct Written {
    double allowed;           // the share
    double different, fresh;  // sentences; allowed ones that the training text does not have
};
static Written judge(const Sentences& text, const Sentences& training_text) {
    const std::set<std::string> known(training_text.begin(), training_text.end());
    const std::set<std::string> different(text.begin(), text.end());
    double fresh = 0;
    for (const std::string& sentence : different)
        fresh += probability_of(sentence) > 0 && !known.contains(sentence);
    return {share_allowed(text), static_cast<double>(different.size()), fresh};
}

static void cold_and_hot(const nn::Linformer<float>& model, const Sentences& text) {
    section("7. Cold and hot");
    std::map<std::string, Written> judged;
    Table table({"200 sentences at", "allowed", "different", "allowed and new", "the first"}, 3);
    for (const auto& [name, sampling] :
         std::vector<std::pair<std::string, Sampling>>{{"T = 0", {0}},
                                                       {"T = 0.7", {0.7}},
                                                       {"T = 1", {1}},
                                                       {"T = 1.5", {1.5}},
                                                       {"T = 1.5, top-k 4", {1.5, 4}},
                                                       {"T = 3", {3}}}) {
        const Sentences written = write_many(model, sampling);
        const Written w = judge(written, text);
        table.row(name, w.allowed, w.different, w.fresh, written[0]);
        judged[name] = w;
    }
    table.print();
    claim(equal(judged["T = 0"].different, 1.0),
          "At temperature 0 nothing is left to chance: it writes one sentence, 200 times.");
    claim(above(judged["T = 1"].fresh, 20),
          "It does not only repeat: at T = 1 more than 20 sentences are right and stand nowhere in "
          "the training text.");
    claim(above(judged["T = 1"].different, judged["T = 0"].different) &&
              above(judged["T = 3"].different, judged["T = 1"].different),
          "From 0 to 1 to 3 it writes more and more different sentences.");
    claim(below(judged["T = 1.5"].allowed, judged["T = 0.7"].allowed) &&
              below(judged["T = 3"].allowed, judged["T = 1.5"].allowed),
          "The hotter, the fewer are allowed.");
    claim(above(judged["T = 1.5, top-k 4"].allowed, judged["T = 1.5"].allowed),
          "Top-k brings back some of what the heat has spoiled.");
}

// ---- 8. What it has understood
//
// Rules that reach far are where a model shows what it has learned. Each line below is a beginning,
// and the probability of one next character, by the grammar and by the model. The verb's s hangs on
// a letter that was read long before; how many brackets are to be closed hangs on a count. All that
// the model has of the past is its running sums.
//
// It is a toy. 7680 sentences can be known without anything that one would call understanding, and
// English has no list that a sentence could be looked up in. What stays the same on a real text is
// the machine: the targets are the text one further on, the loss is cross-entropy, and writing is
// this loop. The program `train_lm` trains on a file of yours, with tokens of more than one
// character (lesson 13), and `generate` writes with `--temperature`, `--top-k` and `--top-p` (the
// fewest characters that reach the probability p together: Holtzman, Buys, Du, Forbes and Choi
// 2019, arXiv 1904.09751); see `examples/run.sh` for a whole run.
static void what_it_knows(const nn::Linformer<float>& model) {
    section("8. What it has understood");
    Table table({"begun", "next", "grammar", "model"}, 3);
    double worst = 0;
    for (const auto& [begun, next] :
         std::vector<std::pair<std::string, char>>{{"the bird (old (red)) see", 's'},
                                                   {"the birds (old (red)) see", 's'},
                                                   {"the birds (old (red)) see", ' '},
                                                   {"the horse (wet (old)", ')'},
                                                   {"the horse (wet (old))", ')'},
                                                   {"the horse (wet (old))", ' '},
                                                   {"the horse (wet", ')'},
                                                   {"the horse (wet", ' '},
                                                   {"the horse (red (wet (old", ')'},
                                                   {"the dog hears the cat.", '\n'}}) {
        const Probabilities p = at_temperature(logits_after(model, begun), 1);
        const double grammar = by_grammar(begun, next);
        const double said = p[static_cast<std::size_t>(token(next))];
        table.row(begun, shown(token(next)), grammar, said);
        worst = larger(worst, std::abs(said - grammar));
    }
    table.print();
    claim(below(worst, 0.3), "In all of these the model is within 0.3 of the grammar.");

    Table continued({"begun", "goes on"});
    bool right = true;
    for (const std::string begun : {"the horses (wet (old", "the bird", "the dogs (red)"}) {
        const std::string sentence = write(model, {.temperature = 0}, Random(1, "on"), begun);
        continued.row(begun, sentence.substr(begun.size()));
        right = right && probability_of(sentence) > 0;
    }
    continued.print();
    claim(right, "What it adds to each of these at temperature 0 closes the brackets and agrees.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    keep_freed_memory();
    the_language();
    the_floor();
    a_row();
    nn::Linformer<float> model = new_model();
    const Sentences text = drawn("training", 1000);
    training(model, text, page);
    one_character(model);
    it_writes(model);
    cold_and_hot(model, text);
    what_it_knows(model);
}

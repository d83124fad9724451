// Lesson 13. Tokens and positions: from text to rows of numbers
//
// A network adds and multiplies numbers, and a text has none. How does a text become an array that
// a network can read, and that gradients can reach?
//
// ```
// "cab"                 the text
// "c"   "a"   "b"       tokens: the pieces that it is cut into
// 2     0     1         ids: the place of each in the list of all tokens
// W_2   W_0   W_1       embedding: rows 2, 0 and 1 of a table W, learned
// + p_0 + p_1 + p_2     positions: a row for each place, learned too
// ```
//
// Every step is small. Two of them need thought: how the gradient comes back to the table, and why
// the last line is there at all. After lessons 3, 8 and 11. About 25 minutes.
//
// Run it: build/release/bin/13_tokens_positions
#include <algorithm>
#include <cmath>
#include <map>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/optim/adam.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::above;
using lessons::below;
using lessons::claim;
using lessons::equal;
using lessons::near;
using lessons::section;
using lessons::Table;

using Tokens = std::vector<std::string>;

// ---- 1. Characters: tokens, vocabulary, ids
//
// The simplest token is a character. The *vocabulary* is the list of all different tokens; V is
// their number. The *id* of a token is its place in that list, from 0 to V - 1. An id is a name
// written as a number: id 3 is not three times as much of anything as id 1.
static Tokens characters(const std::string& text) {
    Tokens tokens;
    for (const char letter : text) tokens.emplace_back(1, letter);
    return tokens;
}

static Tokens vocabulary_of(Tokens tokens) {
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    return tokens;
}

// Returns V for a token that is not in the vocabulary.
static std::size_t id_of(const std::string& token, const Tokens& vocabulary) {
    const auto found = std::find(vocabulary.begin(), vocabulary.end(), token);
    return static_cast<std::size_t>(found - vocabulary.begin());
}

static std::string joined(const std::vector<std::size_t>& ids, const Tokens& vocabulary) {
    std::string text;
    for (const std::size_t id : ids) text += vocabulary.at(id);
    return text;
}

static void characters_and_ids() {
    section("1. Characters: tokens, vocabulary, ids");
    const std::string text = "a cab";
    const Tokens tokens = characters(text);
    const Tokens vocabulary = vocabulary_of(tokens);
    std::vector<std::size_t> ids;
    Table table({"position", "token", "id"});
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        ids.push_back(id_of(tokens[t], vocabulary));
        table.row(t, "'" + tokens[t] + "'", ids[t]);
    }
    table.print();
    claim(equal(tokens.size(), 5u) && equal(vocabulary.size(), 4u),
          "\"a cab\" has five tokens, and a vocabulary of V = 4.");
    claim(equal(ids[0], ids[3]), "The letter a has the same id wherever it stands.");
    claim(equal(joined(ids, vocabulary), text),
          "From the ids the text comes back, letter by letter.");
    claim(equal(id_of("z", vocabulary), vocabulary.size()),
          "The letter z has no id: such a vocabulary cannot write what it has not seen.");
}

// ---- 2. Bytes, and pieces that are learned
//
// A computer stores text as *bytes*, numbers from 0 to 255. In UTF-8 an English letter is one byte
// and an accented letter is two. If the tokens are bytes, then V = 256 and every text can be
// written. But the texts become long, and what a step of training costs grows with their length.
//
// *Byte pair encoding* (Gage 1994; for language models Sennrich, Haddow and Birch, arXiv
// 1508.07909) learns longer tokens from a text. It starts with single bytes, or characters. Then
// it does the same step again and again: it counts which two tokens stand side by side most often,
// and *merges* these two into one new token. On the text "banana band":
//
// ```
// b a n a n a _ b a n d      11 tokens; "a n" stands there 3 times, more
//                            than any other pair
// b an an a _ b an d          8 tokens; "b an" stands there twice, all
//                            others once
// ban an a _ ban d            6 tokens
// ```
//
// The list of the merges, in their order, is all that is learned. A new text is cut into single
// characters, and the same merges are made in it, in the same order. taper's programs read
// characters, bytes, or byte pairs with SentencePiece's tokenizer: `--tokenizer bpe` of
// `train_lm`.
using Pair = std::pair<std::string, std::string>;

static Pair most_frequent_pair(const Tokens& tokens) {
    std::map<Pair, std::size_t> counts;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) ++counts[{tokens[i], tokens[i + 1]}];
    const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
    return std::max_element(counts.begin(), counts.end(), fewer)->first;
}

static Tokens merged(const Tokens& tokens, const Pair& pair) {
    Tokens result;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const bool is_pair =
            i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second;
        result.push_back(is_pair ? pair.first + pair.second : tokens[i]);
        if (is_pair) ++i;
    }
    return result;
}

static std::string spaced(const Tokens& tokens) {
    std::string line;
    for (const std::string& token : tokens) line += (line.empty() ? "" : " ") + token;
    return line;
}

static void byte_pairs() {
    section("2. Bytes, and pieces that are learned");
    const std::string accented = "caf\xc3\xa9";  // the last letter, e with an accent, is two bytes
    claim(equal(accented.size(), 5u), "The four letters of caf\xc3\xa9 are five bytes in UTF-8.");

    Tokens tokens = characters("banana_band");
    std::vector<Pair> merges;
    Table table({"merges", "tokens", "the text"});
    table.row(0, tokens.size(), spaced(tokens));
    for (int merge = 1; merge <= 2; ++merge) {
        merges.push_back(most_frequent_pair(tokens));
        tokens = merged(tokens, merges.back());
        table.row(merge, tokens.size(), spaced(tokens));
    }
    table.print();
    claim(equal(merges[0].first + "+" + merges[0].second, "a+n"),
          "The first merge is a and n, which stand side by side three times.");
    claim(equal(merges[1].first + "+" + merges[1].second, "b+an"),
          "The second merge is b and an: a merge can build on an earlier one.");
    claim(equal(tokens.size(), 6u), "After two merges the 11 characters are 6 tokens.");

    Tokens unseen = characters("bandana");
    for (const Pair& pair : merges) unseen = merged(unseen, pair);
    claim(equal(spaced(unseen), "ban d an a"),
          "The same merges cut a new text, bandana, into four tokens: ban d an a.");
}

// ---- 3. The embedding: an id chooses a row
//
// A network should not calculate with ids, since the order of a vocabulary means nothing. So each
// token gets d numbers of its own: row id of a table W of shape (V, d). What these numbers are is
// learned. Looking rows up is called an *embedding*. For the tokens $t = 0, ..., n - 1$
//
//     y_t = W_(id_t)
//
// The same can be written as a product of matrices, and then lesson 3 knows its backward pass. Let
// X have a row for each token, which is 1 at the token's id and 0 elsewhere. Such a row is called
// *one-hot*. Row t of X W adds up the rows of W, each times 0, but one times 1:
//
//     (X W)_(t j) = sum_v X_(t v) W_(v j) = W_(id_t j)
//
// The op `embedding` copies the row and leaves out the multiplications by 0.
static const Ids baa{1, 0, 0};  // the text "baa", where a is 0, b is 1 and c is 2

static Array<double> one_hot(const Ids& ids, std::size_t V) {
    auto X = zeros<double>({ids.size(), V});
    for (std::size_t t = 0; t < ids.size(); ++t) X(t, static_cast<std::size_t>(ids(t))) = 1;
    return X;
}

static Parameter<double> small_table() { return {"W", Array<double>{{1, 2}, {3, 4}, {5, 6}}}; }

static void rows_of_a_table() {
    section("3. The embedding: an id chooses a row");
    const Parameter<double> W = small_table();
    const Array<double> X = one_hot(baa, 3);
    const Array<double> y = embedding(W, baa).value();
    std::cout << "  W, a row each for a, b, c:   " << to_string(W.value()) << "\n"
              << "  X, one-hot rows of baa:      " << to_string(X) << "\n"
              << "  y, the embedding of baa:     " << to_string(y) << "\n";
    claim(equal(to_string(y), "(3,2) {{3, 4}, {1, 2}, {1, 2}}"),
          "The embedding of baa is row 1 of the table, and row 0 twice.");
    claim(near(apart(matmul<double>(X, W), y), 0, 0),
          "The product of the one-hot rows and the table is the same, to the last bit.");
}

// ---- 4. Backward: rows are added up
//
// Let dy be the cotangent of y, as in lesson 5. The backward pass of a product (lesson 3) gives
//
//     dW = X^T dy
//
// Row v of it adds up the rows t of dy, each times $X_(t v)$, which is 1 where token t is v and
// else 0:
//
//     dW_v = sum_(t: id_t = v) dy_t
//
// So a token that occurs twice gets the sum of both rows: it is one variable that is used twice,
// and the ways add up (lesson 1). A token that does not occur gets 0. With dy = (1, 2), (10, 20),
// (100, 200) for "baa" a pencil finds: b has (1, 2), a has (10, 20) + (100, 200), c has (0, 0).
static void rows_added_up() {
    section("4. Backward: rows are added up");
    Parameter<double> W = small_table();
    const Array<double> dy{{1, 2}, {10, 20}, {100, 200}};
    {
        Tape<double> tape;
        tape.backward(embedding(W, baa), dy);
    }
    const Array<double> dW = W.gradient();
    Table table({"token", "dW column 0", "dW column 1"});
    for (std::size_t v = 0; v < 3; ++v) table.row(std::string(1, "abc"[v]), dW(v, 0), dW(v, 1));
    table.print();
    claim(near(dW(1, 0), 1, 0) && near(dW(1, 1), 2, 0),
          "b occurs once: its row of dW is the row of dy where it stands.");
    claim(near(dW(0, 0), 110, 0) && near(dW(0, 1), 220, 0),
          "a occurs twice: its row of dW is the sum of both rows of dy.");
    claim(near(dW(2, 0), 0, 0) && near(dW(2, 1), 0, 0),
          "c does not occur: its row of dW is 0, and it learns nothing from this text.");

    Parameter<double> factor = small_table();
    {
        Tape<double> tape;
        tape.backward(matmul<double>(one_hot(baa, 3), factor), dy);
    }
    claim(near(apart(factor.gradient(), dW), 0, 0),
          "The backward pass of the one-hot product gives the same dW.");
}

// ---- 5. A sum of rows is a bag
//
// Now a model shall read: tell "ab" from "ba". The rows of the tokens must become one answer, and
// the simplest way is their mean, then a linear map to two logits (lesson 11):
//
//     logits = U ((y_0 + y_1) / 2) + c
//
// But $y_0 + y_1 = y_1 + y_0$. The mean of "ab" and the mean of "ba" are the same numbers, and so
// are the logits, whatever W, U and c are. Such a model sees a *bag* of tokens: which and how
// many, in no order. Both texts then get the same probability p of "this is ab", and the best mean
// loss over both is
//
//     - 1/2 ln p - 1/2 ln (1 - p) >= ln 2
//
// which is what knowing nothing costs. No training can go below.
//
// The remedy is a second table with a row for each position, learned like the first (Gehring et
// al., arXiv 1705.03122; Vaswani et al., arXiv 1706.03762, compare it with sines):
//
//     x_t = W_(id_t) + p_t
//
// Is that enough? Not yet: the mean of the $x_t$ is the mean of the rows of W plus the mean of the
// $p_t$, and that is again the same for both texts. Each $x_t$ must first go through something
// that is not linear. Here that is the bend gelu of lesson 9; in a transformer it is the attention
// of lesson 14. Then "a at 0" and "a at 1" are two different things, and can count differently.
struct Reader {
    bool positions;
    bool bend;
    Parameter<double> W, p, U, c;

    Reader(bool with_positions, bool with_bend, std::uint64_t seed)
        : positions(with_positions),
          bend(with_bend),
          W("W", normal<double>(Random(seed, "W"), {2, 8})),
          p("p", normal<double>(Random(seed, "p"), {2, 8})),
          U("U", normal<double>(Random(seed, "U"), {2, 8})),
          c("c", zeros<double>({2})) {}

    Var<double> operator()(const Ids& ids) const {
        Var<double> x = embedding(W, ids);  // (B, n, d)
        if (positions) x = x + p;           // p (n, d): the same for every text
        if (bend) x = gelu(x);
        return linear(mean(x, {1}), U, c);
    }
};

static const Ids both_texts{{0, 1}, {1, 0}};  // "ab", "ba"

// Trains for 100 steps of Adam and returns the loss after them.
static double trained_loss(Reader& model) {
    nn::Adam<double> adam({&model.W, &model.p, &model.U, &model.c});
    double loss_now = 0;
    for (int step = 0; step <= 100; ++step) {
        Tape<double> tape;
        const Var<double> loss = cross_entropy(model(both_texts), {0, 1});
        loss_now = loss.item();
        tape.backward(loss);
        adam.step(0.05);
    }
    return loss_now;
}

// How different the logits of "ab" and of "ba" are.
static double difference(const Reader& model) {
    const Array<double> logits = model(both_texts).value();
    return larger(std::abs(logits(0, 0) - logits(1, 0)), std::abs(logits(0, 1) - logits(1, 1)));
}

struct Seen {
    double least_loss = 1e9, largest_loss = 0, largest_difference = 0;
};
static Seen three_models(bool positions, bool bend, Table& table) {
    Seen seen;
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        Reader model(positions, bend, seed);
        const double loss = trained_loss(model);
        seen.least_loss = std::min(seen.least_loss, loss);
        seen.largest_loss = std::max(seen.largest_loss, loss);
        seen.largest_difference = std::max(seen.largest_difference, difference(model));
        table.row(std::string(positions ? "yes" : "no"), std::string(bend ? "yes" : "no"), seed,
                  loss, difference(model));
    }
    return seen;
}

static void a_bag() {
    section("5. A sum of rows is a bag");
    Table table({"positions", "bend", "seed", "loss after 100 steps", "|logits of ab - of ba|"});
    const Seen bag = three_models(false, true, table);
    const Seen straight = three_models(true, false, table);
    const Seen reader = three_models(true, true, table);
    table.print();
    const double ln_2 = std::log(2.0);
    claim(near(bag.largest_difference, 0, 0),
          "Without positions the logits of ab and of ba are the same, to the last bit.");
    claim(above(bag.least_loss, ln_2 - 1e-14),
          "Without positions no seed gets below ln 2 = 0.6931, though it was trained.");
    claim(below(straight.largest_difference, 1e-14) && above(straight.least_loss, ln_2 - 1e-14),
          "Positions without a bend do not help: the mean of the sums is a bag as well.");
    claim(below(reader.largest_loss, 0.01),
          "With positions and a bend every seed tells ab from ba, with a loss below 0.01.");
}

// ---- 6. The layer
//
// `nn::Embedding` (`nn/layers/embedding.hpp`) is both tables in one layer, the first of every
// model in taper. For a batch of B texts of n tokens its output is (B, n, d):
//
//     x_(b t) = W_(id_(b t)) + p_t
//
// All B texts share the row $p_t$: it is broadcast, so its gradient is summed over b (lesson 3).
// And since p has one row for each position, a model cannot read further than its table reaches.
static void the_layer() {
    section("6. The layer");
    nn::Embedding<double> layer("embedding", 3, 4, 2, 1);  // V = 3, n = 4, d = 2, seed 1
    const Ids texts{{1, 0, 0}, {2, 2, 1}};                 // "baa", "ccb"
    const Array<double> dx = normal<double>(Random(1, "dx"), {2, 3, 2});
    Tape<double> tape;
    const Var<double> x = layer(texts);
    tape.backward(x, dx);

    double error = 0;
    double gradient_error = 0;
    for (std::size_t t = 0; t < 3; ++t)
        for (std::size_t j = 0; j < 2; ++j) {
            for (std::size_t b = 0; b < 2; ++b) {
                const auto id = static_cast<std::size_t>(texts(b, t));
                const double sum = layer.token.value()(id, j) + layer.position.value()(t, j);
                error = larger(error, std::abs(x.value()(b, t, j) - sum));
            }
            const double summed = dx(0, t, j) + dx(1, t, j);
            gradient_error =
                larger(gradient_error, std::abs(layer.position.gradient()(t, j) - summed));
        }
    claim(near(error, 0, 0), "The layer adds the row of the token and the row of the position.");
    claim(below(gradient_error, 1e-15),
          "The gradient of a position's row is the sum over the texts of the batch.");
    const Array<double>& dp = layer.position.gradient();
    claim(near(dp(3, 0), 0, 0) && near(dp(3, 1), 0, 0),
          "Position 3, where no text has a token, gets the gradient 0.");

    std::string message;
    try {
        layer(Ids{{0, 1, 2, 0, 1}});
    } catch (const Error& error_of_length) {
        message = error_of_length.what();
    }
    std::cout << "  Five tokens: " << message << "\n";
    claim(message.find("the length n of the model") != std::string::npos,
          "A fifth token has no position: the layer refuses a text longer than its table.");
}

int main() {
    characters_and_ids();
    byte_pairs();
    rows_of_a_table();
    rows_added_up();
    a_bag();
    the_layer();
}

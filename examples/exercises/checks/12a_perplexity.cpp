// The check of exercise 12a: probabilities that are powers of 2, texts of different lengths.
#include <cmath>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;
using Losses = std::vector<std::vector<double>>;

double perplexity(const Losses& losses);
double bits_per_character(const Losses& losses, std::size_t characters);

// The losses of tokens with the probabilities 1/k.
static Losses of_one_in(const Losses& ks) {
    Losses losses = ks;
    for (auto& text : losses)
        for (double& k : text) k = std::log(k);
    return losses;
}

static void one_text(Check& check) {
    check.with("one text, p {1/2, 1/8}");
    check.compare("the perplexity", perplexity(of_one_in({{2, 8}})), 4,
                  {{5, "That is a mean of 1/p. The mean is one of the losses, -ln p."},
                   {16, "That is e to the sum of the losses. It is e to their mean."},
                   {std::log(4), "That is the mean loss. The perplexity is e to it."},
                   {0.25, "That is e to minus the mean loss: a loss is -ln p already."},
                   {std::pow(2, std::log(4)), "The losses are in nats: the base is e."}});
    check.with("one text, p 1/29 eight times: a guess among 29");
    check.compare("the perplexity", perplexity(of_one_in({std::vector<double>(8, 29)})), 29);
}

static void several_texts(Check& check) {
    check.with("two texts, p {1/2, 1/2, 1/2} and {1/32}");
    check.compare("the perplexity", perplexity(of_one_in({{2, 2, 2}, {32}})), 4,
                  {{8, "That is of the mean of the texts' means. Each token counts the same."},
                   {17, "That is the mean of the texts' perplexities."},
                   {32, "That is of the last text alone."}});
    check.with("texts without a token among others");
    check.compare("the perplexity", perplexity(of_one_in({{}, {3, 3}, {}})), 3);
}

static void bits(Check& check) {
    check.with("two texts, p {1/2, 1/2, 1/2} and {1/32}, 16 characters");
    check.compare("bits per character", bits_per_character(of_one_in({{2, 2, 2}, {32}}), 16), 0.5,
                  {{0.5 * std::log(2), "That is in nats."},
                   {2, "That is per token. There are 16 characters."},
                   {0.5 * std::log(2) * std::log(2), "One nat is more than a bit, not less."},
                   {0.125, "That is the mean loss over the characters. It is the whole loss."}});
    check.with("the same, 4 characters");
    check.compare("bits per character", bits_per_character(of_one_in({{2, 2, 2}, {32}}), 4), 2);
}

int main() { return taper::exercises::run("12a_perplexity", {one_text, several_texts, bits}); }

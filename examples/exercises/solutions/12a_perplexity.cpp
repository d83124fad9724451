// The model answer to exercise 12a, perplexity
//
//     "perplexity" = e^(1/N sum_i -ln p_i) = (p_1 p_2 ... p_N)^(-1/N)
//
// It is the geometric mean of 1/p over all N tokens. A mean over the means of texts would count the
// tokens of a short text more, and a mean of 1/p would be ruled by the least likely token. A model
// that gives each of V tokens the same probability has the perplexity V. It depends on how the text
// is cut into tokens; bits per character do not, so they compare models with different
// vocabularies.
#include <cmath>
#include <cstddef>
#include <vector>

static double sum_of(const std::vector<std::vector<double>>& losses) {
    double total = 0;
    for (const std::vector<double>& text : losses)
        for (const double loss : text) total += loss;
    return total;
}

double perplexity(const std::vector<std::vector<double>>& losses) {
    double tokens = 0;
    for (const std::vector<double>& text : losses) tokens += static_cast<double>(text.size());
    return std::exp(sum_of(losses) / tokens);
}

double bits_per_character(const std::vector<std::vector<double>>& losses, std::size_t characters) {
    return sum_of(losses) / std::log(2) / static_cast<double>(characters);
}

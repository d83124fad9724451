// The check of exercise 20b: the parameters of taper's models.
#include "examples/exercises/exercise.hpp"
#include "nn/linformer.hpp"

using namespace taper;
using exercises::Check;

std::size_t numbers_of_a_block(std::size_t d, std::size_t hidden);
std::size_t numbers_of_E_and_F(std::size_t n, std::size_t k, std::size_t h, std::size_t L,
                               nn::Sharing sharing);

static void the_block_with_a_pencil(Check& check) {
    check.with("d = 2, hidden = 3");
    check.compare("numbers_of_a_block", numbers_of_a_block(2, 3), 49,
                  {{36, "The biases of the linear maps are missing."},
                   {28, "That is the weights of the maps alone, without biases and norms."},
                   {41, "The norms are missing."},
                   {45, "One of the two norms is missing, or half of each."},
                   {43, "There are four maps from d to d: query, key, value and output."},
                   {48, "The biases: hidden of them on the way up, d on the way down."}});
}

// Those of the model whose names say that they are E or F, and those of the first block that are
// not.
struct Numbers {
    std::size_t block = 0, projections = 0;
};
static Numbers numbers_of(const nn::Config& config) {
    nn::Linformer<float> model(config);
    Numbers numbers;
    for (const Parameter<float>* w : model.parameters()) {
        const std::string name = "." + w->name();
        if (name.find(".E") != std::string::npos || name.find(".F") != std::string::npos)
            numbers.projections += count(w->shape());
        else if (name.starts_with(".layers.0.")) numbers.block += count(w->shape());
    }
    return numbers;
}

static void as_taper(Check& check) {
    struct Sizes {
        std::size_t n, k, d, h, L, hidden;
    };
    for (const auto& [n, k, d, h, L, hidden] :
         std::vector<Sizes>{{7, 3, 6, 3, 5, 8}, {5, 1, 4, 1, 3, 2}, {9, 9, 6, 2, 1, 6}}) {
        for (const auto sharing : {nn::Sharing::none, nn::Sharing::headwise, nn::Sharing::key_value,
                                   nn::Sharing::layerwise}) {
            const Numbers numbers = numbers_of({.vocab_size = 2,
                                                .length = n,
                                                .width = d,
                                                .heads = h,
                                                .layers = L,
                                                .ffn_width = hidden,
                                                .k = k,
                                                .sharing = sharing});
            check.with("n = " + std::to_string(n) + ", k = " + std::to_string(k) +
                       ", d = " + std::to_string(d) + ", h = " + std::to_string(h) +
                       ", L = " + std::to_string(L) + ", hidden = " + std::to_string(hidden) +
                       ", sharing " + nn::name_of(sharing));
            check.compare("numbers_of_a_block", numbers_of_a_block(d, hidden), numbers.block);
            check.compare("numbers_of_E_and_F", numbers_of_E_and_F(n, k, h, L, sharing),
                          numbers.projections,
                          {{k * n, "That is one matrix in all."},
                           {2 * k * n, "That is two matrices in all."},
                           {2 * k * n * h, "That is two matrices for each head of one layer."},
                           {k * n * h * L, "That is one matrix for each head of each layer."},
                           {2 * k * n * h * L, "That is two matrices for each head of each layer."},
                           {2 * k * n * L, "That is two matrices a layer."},
                           {k * n * L, "That is one matrix a layer."}});
        }
    }
}

int main() { return exercises::run("20b_parameters", {the_block_with_a_pencil, as_taper}); }

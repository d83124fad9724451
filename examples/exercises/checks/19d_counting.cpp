// The check of exercise 19d: the products of each layer, one by one.
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "examples/exercises/exercise.hpp"

using taper::exercises::Check;

std::size_t full_layer(std::size_t n, std::size_t d);
std::size_t linformer_layer(std::size_t n, std::size_t k, std::size_t d);
std::size_t linformer_layer_inputs_first(std::size_t n, std::size_t k, std::size_t d);
std::size_t least_n(std::size_t k, std::size_t d);

// The multiplications of products (m, p) times (p, q).
static std::size_t all(const std::vector<std::array<std::size_t, 3>>& products) {
    std::size_t sum = 0;
    for (const auto& [m, p, q] : products) sum += m * p * q;
    return sum;
}
static std::size_t full(std::size_t n, std::size_t d) {
    return all({{n, d, d}, {n, d, d}, {n, d, d}, {n, d, n}, {n, n, d}, {n, d, d}});
}
static std::size_t linformer(std::size_t n, std::size_t k, std::size_t d) {
    return all(
        {{n, d, d}, {n, d, d}, {n, d, d}, {k, n, d}, {k, n, d}, {n, d, k}, {n, k, d}, {n, d, d}});
}
static std::size_t inputs_first(std::size_t n, std::size_t k, std::size_t d) {
    return all(
        {{n, d, d}, {k, n, d}, {k, n, d}, {k, d, d}, {k, d, d}, {n, d, k}, {n, k, d}, {n, d, d}});
}
static std::size_t first_cheaper(std::size_t k, std::size_t d) {
    std::size_t n = k;
    while (inputs_first(n, k, d) >= full(n, d)) ++n;
    return n;
}

static void with_a_pencil(Check& check) {
    const std::size_t n = 10, k = 2, d = 3;
    check.with("n = 10, k = 2, d = 3");
    check.compare(
        "full_layer", full_layer(n, d), full(n, d),
        {{2 * n * n * d, "That is attention alone, without the four linear maps."},
         {3 * n * d * d + 2 * n * n * d, "The output map is a product, too."},
         {4 * n * d * d + n * n * d, "P is used twice: it is made, and it is multiplied."}});
    check.compare("linformer_layer", linformer_layer(n, k, d), linformer(n, k, d),
                  {{4 * n * k * d, "That is attention alone, without the four linear maps."},
                   {4 * n * d * d + 2 * n * k * d, "Two of four products with n k d are missing."},
                   {4 * n * d * d + 3 * n * k * d, "One of four products with n k d is missing."},
                   {2 * n * d * d + 2 * k * d * d + 4 * n * k * d,
                    "Here K and V are made of all n rows of x, and projected then."}});
    check.compare("linformer_layer_inputs_first", linformer_layer_inputs_first(n, k, d),
                  inputs_first(n, k, d),
                  {{linformer(n, k, d), "K and V have k rows now: their maps cost less."},
                   {n * d * d + 3 * k * d * d + 4 * n * k * d,
                    "The output map has n rows: each query gets an output."},
                   {4 * k * d * d + 4 * n * k * d, "The queries are not projected."}});
    check.compare("least_n", least_n(k, d), first_cheaper(k, d),
                  {{first_cheaper(k, d) - 1, "There both cost the same, or Linformer still more."},
                   {2 * k + 1, "That is of attention alone. Here the maps of K and V save, too."}});
}

static void other_sizes(Check& check) {
    for (const auto& [n, k, d] : std::vector<std::array<std::size_t, 3>>{
             {512, 128, 768}, {1, 1, 1}, {4, 4, 8}, {100, 20, 7}, {64, 10, 20}}) {
        check.with("n = " + std::to_string(n) + ", k = " + std::to_string(k) +
                   ", d = " + std::to_string(d));
        check.compare("full_layer", full_layer(n, d), full(n, d));
        check.compare("linformer_layer", linformer_layer(n, k, d), linformer(n, k, d));
        check.compare("linformer_layer_inputs_first", linformer_layer_inputs_first(n, k, d),
                      inputs_first(n, k, d));
        check.compare("least_n", least_n(k, d), first_cheaper(k, d));
    }
}

int main() { return taper::exercises::run("19d_counting", {with_a_pencil, other_sizes}); }

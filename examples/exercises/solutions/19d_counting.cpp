// The model answer to exercise 19d, when is it cheaper?
//
// Full attention: four maps (n, d) times (d, d), and two products with the n x n matrix P:
//
//     4 n d^2 + 2 n^2 d
//
// Linformer: the same maps, E K and F V with k n d each, and two products with the n x k matrix P:
//
//     4 n d^2 + 4 n k d
//
// With the inputs first the maps of keys and values meet k rows, and those of queries and outputs n
// as before. E x and F x cost as much as E K and F V did:
//
//     2 n d^2 + 2 k d^2 + 4 n k d
//
// That is cheaper than full attention where
//
//     2 k d^2 + 4 n k d < 2 n d^2 + 2 n^2 d
//     k d + 2 n k < n d + n^2
//
// For d = 2 k this is $2 k^2 < n^2$: cheaper from $n = sqrt(2) k$ on, where lesson 19 had n = 2 k.
#include <cstddef>

std::size_t full_layer(std::size_t n, std::size_t d) { return 4 * n * d * d + 2 * n * n * d; }

std::size_t linformer_layer(std::size_t n, std::size_t k, std::size_t d) {
    return 4 * n * d * d + 4 * n * k * d;
}

std::size_t linformer_layer_inputs_first(std::size_t n, std::size_t k, std::size_t d) {
    return 2 * n * d * d + 2 * k * d * d + 4 * n * k * d;
}

std::size_t least_n(std::size_t k, std::size_t d) {
    std::size_t n = k;
    while (linformer_layer_inputs_first(n, k, d) >= full_layer(n, d)) ++n;
    return n;
}

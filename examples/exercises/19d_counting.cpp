// Exercise 19d. When is it cheaper?
//
// After lesson 19. About 25 minutes.
//
// Lesson 19 counted one head, from Q, K and V on. Now count a whole layer: it makes Q, K and V of x
// (n, d) by three linear maps, each with a matrix (d, d), and after attention there is a fourth,
// the output map. Let there be one head, so d_h = d. Several heads cost the same. What is counted
// are the multiplications of matrix products: (m, p) times (p, q) costs m p q.
//
// 1. `full_layer`: three maps, $Q K^T$, P V, the output map.
// 2. `linformer_layer`: three maps, E K and F V with E and F of the shape (k, n), then the same
//    with k slots in place of n keys.
// 3. `linformer_layer_inputs_first`: matrix products may be bracketed as one likes,
//    $E (x W) = (E x) W$. Here E and F are multiplied with x first, and what comes of it with the
//    weights of the keys and of the values. Who meets n rows now, and who k?
// 4. `least_n`: the smallest n of k, k + 1, k + 2, ... at which `linformer_layer_inputs_first` is
//    cheaper than `full_layer`. A loop is fine; for d = 2 k a pencil tells it, too.
//
// Run it: sh examples/exercises/run.sh 19d
#include <cstddef>

std::size_t full_layer(std::size_t n, std::size_t d) {
    // YOUR CODE
    return 0;
}

std::size_t linformer_layer(std::size_t n, std::size_t k, std::size_t d) {
    // YOUR CODE
    return 0;
}

std::size_t linformer_layer_inputs_first(std::size_t n, std::size_t k, std::size_t d) {
    // YOUR CODE
    return 0;
}

std::size_t least_n(std::size_t k, std::size_t d) {
    // YOUR CODE
    return 0;
}

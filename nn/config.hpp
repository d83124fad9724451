// What a model is made of. Written with designated initialisers: Config{.vocab_size = 96, .length = 128, .k = 32}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace taper::nn {

enum class Attention { linformer, full };      // n x k scores through E and F (Eq. 7), or all n x n (Eq. 2)
enum class ProjectionInit { window, normal };  // start of E and F: window means plus N(0, 0.02^2), or N(0, 1/k)
enum class Norm { pre, post };                 // LayerNorm before each sublayer, or after each sum

struct Config {
    std::size_t vocab_size;       // V
    std::size_t length = 128;     // n, the longest sequence
    std::size_t width = 128;      // d
    std::size_t heads = 4;        // h; divides d
    std::size_t layers = 4;       // L
    std::size_t ffn_width = 512;  // hidden units of the feed-forward network
    Attention attention = Attention::linformer;
    std::size_t k = 32;  // projected length, 1 to n
    Norm norm = Norm::pre;
    bool tie_embeddings = false;  // the head's weight is the token embedding
    double dropout = 0;           // in [0, 1)
    // How a new model starts; not part of the function, and so not saved.
    ProjectionInit projection_init = ProjectionInit::window;
    std::uint64_t seed = 0;

    void check() const;  // Error that names the field, the rule and the numbers
};

std::string_view name_of(Attention);  // the words of config.json and of the command line
std::string_view name_of(Norm);

}  // namespace taper::nn

// What a model is made of. Written with designated initialisers: Config{.vocab_size = 96, .length =
// 128, .k = 32}.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/kernels/parallel.hpp"

namespace taper::nn {

// n x k scores through E and F (Eq. 7), or all n x n (Eq. 2).
enum class AttentionKind { linformer, full };
// Which E and F are one and the same matrix (section 4 of the paper).
//     none       each head has its own two
//     headwise   each layer has two
//     key_value  each layer has one, E = F
//     layerwise  the whole model has one
enum class Sharing { none, headwise, key_value, layerwise };
// How n keys become k.
//     linear     a learned matrix
//     random     a fixed random matrix, N(0, 1/k)
//     mean, max  the mean or the maximum of each window of ceil(n / k) positions
//     conv       a learned weighted sum of each window, for each channel of a head: a depthwise
//                convolution, kernel = stride
enum class ProjectionKind { linear, random, mean, max, conv };
// How E and F start: as window means plus N(0, 0.02^2), or as N(0, 1/k).
enum class ProjectionInit { window_means, normal };
// LayerNorm before each sublayer, or after each sum.
enum class Norm { pre, post };

// The words of config.json and of the command line, in the order of the enumerators.
template <class E> extern const std::vector<std::string> words_of;
template <> inline const std::vector<std::string> words_of<AttentionKind>{"linformer", "full"};
template <>
inline const std::vector<std::string> words_of<Sharing>{"none", "headwise", "key-value",
                                                        "layerwise"};
template <>
inline const std::vector<std::string> words_of<ProjectionKind>{"linear", "random", "mean", "max",
                                                               "conv"};
template <> inline const std::vector<std::string> words_of<ProjectionInit>{"window", "normal"};
template <> inline const std::vector<std::string> words_of<Norm>{"pre", "post"};
// The word of an enumerator.
template <class E> const std::string& name_of(E value) {
    return words_of<E>.at(static_cast<std::size_t>(value));
}
// The enumerator of a word, which is one of words_of<E>.
template <class E> E enumerator(const std::string& word) {
    return static_cast<E>(std::find(words_of<E>.begin(), words_of<E>.end(), word) -
                          words_of<E>.begin());
}

// The projected length: one number, or one a layer, or one for each head of each layer.
struct ProjectedLength {
    std::vector<std::vector<std::size_t>> numbers;  // (1 or layers) of (1 or heads)

    ProjectedLength(std::size_t k) : numbers{{k}} {}  // NOLINT: a number stands for it
    ProjectedLength(std::vector<std::vector<std::size_t>> layers) : numbers(std::move(layers)) {}
    std::size_t operator()(std::size_t layer, std::size_t head) const {
        const auto& heads = numbers[numbers.size() == 1 ? 0 : layer];
        return heads[heads.size() == 1 ? 0 : head];
    }
    bool operator==(const ProjectedLength&) const = default;
};

struct Config {
    std::size_t vocab_size;       // V
    std::size_t length = 128;     // n, the longest sequence
    std::size_t width = 128;      // d
    std::size_t heads = 4;        // h; divides d
    std::size_t layers = 4;       // L
    std::size_t ffn_width = 512;  // hidden units of the feed-forward network
    bool causal = false;          // position t sees positions up to t alone
    AttentionKind attention = AttentionKind::linformer;
    ProjectedLength k = 32;  // 1 to n; one for each head only without sharing
    Sharing sharing = Sharing::headwise;
    ProjectionKind projection = ProjectionKind::linear;
    bool rescale = false;  // see Projection; not causal
    // Causal linformer: so many last positions are seen exactly, beside the k slots.
    std::size_t window = 0;
    Norm norm = Norm::pre;
    bool tie_embeddings = false;  // the head's weight is the token embedding
    double dropout = 0;           // in [0, 1)
    // Of the classes that a classifier tells apart, each once, in UTF-8. Empty: no classifier.
    std::vector<std::string> class_names = {};
    // How a new model starts. It is not part of the model's function, and so is not saved.
    ProjectionInit projection_init = ProjectionInit::window_means;
    // None: what would be random is 0, for a file to replace.
    std::optional<std::uint64_t> seed = 0;
    // The hash of the tokenizer that makes the ids, since another one's ids mean something else.
    // "": not known.
    std::string tokenizer_hash = {};

    // Error, which names the field, the rule and the numbers.
    void check() const;

    bool has_matrices() const {
        return projection == ProjectionKind::linear || projection == ProjectionKind::random;
    }
    bool is_pooled() const { return !has_matrices(); }  // by windows: mean, max, conv
    // The groups of heads in a layer that are projected together: one of all heads, or one a head.
    std::size_t groups() const { return sharing == Sharing::none ? heads : 1; }
    std::size_t classes() const { return class_names.size(); }
    // Distinct E and F in the whole model; 0 with mean, max and full attention.
    std::size_t projections() const;
};

// The configuration, once check() has passed.
const Config& checked(const Config& config);

}  // namespace taper::nn

// E and F: keys and values projected along the sequence, from n to k. Eq. 7 of the paper (arXiv
// 2006.04768), line by line:
//
//     head_i = softmax( Q W_i^Q (E_i K W_i^K)^T / sqrt(d_h) ) . F_i V W_i^V
//
// The paper's Q, K, V are all the code's x, the block's input; Q in the code is Q W^Q.
//
//     Q W^Q              query(x), all heads side by side (attention.cpp)
//     E K W^K, F V W^V   slots.K, slots.V: (E x) W^K, (F x) W^V; W meets k rows, not n
//     E_i K W_i^K        the same where each head has its own E: E_i (x W_i^K)
//     softmax(...) . ... attention(query(x), slots.K, slots.V): n x k scores (ops/attention.cpp)
//
// The paper declares E and F as n x k and uses them as k x n; here they are (k, n). Causal:
// causal_attention in core/ops.hpp.
#pragma once

#include <memory>

#include "nn/config.hpp"
#include "nn/layers/linear.hpp"

namespace taper::nn {

// The k projected keys and values. A slot whose window is empty is not live: its score is -inf.
template <class T> struct Slots {
    Var<T> K, V;               // (B, slots, w)
    std::optional<Mask> live;  // (B, slots); none: all
};

// Heads come in groups that are projected together: all of a layer, or (sharing "none") one each.
// With sharing, groups and layers hold the same Parameter. Names: NAME.E, NAME.F; without sharing
// NAME.E.J, NAME.F.J for head J.
template <class T> struct Projection {
    ProjectionKind kind;
    std::size_t n, head_width;
    // For short and padded sequences: row j of E times ||E_j|| / ||E_j, positions in use||.
    bool rescale;
    std::vector<std::size_t> k;  // of each group
    // Of each group: (k, n); conv: (d_h, r), r = ceil(n / k); mean, max: none.
    std::vector<SharedParameter<T>> E, F;

    // layerwise_E: the E of layerwise sharing, which the model owns and lists.
    Projection(const std::string& name, const Config& config, std::size_t layer,
               const SharedParameter<T>& layerwise_E = nullptr);
    // A new E or F for k slots.
    static SharedParameter<T> make(const std::string& name, const Config& config, std::size_t k);

    // K, V (B, n', w) of a group's heads side by side, with zeros where a position is not real. A
    // sequence of n' < n positions uses the first n' columns of E, or the windows that begin in it.
    Slots<T> operator()(std::size_t group, const Var<T>& K, const Var<T>& V,
                        const std::optional<Mask>& real) const;

    // The same for K = key(x) and V = value(x), with less work. All heads are in one group, and E
    // and F are matrices:
    //     E (x W^T + 1 b^T) = (E x) W^T + (E 1) b^T        x (B, n', d), E (k, n')
    Slots<T> operator()(const Var<T>& x, const Linear<T>& key, const Linear<T>& value,
                        const std::optional<Mask>& real) const;
    bool acts_on_inputs() const { return k.size() == 1 && is_matrix(); }
    void list(Parameters<T>& parameters);

  private:
    bool is_matrix() const {
        return kind == ProjectionKind::linear || kind == ProjectionKind::random;
    }
    Var<T> project(const SharedParameter<T>& matrix, const Var<T>& x,
                   const std::optional<Mask>& real, const Linear<T>* linear = nullptr) const;
    Var<T> pool(std::size_t group, const SharedParameter<T>& kernel, const Var<T>& x,
                const Mask& real) const;
    bool layerwise_;  // E is the model's
};

// The first n' columns of E (k, n).
template <class T> Var<T> first_columns(const Parameter<T>& E, std::size_t n);

}  // namespace taper::nn

// What the heads of a model attend to in a text, as matrices.
#pragma once

#include <vector>

#include "nn/linformer.hpp"

namespace taper::examples {

// The positions of a text that a slot reads most of: with pooling its window; else the one with the
// largest entry of its row of E, and those beside it of at least half as much. begin == end: mostly
// positions past the end of the text.
struct SlotReads {
    std::size_t begin, end;
};

// One head on a text of n' tokens.
struct HeadMaps {
    // (n', n'): softmax(Q K^T / sqrt(d_h)), what full attention would make of the head's Q and K
    // (Eq. 2).
    Array<double> P;
    // (n', k): the head's P-bar (Eq. 7). Causal: in row t over E and F of the first t positions;
    // with a window (n', k + n'), its positions behind the slots. () with full attention.
    Array<double> slots;
    // (n', n'): P-bar F, what a query takes of the value of each position. () with full attention,
    // and where F is no matrix: pooling.
    Array<double> reach;
    std::vector<SlotReads> reads = {};  // of each slot; none with full attention
};

// Of each layer and head, tokens (1, n'). Without dropout; reach has F as it is, also with rescale.
std::vector<std::vector<HeadMaps>> attention_maps(const nn::Linformer<float>& model,
                                                  const Ids& tokens);

}  // namespace taper::examples

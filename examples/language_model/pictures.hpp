// What the heads of a model attend to in a text, drawn.
#pragma once

#include <string>
#include <vector>

#include "nn/linformer.hpp"

namespace taper::examples {

// One head on a text of n' tokens.
struct HeadMaps {
    Array<double>
        // (n', n'): softmax(Q K^T / sqrt(d_h)), what full attention would make of the head's Q and
        // K (Eq. 2)
        P;
    Array<double>
        // (n', k): its P-bar (Eq. 7); causal: of query t over E and F of the first t positions, and
        // after the k
        slots;
    // slots the window's n' positions. () with full attention
    Array<double>
        // (n', n'): P-bar F, what a query takes of the value of each position. () where F is no
        // matrix: pooling
        reach;
};

// Of each layer and head, tokens (1, n'). Without dropout; reach has F as it is, also with rescale.
std::vector<std::vector<HeadMaps>> attention_maps(const nn::Linformer<float>& model,
                                                  const Ids& tokens);

// The singular values of a matrix, falling.
std::vector<double> singular_values(const Array<double>& x);

// Error, which names --plot, where draw_attention could not write: asked before the work.
void check_pictures(const std::string& directory);

// Draws, a row of pictures for each layer, into a directory, which is made: attention.svg, each
// head's P (n' x n'); with linformer also slots.svg (n' x k), reach.svg (n' x n', linear and random
// projections) and projections.svg (E and F of each layer, k x n; conv: d_h x window); and
// spectrum.svg, the cumulative share of P's singular values, mean of each layer's heads, as Figure
// 1 of arXiv 2006.04768. Those of another model are removed after that. std::system_error: the
// directory cannot be made or written to; std::runtime_error: gnuplot is missing or failed, the old
// picture stays.
void draw_attention(const nn::Linformer<float>& model, const Ids& tokens,
                    const std::string& directory);

}  // namespace taper::examples

// Pictures of what the heads of a model attend to in a text.
#pragma once

#include <string>
#include <vector>

#include "nn/linformer.hpp"

namespace taper::examples {

// The singular values of a matrix, falling.
std::vector<double> singular_values(const Array<double>& x);

// Error, which names --plot, where draw_attention could not write: asked before the work.
void check_pictures(const std::string& directory);

// Draws into a directory, which is made, a row of pictures for each layer:
//     attention.svg    each head's P, n' x n'
//     slots.svg        with linformer: P-bar, n' x k
//     reach.svg        with linear and random projections: P-bar F, n' x n'
//     projections.svg  with linformer, but for mean and max: E and F of each layer, k x n; conv:
//                      d_h x window
//     spectrum.svg     the cumulative share of P's singular values, the mean of each layer's heads,
//                      as Figure 1 of arXiv 2006.04768
// Those of another model are removed after that. std::system_error: the directory cannot be made or
// written to. std::runtime_error: gnuplot is missing or failed, the old picture stays.
void draw_attention(const nn::Linformer<float>& model, const Ids& tokens,
                    const std::string& directory);

}  // namespace taper::examples

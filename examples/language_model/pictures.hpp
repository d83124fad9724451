// Pictures of what the heads of a model attend to in a text, and a page that explains them.
#pragma once

#include <string>
#include <vector>

#include "examples/common/heat_map.hpp"
#include "examples/language_model/attention_captions.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// The singular values of a matrix, falling.
std::vector<double> singular_values(const Array<double>& x);

// A matrix as a map, with these labels of rows and columns or none.
template <class T>
HeatMap heat_map(const std::string& title, const Array<T>& x,
                 const std::vector<std::string>& row_labels = {},
                 const std::vector<std::string>& column_labels = {}) {
    HeatMap map{title, x.shape(0), x.shape(1), {}, row_labels, column_labels};
    for (std::size_t i = 0; i < x.size(); ++i)
        map.entries.push_back(static_cast<float>(x.data()[i]));
    return map;
}

// Of all pictures of attention, so that they can be compared: weights lie between 0 and 1, and by
// their square root the even ones of an untrained model, 1/k, can be told from 0.
ColourScale attention_scale();

// What the softmax of each head of a layer makes, as the model computes it: P, (n', n'), or with
// linformer P-bar, over the slots and then the window.
std::vector<HeatMap> computed_maps(std::size_t layer, const std::vector<HeadMaps>& heads,
                                   const PlottedText& text, const nn::Config& config);
// Of such maps: title, what is down and across, and what an entry is.
HeatMapPicture computed_picture(const nn::Config& config);

// Error, which names --plot, where draw_attention could not write: asked before the work.
void check_pictures(const std::string& directory);

// Draws into a directory, which is made, a line of pictures for each layer:
//     attention.svg    each head's P, n' x n'; with linformer it says that the model does not
//                      compute it
//     slots.svg        with linformer: P-bar, n' x k
//     reach.svg        with linear and random projections: P-bar F, n' x n'
//     projections.svg  with linformer, but for mean and max: E and F of each layer, k x n; conv:
//                      d_h x window
//     spectrum.svg     the cumulative share of P's singular values, the mean of each layer's heads,
//                      as Figure 1 of arXiv 2006.04768
//     index.html       all of them, and what is seen there in words
// Those of another model are removed after that. std::system_error: the directory cannot be made or
// written to. std::runtime_error: gnuplot is missing or failed, and spectrum.svg is the old one, if
// any; all others are drawn without gnuplot.
void draw_attention(const nn::Linformer<float>& model, const PlottedText& text,
                    const std::string& directory);

}  // namespace taper::examples

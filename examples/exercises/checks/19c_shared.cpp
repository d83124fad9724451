// The check of exercise 19c: numbers by hand, then a tape on which one Parameter is used often.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

struct Layer {
    Array<double> K, V, dK_bar, dV_bar;
};
Array<double> key_value_dE(const Layer& layer);
Array<double> layerwise_dE(const std::vector<Layer>& layers);
Array<double> shared_step(Array<double> E, const std::vector<Layer>& layers, double lr);

// Of layers with n = 2, d_h = 1 and k = 1.
static Array<double> column(const Array<double>& x) { return reshaped(x, {x.size(), 1}); }
static Layer layer_of(const Array<double>& K, const Array<double>& V, double dK_bar,
                      double dV_bar) {
    return {column(K), column(V), full<double>({1, 1}, dK_bar), full<double>({1, 1}, dV_bar)};
}
static Layer first() { return layer_of({1, 2}, {3, 5}, 1, 10); }
static Layer second() { return layer_of({4, 0}, {1, 1}, -1, 100); }

static void one_layer(Check& check) {
    check.with("K {{1},{2}}, V {{3},{5}}, dK_bar {{1}}, dV_bar {{10}}");
    check.compare(
        "dE", key_value_dE(first()), Array<double>{{31, 52}},
        {{Array<double>{{1, 2}}, "That is of the keys. The values have gone through E too."},
         {Array<double>{{30, 50}}, "That is of the values alone."},
         {Array<double>{{15.5, 26}}, "That is the mean of the two uses."},
         {Array<double>{{44, 77}},
          "That is (dK_bar + dV_bar) (K + V)^T, in which keys meet gradients of values."}});
}

static void two_layers(Check& check) {
    const std::vector<Layer> layers{first(), second()};
    check.with("another layer: K {{4},{0}}, V {{1},{1}}, dK_bar {{-1}}, dV_bar {{100}}");
    check.compare("dE", layerwise_dE(layers), Array<double>{{127, 152}},
                  {{Array<double>{{31, 52}}, "That is of the first layer alone."},
                   {Array<double>{{96, 100}}, "That is of the last layer alone."},
                   {Array<double>{{63.5, 76}}, "That is the mean of the layers."}});
    check.with("a step with lr = 0.1 from E {{20,30}}");
    check.compare("E", shared_step(Array<double>{{20, 30}}, layers, 0.1),
                  Array<double>{{7.3, 14.8}},
                  {{Array<double>{{32.7, 45.2}}, "This step goes uphill."},
                   {Array<double>{{20, 30}}, "E has not moved."},
                   {Array<double>{{-107, -122}}, "That is the whole dE, without lr."}});
}

static void as_the_tape(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [L, n, k, d_h] : std::vector<std::array<std::size_t, 4>>{
             {1, 4, 2, 3}, {3, 5, 2, 4}, {2, 1, 1, 3}, {4, 3, 3, 1}}) {
        const Random random(1, "shared", ++number);
        Parameter<double> E("E", normal<double>(random, {k, n}));
        std::vector<Layer> layers;
        std::uint32_t stream = 0;
        for (std::size_t l = 0; l < L; ++l) {
            layers.push_back({normal<double>(random.substream(++stream), {n, d_h}),
                              normal<double>(random.substream(++stream), {n, d_h}),
                              normal<double>(random.substream(++stream), {k, d_h}),
                              normal<double>(random.substream(++stream), {k, d_h})});
        }
        // A loss whose gradient by K_bar is dK_bar, and by V_bar dV_bar.
        Tape<double> tape;
        Var<double> loss = zeros<double>({});
        for (const Layer& layer : layers)
            loss = loss + sum(matmul<double>(E, layer.K) * Var<double>(layer.dK_bar)) +
                   sum(matmul<double>(E, layer.V) * Var<double>(layer.dV_bar));
        tape.backward(loss);
        check.with("L = " + std::to_string(L) + ", E " + to_string(E.shape()));
        check.compare("dE", layerwise_dE(layers), E.gradient());
    }
}

int main() { return exercises::run("19c_shared", {one_layer, two_layers, as_the_tape}); }

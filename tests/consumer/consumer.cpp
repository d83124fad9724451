// The installed package from outside: a tiny Linformer takes one step, and its loss must fall.
#include <core/ops.hpp>
#include <cstdio>
#include <nn/adam.hpp>
#include <nn/linformer.hpp>

#ifndef XTENSOR_USE_XSIMD
#error "the package must hand on the definitions that xtensor's inline code depends on"
#endif

int main() {
    taper::nn::Linformer<float> model({.vocab_size = 5, .length = 4, .width = 8, .heads = 2, .layers = 1, .k = 2});
    taper::nn::Adam<float> adam(model.parameters());
    const taper::Ids tokens{{0, 1, 2, 3}, {4, 3, 2, 1}};

    taper::Tape<float> tape;
    const auto loss = taper::cross_entropy(model(tokens), tokens);
    tape.backward(loss);
    adam.step(0.01);
    const float before = loss.item(), after = taper::cross_entropy(model(tokens), tokens).item();
    std::printf("loss %g, after one step %g\n", before, after);
    return after < before ? 0 : 1;
}

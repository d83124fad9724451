// The installed package from outside: a tiny Linformer takes one step, and its loss must fall; a
// plugin computes on a tape of ours.
#include <dlfcn.h>

#include <core/ops.hpp>
#include <cstdio>
#include <nn/linformer.hpp>
#include <nn/optim/adam.hpp>
#include <string>

#ifndef XTENSOR_USE_XSIMD
#error "the package must hand on the definitions that xtensor's inline code depends on"
#endif

#ifdef TAPER_IS_SHARED
static constexpr bool one_copy = true;
#else
static constexpr bool one_copy = false;
#endif

static bool learns() {
    taper::nn::Linformer<float> model(
        {.vocab_size = 5, .length = 4, .width = 8, .heads = 2, .layers = 1, .k = 2});
    taper::nn::Adam<float> adam(model.parameters());
    const taper::Ids tokens{{0, 1, 2, 3}, {4, 3, 2, 1}};

    taper::Tape<float> tape;
    const auto loss = taper::cross_entropy(model(tokens), tokens);
    tape.backward(loss);
    adam.step(0.01);
    const float before = loss.item();
    const float after = taper::cross_entropy(model(tokens), tokens).item();
    std::printf("loss %g, after one step %g\n", before, after);
    return after < before;
}

using V = taper::Var<double>;

static std::string refusal_of_square(const V& x) {
    try {
        static_cast<void>(x * x);
        return "";
    } catch (const taper::Error& error) {
        return error.what();
    }
}

// One copy of the library records across the plugin; of two neither takes the other's Vars for its
// own, or for constants.
static bool knows_the_plugin() {
    void* const plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) {
        std::puts(dlerror());
        return false;
    }
    const auto twice = reinterpret_cast<void (*)(const V&, V&)>(dlsym(plugin, "twice"));
    const auto on_its_own =
        reinterpret_cast<void (*)(const V&, V&, double&)>(dlsym(plugin, "twice_on_its_own_tape"));
    taper::Parameter<double> w("w", 5.0);
    taper::Tape<double> tape;
    const V ours = w * w;
    V y, theirs;
    double gradient = 0;
    on_its_own(w, theirs, gradient);
    twice(w, y);
    const std::string of_dead_tape = refusal_of_square(theirs);
    const std::string of_y = refusal_of_square(y);
    std::printf("their tape: %s\ntheir op: %s\n", of_dead_tape.c_str(), of_y.c_str());
    if (gradient != 5 || of_dead_tape.empty()) return false;
    if (!one_copy) return of_y.find("another copy of the library") != std::string::npos;
    tape.backward(y);
    return of_y.empty() && w.gradient()() == 2;
}

int main() { return learns() && knows_the_plugin() ? 0 : 1; }

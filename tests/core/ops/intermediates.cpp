// What attention shows of its inside: P, as the compositions make it, bounded, and only what the op
// used.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "tests/support/models.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;

namespace {

// The part of a (B, h, rows, columns) array that PartSize bounds, beginning at a column.
Array<double> first_part(const Array<double>& x, const PartSize& most, std::size_t column,
                         std::size_t columns) {
    const std::size_t matrices = std::min(x.shape(0) * x.shape(1), most.matrices);
    const std::size_t rows = std::min(x.shape(2), most.rows);
    auto part = empty<double>({matrices, rows, std::min(columns, most.columns)});
    for (std::size_t m = 0; m < matrices; ++m)
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < part.shape(2); ++j)
                part(m, i, j) = x.data()[(m * x.shape(2) + i) * x.shape(3) + column + j];
    return part;
}

// What the last op of a function of Q, K and V says of its inside.
template <class F>
std::vector<Intermediate<double>> inside(const Array<double>& q, const PartSize& most, F f) {
    Parameter<double> Q("Q", q);
    Tape<double> tape;
    const Var<double> y = f(Q);
    return tape.records().back().op->intermediates(most);
}

// The output of the one record of that name.
template <class F> Array<double> output_of(const char* name, const Array<double>& q, F f) {
    Parameter<double> Q("Q", q);
    Tape<double> tape;
    const Var<double> y = f(Q);
    for (const auto& record : tape.records())
        if (record.name == std::string(name)) return *record.value.lock();
    return {};
}

}  // namespace

TEST_CASE("intermediates: P of attention is that of the composition, for any mask and part") {
    for (const std::size_t m : {7u, 3u, 300u})
        for (const bool causal : {false, true})
            for (const bool masked : {false, true}) {
                if (causal && m != 7 && m != 300) continue;
                const std::size_t n = causal ? m : 7;
                AttentionOptions options{.heads = 2, .causal = causal};
                if (masked) {
                    options.live = Mask({2, m}, true);
                    (*options.live)(0, 0) = (*options.live)(1, m - 1) = false;
                }
                const Array<double> q = some({2, n, 6}, "q");
                const Var<double> K = some({2, m, 6}, "k"), V = some({2, m, 6}, "v");
                const auto fused = [&](const auto& Q) {
                    return attention<double>(Q, K, V, options);
                };
                const auto composition = [&](const auto& Q) {
                    return composed::attention<double>(Q, K, V, options);
                };
                Array<double> P = output_of("softmax", q, composition);
                if (causal && masked)  // the first query of the first sequence sees no key
                    for (std::size_t h = 0; h < 2; ++h)
                        for (std::size_t j = 0; j < m; ++j) P(0, h, 0, j) = 0;
                for (const PartSize& most : {PartSize{4, 64, 64}, {8, 5, 2}, {3, 300, 290}}) {
                    CAPTURE(m);
                    CAPTURE(most.rows);
                    const auto found = inside(q, most, fused);
                    REQUIRE(found.size() == 1);
                    CHECK(found[0].name == std::string("P"));
                    CHECK(found[0].shape == Shape{2, 2, n, m});
                    CHECK(apart(found[0].part, first_part(P, most, 0, m)) < 1e-14);
                }
                CHECK(inside(q, {0, 0, 0}, fused)[0].part.size() == 0);
            }
}

TEST_CASE("intermediates: P of causal attention, over the slots and over the window") {
    const std::size_t n = 70, k = 5;
    const Array<double> q = some({2, n, 6}, "q");
    const Var<double> K = some({2, n, 6}, "k"), V = some({2, n, 6}, "v");
    const Var<double> E = some({k, n}, "E"), F = some({k, n}, "F");
    for (const std::size_t window : {0u, 1u, 9u, 70u})
        for (const bool masked : {false, true}) {
            CausalOptions options{.heads = 3, .window = window};
            if (masked) {
                options.real = Mask({2, n}, true);
                (*options.real)(0, 4) = (*options.real)(1, 68) = false;
            }
            const Array<double> P = output_of("softmax", q, [&](const auto& Q) {
                return composed::causal_attention<double>(Q, K, V, E, F, options);
            });
            for (const PartSize& most : {PartSize{8, 64, 64}, {6, 70, 70}, {1, 3, 2}}) {
                CAPTURE(window);
                CAPTURE(most.rows);
                const auto found = inside(q, most, [&](const auto& Q) {
                    return causal_attention<double>(Q, K, V, E, F, options);
                });
                REQUIRE(found.size() == (window ? 2 : 1));
                CHECK(found[0].name == std::string("P_slots"));
                CHECK(found[0].shape == Shape{2, 3, n, k});
                CHECK(apart(found[0].part, first_part(P, most, 0, k)) < 1e-13);
                if (!window) continue;
                CHECK(found[1].name == std::string("P_near"));
                CHECK(found[1].shape == Shape{2, 3, n, n});
                CHECK(apart(found[1].part, first_part(P, most, k, n)) < 1e-13);
            }
        }
}

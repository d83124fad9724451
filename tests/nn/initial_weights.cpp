// What a model starts from: the distribution of every parameter, window means in E and F, and
// streams of their own.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/linformer.hpp"
#include "tests/support/chance.hpp"
#include "tests/support/models.hpp"

using namespace taper;
using namespace taper::tests;
using nn::ProjectionKind;
using nn::Sharing;

namespace {

// Windows of 2 and 3 positions: k does not divide n.
const nn::Config uneven{.vocab_size = 301,
                        .length = 103,
                        .width = 96,
                        .heads = 4,
                        .layers = 2,
                        .ffn_width = 200,
                        .k = 40};

// Windows of 3 positions, and kernels of 1024 channels.
const nn::Config long_kernels{.vocab_size = 301,
                              .length = 103,
                              .width = 2048,
                              .heads = 2,
                              .layers = 2,
                              .ffn_width = 200,
                              .k = 35};

// x less the mean over [j n / k, (j + 1) n / k) in row j.
Array<double> less_window_means(Array<double> x) {
    const std::size_t k = x.shape(0), n = x.shape(1);
    for (std::size_t j = 0; j < k; ++j) {
        const std::size_t begin = j * n / k, end = (j + 1) * n / k;
        for (std::size_t i = begin; i < end; ++i) x(j, i) -= 1 / static_cast<double>(end - begin);
    }
    return x;
}

bool ends_with_one_of(const std::string& name, const std::vector<std::string>& ends) {
    return std::any_of(ends.begin(), ends.end(),
                       [&](const std::string& end) { return name.ends_with(end); });
}
bool is_bias(const std::string& name) { return name.ends_with(".bias"); }
bool is_gain(const std::string& name) {
    return ends_with_one_of(name, {"norm.weight", "norm1.weight", "norm2.weight"});
}

// The correlation of the first entries that both have: of independent ones 1 / sqrt(number) is one
// deviation.
double correlation(const Array<double>& a, const Array<double>& b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        ab += a.data()[i] * b.data()[i];
        aa += a.data()[i] * a.data()[i];
        bb += b.data()[i] * b.data()[i];
    }
    return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE(
    "initial weights: E and F are the means of windows from j n / k to (j + 1) n / k, and N(0, "
    "0.02^2)") {
    for (const Sharing sharing : {Sharing::none, Sharing::headwise, Sharing::key_value}) {
        nn::Config config = uneven;
        config.sharing = sharing;
        const nn::Projection<double> projection("attention", config, 0);
        CHECK(projection.E.size() == config.groups());
        CHECK(projection.F.size() == config.groups());
        for (const auto& matrices : {projection.E, projection.F})
            for (const auto& matrix : matrices) {
                REQUIRE(matrix->shape() == Shape{40, 103});
                CHECK(matrix->trainable());
                CHECK_MESSAGE(is_normal(less_window_means(matrix->value()), 0.02), matrix->name());
            }
    }
}

TEST_CASE("initial weights: a kernel is the mean of its window, and N(0, 0.02^2)") {
    nn::Config config = long_kernels;
    config.projection = ProjectionKind::conv;
    const nn::Projection<double> projection("attention", config, 0);
    for (const auto& kernel : {projection.E[0], projection.F[0]}) {
        REQUIRE(kernel->shape() == Shape{1024, 3});
        CHECK(is_normal(Array<double>(kernel->value() - 1.0 / 3), 0.02));
    }
}

TEST_CASE(
    "initial weights: E and F at random are N(0, 1 / k), kernels N(0, 1 / r), others for another "
    "seed") {
    const auto made = [](ProjectionKind kind, std::uint64_t seed) {
        nn::Config config = long_kernels;
        config.projection = kind;
        config.seed = seed;
        config.projection_init = nn::ProjectionInit::normal;
        return nn::Projection<double>("attention", config, 0);
    };
    for (const ProjectionKind kind :
         {ProjectionKind::random, ProjectionKind::linear, ProjectionKind::conv}) {
        const auto projection = made(kind, 0);
        const auto again = made(kind, 0);
        const auto other = made(kind, 1);
        const double variance = kind == ProjectionKind::conv ? 1.0 / 3 : 1.0 / 35;
        for (const auto matrices : {&nn::Projection<double>::E, &nn::Projection<double>::F}) {
            const auto& matrix = *(projection.*matrices)[0];
            CHECK(is_normal(matrix.value(), std::sqrt(variance)));
            CHECK(matrix.trainable() == (kind != ProjectionKind::random));
            CHECK(matrix.value() == (again.*matrices)[0]->value());
            CHECK(std::abs(correlation(matrix.value(), (other.*matrices)[0]->value())) < 0.1);
        }
    }
    // Random matrices start so whatever the learned ones start from.
    nn::Config config = uneven;
    config.projection = ProjectionKind::random;
    CHECK(is_normal(nn::Projection<double>("attention", config, 0).E[0]->value(),
                    std::sqrt(1.0 / 40)));
}

TEST_CASE("initial weights: linear weights and embeddings are N(0, 0.02^2), biases 0, gains 1") {
    for (const bool tied : {false, true}) {
        nn::Config config = uneven;
        config.tie_embeddings = tied;
        nn::Linformer<float> model(config);
        std::size_t drawn = 0;
        for (const auto* p : model.parameters()) {
            CAPTURE(p->name());
            if (is_projection(p->name())) continue;
            if (is_bias(p->name())) CHECK(p->value() == zeros<float>(p->shape()));
            else if (is_gain(p->name())) CHECK(p->value() == full<float>(p->shape(), 1));
            else {
                CHECK(is_normal(p->value(), 0.02));
                ++drawn;
            }
        }
        CHECK(drawn == (tied ? 14 : 15));  // two tables, six matrices a layer, the head
    }
}

TEST_CASE("initial weights: every parameter is drawn from a stream of its own") {
    for (const Sharing sharing : {Sharing::none, Sharing::headwise, Sharing::layerwise}) {
        nn::Config config = uneven;
        config.sharing = sharing;
        config.projection_init = nn::ProjectionInit::normal;
        nn::Linformer<double> model(config);
        std::vector<const Parameter<double>*> drawn;
        for (const auto* p : model.parameters())
            if (!is_bias(p->name()) && !is_gain(p->name())) drawn.push_back(p);
        for (std::size_t i = 0; i < drawn.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) {
                CAPTURE(drawn[i]->name());
                CAPTURE(drawn[j]->name());
                CHECK(std::abs(correlation(drawn[i]->value(), drawn[j]->value())) < 0.1);
            }
    }
}

TEST_CASE("initial weights: the same seed makes the same model, another seed another") {
    nn::Config config = uneven, other = uneven;
    other.seed = 1;
    nn::Linformer<float> model(config), again(config), another(other);
    const auto a = model.parameters(), b = again.parameters(), c = another.parameters();
    for (std::size_t i = 0; i < a.size(); ++i) {
        CAPTURE(a[i]->name());
        CHECK(a[i]->value() == b[i]->value());
        const bool constant = is_bias(a[i]->name()) || is_gain(a[i]->name());
        CHECK((a[i]->value() == c[i]->value()) == constant);
    }
}

TEST_CASE("initial weights: no two places of a model drop alike") {
    nn::Config config = uneven;
    config.layers = 3;
    config.dropout = 0.5;
    const nn::Linformer<float> model(config);
    std::vector<nn::Dropout> places{model.dropout};
    for (const auto& block : model.layers) {
        places.push_back(block.dropout1);
        places.push_back(block.dropout2);
    }
    const Var<double> ones(full<double>({64, 64}, 1));
    const nn::Pass pass{.dropout = Random(0, "dropout")};
    std::vector<Array<double>> masks;
    for (const nn::Dropout& place : places) {
        CHECK(place.p == 0.5);
        masks.push_back(place(ones, pass).value() - 1.0);  // -1 or 1
    }
    CHECK(masks.size() == 7);
    for (std::size_t i = 0; i < masks.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            CHECK(std::abs(correlation(masks[i], masks[j])) < 4 / 64.0);
}

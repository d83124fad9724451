#include "examples/paper/attention_file.hpp"

#include <algorithm>
#include <cmath>

#include "core/io/safetensors.hpp"

namespace taper::examples {

HeadMatrices AttentionFile::text(std::size_t index) const {
    const std::size_t layers = P.shape(1), heads = P.shape(2), n = P.shape(3);
    HeadMatrices matrices(layers);
    const float* entry = P.data() + index * layers * heads * n * n;
    for (std::vector<Array<double>>& layer : matrices)
        for (std::size_t head = 0; head < heads; ++head) {
            Array<double>& matrix = layer.emplace_back(empty<double>({n, n}));
            std::copy_n(entry, n * n, matrix.begin());
            entry += n * n;
        }
    return matrices;
}

[[noreturn]] static void refuse_tensor(const std::string& path, const std::string& name,
                                       const std::string& rule) {
    throw Error(path + ": tensor " + name + ": " + rule);
}

static void check_attention_shape(const std::string& path, const Shape& shape) {
    if (shape.size() != 5 || shape[3] != shape[4])
        refuse_tensor(path, "P", "the shape must be (texts, L, h, n, n): " + to_string(shape));
    if (shape[0] < 1 || shape[1] < 2 || shape[2] < 1 || shape[3] < 8)
        refuse_tensor(path, "P",
                      "it must have a text, two layers, which are compared, a head, and n of 8 or "
                      "more: " +
                          to_string(shape));
}

// Sums of n float32 numbers, each rounded, by another program.
static constexpr double sum_tolerance = 1e-4;

static void check_rows(const std::string& path, const Array<float>& P) {
    const std::size_t n = P.shape(4);
    for (std::size_t begin = 0; begin < P.size(); begin += n) {
        double sum = 0;
        for (std::size_t i = begin; i < begin + n; ++i) {
            const float p = P.data()[i];
            if (!std::isfinite(p) || p < 0)
                refuse_tensor(path, "P",
                              "an entry must be finite, 0 or more: " + shortest(p) + " at " +
                                  index_text(P.shape(), i));
            sum += static_cast<double>(p);
        }
        if (std::abs(sum - 1) > sum_tolerance)
            refuse_tensor(path, "P",
                          "a row must sum to 1, to " + shortest(sum_tolerance) + ": " +
                              shortest(sum) + ", the row that begins at " +
                              index_text(P.shape(), begin));
    }
}

AttentionFile load_attention(const std::string& path) {
    const auto check = [&](const std::vector<TensorClaim>& claims) {
        for (const TensorClaim& claim : claims)
            if (claim.name == "P") check_attention_shape(path, claim.shape);
    };
    const TensorFile file = load_safetensors(path, check);
    AttentionFile attention{.P = file.get<float>("P"), .d_h = {}};
    const Ids& widths = file.get<std::int64_t>("d_h");
    const std::size_t layers = attention.P.shape(1);
    const bool each = widths.dimension() == 1 && widths.size() == layers;
    if (!each || *std::min_element(widths.begin(), widths.end()) < 1)
        refuse_tensor(path, "d_h",
                      "it must have a number of 1 or more for each of " + std::to_string(layers) +
                          " layers: shape " + to_string(widths.shape()));
    attention.d_h.assign(widths.begin(), widths.end());
    check_rows(path, attention.P);
    return attention;
}

}  // namespace taper::examples

#include "nn/config.hpp"

#include <unordered_set>

#include "core/error.hpp"
#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"

namespace taper::nn {

static std::string text(std::size_t number) { return std::to_string(number); }

static void check_slots(const Config& c, std::size_t k) {
    if (k == 0 || k > c.length)
        throw Error("k: the projected length must be 1 to length: k " + text(k) + ", length " +
                    text(c.length));
    const std::size_t r = ceil_quotient(c.length, k);
    if (c.is_pooled() && (k - 1) * r >= c.length)
        throw Error("k: no window of ceil(length / k) positions may be empty: k " + text(k) +
                    ", length " + text(c.length) + ": " + text(ceil_quotient(c.length, r)) +
                    " windows of " + text(r) + " hold all");
}

static void check_k(const Config& c) {
    const auto& layers = c.k.numbers;
    if (layers.size() != 1 && layers.size() != c.layers)
        throw Error("k: a list must have a number for each layer: k has " + text(layers.size()) +
                    ", layers " + text(c.layers));
    for (const auto& heads : layers) {
        if (heads.size() != 1 && heads.size() != c.heads)
            throw Error("k: a list of lists must have a number for each head: k has " +
                        text(heads.size()) + ", heads " + text(c.heads));
        if (c.attention == AttentionKind::full) continue;
        if (heads.size() != 1 && c.sharing != Sharing::none)
            throw Error("k: heads that share E and F must have one k: sharing " +
                        name_of(c.sharing));
        if (c.sharing == Sharing::layerwise && heads != layers[0])
            throw Error("k: layers that share E must have one k: " + text(layers[0][0]) + ", " +
                        text(heads[0]));
        for (const std::size_t k : heads) check_slots(c, k);
    }
}

static void check_class_names(const std::vector<std::string>& names) {
    std::unordered_set<std::string> seen;
    for (const std::string& name : names) {
        if (name.empty()) throw Error("class_names: no name may be empty: ''");
        for (const CodePoint& c : CodePoints(name))
            if (!c.valid)
                throw Error("class_names: a name must be UTF-8: '" + shortened(name) + "'");
        const bool is_new = seen.insert(name).second;
        if (!is_new) throw Error("class_names: no name may stand twice: '" + shortened(name) + "'");
    }
}

void Config::check() const {
    const auto positive = [](const std::string& name, std::size_t value) {
        constexpr std::size_t most = std::size_t{1} << 32;
        if (value == 0 || value > most)
            throw Error(name + ": the number must be 1 to " + text(most) + ": " + text(value));
    };
    positive("vocab_size", vocab_size);
    positive("length", length);
    positive("width", width);
    positive("heads", heads);
    positive("layers", layers);
    positive("ffn_width", ffn_width);
    if (width % heads != 0)
        throw Error("width: heads must divide width: width " + text(width) + ", heads " +
                    text(heads));
    check_k(*this);
    const bool projected_causal = causal && attention == AttentionKind::linformer;
    if (projected_causal && is_pooled())
        throw Error("projection: a causal linformer must have linear or random: a window of " +
                    name_of(projection) + " would hold positions to come");
    if (projected_causal && rescale)
        throw Error("rescale: a causal linformer must be without: each prefix is short");
    if (rescale && (attention == AttentionKind::full || is_pooled()))
        throw Error("rescale: E must be there, of a linear or random projection: attention " +
                    name_of(attention) + ", projection " + name_of(projection));
    if (window > 0 && !projected_causal)
        throw Error("window: the model must be a causal linformer: attention " +
                    name_of(attention) + ", causal " + (causal ? "true" : "false"));
    if (window > length)
        throw Error("window: the positions must be at most length: window " + text(window) +
                    ", length " + text(length));
    if (!(dropout >= 0 && dropout < 1))
        throw Error("dropout: the probability must be in [0, 1): " + shortest(dropout));
    check_class_names(class_names);
}

const Config& checked(const Config& config) {
    config.check();
    return config;
}

std::size_t Config::projections() const {
    if (attention == AttentionKind::full || projection == ProjectionKind::mean ||
        projection == ProjectionKind::max)
        return 0;
    switch (sharing) {
        case Sharing::none:
            return 2 * heads * layers;
        case Sharing::headwise:
            return 2 * layers;
        case Sharing::key_value:
            return layers;
        default:
            return 1;
    }
}

}  // namespace taper::nn

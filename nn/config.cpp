#include "nn/config.hpp"

#include <string>

#include "core/error.hpp"

namespace taper::nn {

void Config::check() const {
    const auto positive = [](const char* name, std::size_t value) {
        constexpr std::size_t most = std::size_t{1} << 32;
        if (value == 0 || value > most)
            throw Error(std::string(name) + ": the number must be 1 to " + std::to_string(most) + ": " +
                        std::to_string(value));
    };
    positive("vocab_size", vocab_size);
    positive("length", length);
    positive("width", width);
    positive("heads", heads);
    positive("layers", layers);
    positive("ffn_width", ffn_width);
    if (width % heads != 0)
        throw Error("width: heads must divide width: width " + std::to_string(width) + ", heads " +
                    std::to_string(heads));
    if (attention == Attention::linformer && (k == 0 || k > length))
        throw Error("k: the projected length must be 1 to length: k " + std::to_string(k) + ", length " +
                    std::to_string(length));
    if (!(dropout >= 0 && dropout < 1)) throw Error("dropout: the probability must be in [0, 1): " + shortest(dropout));
}

std::string_view name_of(Attention attention) { return attention == Attention::full ? "full" : "linformer"; }
std::string_view name_of(Norm norm) { return norm == Norm::pre ? "pre" : "post"; }

}  // namespace taper::nn

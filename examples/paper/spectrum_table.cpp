#include "examples/paper/spectrum_table.hpp"

#include "examples/common/progress.hpp"

namespace taper::examples {

Shares mean_shares(const SpectrumTable& table, const Cells& cells, Shares Spectrum::*member) {
    Shares mean((table.cells[0].*member).size());
    for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] = mean_over(table, cells, [&](const Spectrum& s) { return (s.*member)[i]; });
    return mean;
}

double remainder_of(const Shares& shares) { return 1 - shares[shares.size() / 4 - 1]; }

Rest rest_of(const SpectrumTable& table, const Cells& cells) {
    return {mean_over(table, cells, [](const Spectrum& s) { return remainder_of(s.shares); }),
            mean_over(table, cells, [](const Spectrum& s) { return remainder_of(s.shuffled); })};
}

std::string rest_text(const Rest& rest) {
    return fixed(1 - rest.own, 3) + ", rows shuffled " + fixed(1 - rest.shuffled, 3) +
           ": what remains is " + fixed(rest.ratio(), 2) + " of the shuffled rows' rest";
}

std::vector<double> layer_shares(const SpectrumTable& table, std::optional<std::size_t> text) {
    std::vector<double> shares;
    for (std::size_t layer = 0; layer < table.layers; ++layer)
        shares.push_back(1 - rest_of(table, {.text = text, .layer = layer}).own);
    return shares;
}

}  // namespace taper::examples

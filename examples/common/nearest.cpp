#include "examples/common/nearest.hpp"

#include <algorithm>
#include <numeric>

namespace taper::examples {

// How many letters of a must be put in, left out or replaced to make b. Two that changed places
// count as one (Damerau).
static std::size_t distance(std::string_view a, std::string_view b) {
    // row[j]: the distance of the first i letters of a and the first j of b.
    std::vector<std::size_t> row(b.size() + 1);
    std::vector<std::size_t> last;    // of i - 1
    std::vector<std::size_t> before;  // of i - 2
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = last;
        last = row;
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& words) {
    std::string nearest;
    std::size_t least = std::string::npos;
    for (const std::string& word : words) {
        const std::size_t letters = distance(typed, word);
        const std::size_t most = std::max<std::size_t>(1, word.size() / 3);
        if (letters < least && letters <= most) {
            least = letters;
            nearest = word;
        }
    }
    for (const std::string& word : words)
        if (nearest.empty() && typed.size() >= 3 && word.starts_with(typed)) nearest = word;
    return nearest.empty() ? "" : ": did you mean " + nearest + "?";
}

}  // namespace taper::examples

#include "examples/classifier/naive_bayes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taper::examples {

std::vector<std::string> words_of(std::string_view text) {
    constexpr std::string_view white_space = " \t\n\v\f\r";
    std::vector<std::string> words;
    for (;;) {
        const std::size_t begin = text.find_first_not_of(white_space);
        if (begin == text.npos) return words;
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find_first_of(white_space), text.size());
        std::string& word = words.emplace_back(text.substr(0, end));
        for (char& letter : word)
            if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        text.remove_prefix(end);
    }
}

void NaiveBayes::add(std::string_view text, std::size_t label) {
    ++documents_[label];
    for (const std::string& word : words_of(text)) {
        auto& counts = counts_[word];
        counts.resize(documents_.size());
        ++counts[label];
        ++words_[label];
    }
}

std::size_t NaiveBayes::predict(std::string_view text) const {
    const std::size_t classes = documents_.size();
    const double all = std::accumulate(documents_.begin(), documents_.end(), 0.0);
    const auto V = static_cast<double>(counts_.size());
    std::vector<double> scores(classes);
    for (std::size_t c = 0; c < classes; ++c) scores[c] = std::log(documents_[c] / all);
    for (const std::string& word : words_of(text)) {
        const auto known = counts_.find(word);
        if (known == counts_.end()) continue;
        for (std::size_t c = 0; c < classes; ++c)
            scores[c] += std::log((known->second[c] + 1) / (words_[c] + V));
    }
    const auto best = std::max_element(scores.begin(), scores.end());
    return static_cast<std::size_t>(best - scores.begin());
}

}  // namespace taper::examples

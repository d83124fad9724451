// A baseline to hold a classifier against: multinomial naive Bayes over a bag of words, with
// add-one smoothing (Manning, Raghavan and Schuetze 2008, "Introduction to Information Retrieval",
// section 13.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace taper::examples {

// The words of a text: what stands between white space, ASCII letters in lower case.
std::vector<std::string> words_of(std::string_view text);

// Taken for is the class c with the largest
//     ln P(c) + sum over the words w of the text of ln (count(w, c) + 1) / (words(c) + V)
// P(c): the share of c in the documents; count(w, c): how often w stands in those of c; words(c):
// the sum of these; V: the number of distinct words. A word that no document had is left out. Of
// equal classes the first.
class NaiveBayes {
  public:
    explicit NaiveBayes(std::size_t classes) : documents_(classes), words_(classes) {}
    void add(std::string_view text, std::size_t label);
    // At least one document was added.
    std::size_t predict(std::string_view text) const;

  private:
    std::vector<double> documents_;                                // of each class
    std::vector<double> words_;                                    // of each class
    std::unordered_map<std::string, std::vector<double>> counts_;  // word -> count of each class
};

}  // namespace taper::examples

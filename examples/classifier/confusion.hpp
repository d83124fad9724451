// What a classifier gets right and wrong, in numbers.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace taper::examples {

// How often documents of one class were taken for another. At least one document was added before a
// number is asked for.
class Confusion {
  public:
    explicit Confusion(std::size_t classes) : counts_(classes, std::vector<std::size_t>(classes)) {}
    void add(std::size_t label, std::size_t predicted) { ++counts_[label][predicted]; }

    std::size_t classes() const { return counts_.size(); }
    // By row the true class, by column the predicted one.
    const std::vector<std::vector<std::size_t>>& counts() const { return counts_; }
    std::size_t documents() const;                   // all of them, N
    std::size_t documents(std::size_t label) const;  // of a class
    std::size_t predicted(std::size_t label) const;  // taken for a class
    double accuracy() const;                         // p, the share that is right
    double standard_error() const;                   // of p: sqrt(p (1 - p) / N)
    // 2 right / (documents + predicted) of a class: the harmonic mean of precision and recall.
    // None: no document is of this class or taken for it.
    std::optional<double> f1(std::size_t label) const;
    double macro_f1() const;  // the mean over the classes that have a document

  private:
    std::vector<std::vector<std::size_t>> counts_;
};

// "0.8230 +- 0.0121", accuracy and its standard error.
std::string accuracy_text(const Confusion& confusion);

// A line a class: its name, row and F1, and its whole name where that is cut. Above them a line of
// the columns' names. A name has at most 12 columns; where two would then be the same, those that
// are cut have the numbers of their classes before them.
std::string table_of(const Confusion& confusion, std::span<const std::string> class_names);

}  // namespace taper::examples

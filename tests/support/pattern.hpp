// Regular expressions (ECMAScript) over text. <regex> takes seconds to compile: it is in
// pattern.cpp alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace taper::tests {

class Pattern {
  public:
    using Match = std::vector<std::string>;  // the whole match, then its groups

    explicit Pattern(const std::string& expression);

    // Whether it is all of text.
    bool matches(const std::string& text) const;
    // Every match within text, from left to right.
    std::vector<Match> find_all(const std::string& text) const;
    bool is_in(const std::string& text) const { return !find_all(text).empty(); }

  private:
    struct Compiled;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace taper::tests

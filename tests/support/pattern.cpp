#include "tests/support/pattern.hpp"

#include <regex>

namespace taper::tests {

struct Pattern::Compiled {
    std::regex regex;
};

Pattern::Pattern(const std::string& expression)
    : compiled_(std::make_shared<const Compiled>(Compiled{std::regex(expression)})) {}

bool Pattern::matches(const std::string& text) const {
    return std::regex_match(text, compiled_->regex);
}

std::vector<Pattern::Match> Pattern::find_all(const std::string& text) const {
    std::vector<Match> found;
    std::sregex_iterator match(text.begin(), text.end(), compiled_->regex);
    for (; match != std::sregex_iterator(); ++match) {
        Match groups;
        for (const auto& group : *match) groups.push_back(group.str());
        found.push_back(groups);
    }
    return found;
}

}  // namespace taper::tests

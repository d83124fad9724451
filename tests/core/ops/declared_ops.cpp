#include "tests/core/ops/declared_ops.hpp"

#include <fstream>

#include "core/error.hpp"
#include "tests/support/pattern.hpp"

namespace taper::tests {

std::vector<std::string> declared_ops() {
    const std::string path = TAPER_SOURCE_DIR "/core/ops.hpp";
    std::ifstream file(path);
    if (!file) throw Error(path + ": the header must be readable: set TAPER_SOURCE_DIR");
    const Pattern declaration(R"(^(?:template <class T>)?\s*Var<T> (\w+)\()");
    std::vector<std::string> names;
    std::string prefix, line;
    while (std::getline(file, line)) {
        if (line.starts_with("namespace composed")) prefix = "composed::";
        if (line.starts_with("}")) prefix.clear();
        for (const Pattern::Match& match : declaration.find_all(line))
            names.push_back(prefix + match[1]);
    }
    return names;
}

}  // namespace taper::tests

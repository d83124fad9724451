// Which ops there are, read from the header that declares them.
#pragma once

#include <string>
#include <vector>

namespace taper::tests {

// The ops declared in core/ops.hpp; those of its namespace composed as "composed::softmax".
std::vector<std::string> declared_ops();

}  // namespace taper::tests

// What tests of the engine in double share: short names, and an Error whose message names all that
// it must.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>

#include "core/engine/tape.hpp"
#include "tests/support/scratch.hpp"

namespace taper::tests {

using V = Var<double>;
using P = Parameter<double>;
using Numbers = Array<double>;

// The message names all the parts.
inline void check_refusal(const std::function<void()>& action,
                          std::initializer_list<const char*> parts) {
    const std::string message = refusal(action);
    for (const char* part : parts)
        CHECK_MESSAGE(message.find(part) != std::string::npos,
                      message << std::string(" lacks ") << std::string(part));
}

}  // namespace taper::tests

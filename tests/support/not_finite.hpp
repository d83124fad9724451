// The words of NotFinite, with which a program says that a number is no longer one.
#pragma once

#include <functional>
#include <string>

#include "examples/common/program.hpp"

namespace taper::tests {

// The message of the NotFinite that the action ends in; "" where it ends well.
inline std::string refusal_as_not_finite(const std::function<void()>& action) {
    try {
        action();
    } catch (const examples::NotFinite& error) {
        return error.what();
    }
    return "";
}

}  // namespace taper::tests

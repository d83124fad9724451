// TAPER_SANITIZED: a sanitizer of addresses or threads is compiled in. It takes terabytes of
// addresses, holds back what is freed, and slows down some things more than others.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // g++
#define TAPER_SANITIZED
#elif defined(__has_feature)  // clang++
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TAPER_SANITIZED
#endif
#endif

namespace taper::tests {

// How many of something a test makes: fewer where each takes many times as long.
constexpr int unless_sanitized([[maybe_unused]] int count,
                               [[maybe_unused]] int count_if_sanitized) {
#ifdef TAPER_SANITIZED
    return count_if_sanitized;
#else
    return count;
#endif
}

}  // namespace taper::tests

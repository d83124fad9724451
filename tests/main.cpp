// The test program's main function. The tests are in the folders beside it, a
// subject a file.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "core/array/array.hpp"

int main(int argc, char** argv) {
    taper::keep_freed_memory();
    return doctest::Context(argc, argv).run();
}

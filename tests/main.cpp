// The test program's main function. The tests are in the files beside it, one subject each.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "core/array/array.hpp"

int main(int argc, char** argv) {
    taper::keep_freed_memory();
    return doctest::Context(argc, argv).run();
}

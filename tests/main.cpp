// The test program's main function. The tests are in the files beside it, one subject each.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#!/bin/sh
# Installs what is missing (on Debian and Ubuntu), builds, and runs all tests. From any directory:
#     sh tests/run.sh [PRESET [CMAKE_OPTION...]]
# PRESET: release, which is the default, debug, asan, tsan
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
. examples/setup.sh

[ $# -gt 0 ] || set -- release
[ "$1" != asan ] || build_packages="$build_packages clang libclang-rt-dev"
need $build_packages doctest-dev bible-kjv gnuplot-nox python3-numpy
build "$@" -D TAPER_TESTS=ON
ctest --preset "$1" --parallel "$(nproc)"

#!/bin/sh
# Which small changes of the sources do the tests not notice? mutate.py says how; an hour or so.
# From any directory:
#     sh tests/mutations/run.sh [--only N,M-K] [--list]
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/../.."
. examples/setup.sh
need $build_packages doctest-dev bible-kjv gnuplot-nox git python3
exec python3 tests/mutations/mutate.py "$@"

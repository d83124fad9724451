#!/bin/sh
# Makes the book of the lessons, with all that it needs: build/release/book/index.html. It is one
# folder, to be read in any browser, without a network, on a phone too. From any directory:
#     sh examples/book/run.sh
set -eu

unset CDPATH
root=$(cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/examples/setup.sh"
need $build_packages python3-markdown python3-pygments libjs-asciimathml
cd -- "$root"
cmake --preset release
cmake --build --preset release --target book

#!/bin/sh
# Builds one lesson, with what it needs alone, and runs it. From any directory:
#     sh examples/lessons/run.sh                       lists the lessons
#     sh examples/lessons/run.sh 03 [OPTION...]        by its number
#     sh examples/lessons/run.sh attention             or by a part of its name
# --page FILE writes the tape that the lesson shows, a page for a browser.
set -eu

unset CDPATH
here=$(cd -- "$(dirname -- "$0")" && pwd)
root=$(cd -- "$here/../.." && pwd)

# Every lesson: its name, and its title, which its first line says.
list() {
    for file in "$here"/[0-9][0-9]_*.cpp; do
        name=${file##*/}
        printf '%-26s %s\n' "${name%.cpp}" "$(sed -n '1s,^// ,,p' "$file")"
    done
}

if [ $# = 0 ]; then
    list
    exit
fi
wanted=$1
shift
lesson=
for file in "$here"/[0-9][0-9]_*.cpp; do
    name=${file##*/}
    name=${name%.cpp}
    case $name in
        "$wanted" | "$wanted"_*) lesson=$name; break ;;
        *"$wanted"*) [ -n "$lesson" ] || lesson=$name ;;
    esac
done
if [ -z "$wanted" ] || [ -z "$lesson" ]; then
    echo "lessons/run.sh: no lesson has this in its name: $wanted. The lessons:" >&2
    list >&2
    exit 2
fi

. "$root/examples/setup.sh"
need $build_packages
# What is built is said where it takes long, or fails.
(cd -- "$root" && [ -e build/release/build.ninja ] || cmake --preset release)
cmake --build "$root/build/release" --target "$lesson"
exec "$root/build/release/bin/$lesson" "$@"

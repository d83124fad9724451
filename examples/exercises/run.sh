#!/bin/sh
# Exercises: builds yours, checks them, and says what is expected and what came. From any directory:
#     sh examples/exercises/run.sh                 all: which are done, and which is next
#     sh examples/exercises/run.sh 03a             this one; also by a part of its name: matmul
#     sh examples/exercises/run.sh hint 03a        a hint, each time one more
#     sh examples/exercises/run.sh solution 03a    the model answer
# Installs what the build needs (on Debian and Ubuntu). Status: 0; 1 where one exercise is run and
# not done yet, or the build fails; 2 for an exercise that there is not.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/../.."
root=$(pwd)
. examples/setup.sh
folder=examples/exercises
script="sh $folder/run.sh"
bin=build/release/bin/exercises
state=build/exercises  # how many hints were read, and what the last build said
names=$(cd $folder && for file in [0-9]*.cpp; do echo "${file%.cpp}"; done)

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "$root/$folder/run.sh" >&2
    exit 2
}

# The title in the head of an exercise: "Exercise 3a. The backward pass of a matrix product".
title() {
    sed -n '1s,^// *,,p' "$folder/$1.cpp"
}

# Prints the names that are least letters away from what was typed, or else those of its lesson.
near() {
    echo "$names" | awk -v typed="$1" '
        function least(a, b) { return a < b ? a : b }
        function apart(a, b,    i, j, row, last) {
            for (j = 0; j <= length(b); ++j) row[j] = j
            for (i = 1; i <= length(a); ++i) {
                for (j = 0; j <= length(b); ++j) last[j] = row[j]
                row[0] = i
                for (j = 1; j <= length(b); ++j)
                    row[j] = least(least(last[j], row[j - 1]) + 1,
                        last[j - 1] + (substr(a, i, 1) != substr(b, j, 1)))
            }
            return row[length(b)]
        }
        {
            number = substr($0, 1, index($0, "_") - 1)
            word = substr($0, index($0, "_") + 1)
            letters = least(apart(typed, $0), apart(typed, word))
            if (letters * 3 <= length(typed) ||
                apart(typed, number) <= 1 || apart("0" typed, number) <= 1) print
        }'
}

# Sets name to the one exercise that is meant: by its number (03a, 3a), its name, a part of that, or
# its file. Else prints what is near, and ends with status 2.
find_exercise() {
    typed=${1##*/}
    typed=${typed%.*}
    name=
    found=
    for each in $names; do
        case $each in
            "$typed" | "$typed"_* | "0$typed"_*) name=$each ;;
            *"$typed"*) found="$found $each" ;;
        esac
    done
    if [ -z "$name" ] && [ -n "$typed" ]; then
        case $found in
            ' '*' '*) ;;
            ' '*) name=${found# } ;;
        esac
    fi
    [ -z "$name" ] || return 0
    if [ -n "$typed" ] && [ -n "$found" ]; then
        echo "exercises: '$1' is a part of several names:$found" >&2
    else
        close=$(near "$typed")
        echo "exercises: no exercise is called '$1'; near it:" ${close:-$names} >&2
    fi
    exit 2
}

# build_target TARGET OPTION_OF_NINJA...: what the tools say goes to a file.
build_target() {
    target=$1
    shift
    need $build_packages
    mkdir -p "$state"
    if [ ! -e build/release/build.ninja ]; then
        echo "Setting up the build, once."
        cmake --preset release -D TAPER_TESTS=OFF >"$state/log" 2>&1 || {
            cat "$state/log" >&2
            exit 1
        }
    fi
    # Some exercises do without the library: a list there says which.
    alone=$(sed -n '/^set(BY_THEMSELVES/,/)/p' $folder/CMakeLists.txt)
    if [ ! -e build/release/libtaper.a ] && ! echo "$alone" | grep -Eq "[ (]$target([ )]|\$)"; then
        echo "Building taper itself, once. This takes some minutes."
        cmake --build build/release --target taper || exit 1
    fi
    cmake --build build/release --target "$target" -- "$@" >"$state/log" 2>&1
}

# What the compiler says of the learner's file, without the commands of the build.
show_log() {
    awk '/^FAILED: / { getline; next } /^\[[0-9]+\/[0-9]+\]/ || /^ninja: / { next } { print }' \
        "$state/log" | sed "s,$root/,,g" | head -n 40
    if grep -q 'undefined reference' "$state/log"; then
        echo "The check calls a function that is not in your file: its name and its arguments must"
        echo "stay as they were."
    fi
}

one() {
    find_exercise "$1"
    title "$name"
    if ! build_target "$name"; then
        show_log
        echo "It does not compile yet: $folder/$name.cpp"
        exit 1
    fi
    ! grep -q 'warning:' "$state/log" || show_log
    "$bin/$name" || {
        echo "Your file: $folder/$name.cpp"
        exit 1
    }
    next=$(echo "$names" | sed -n "/^$name\$/{n;p;}")
    [ -z "$next" ] || echo "The next one: $script ${next%%_*}     $(title "$next")"
}

all() {
    built=yes
    build_target exercises -k 0 || built=
    done=0
    count=0
    next=
    for name in $names; do
        count=$((count + 1))
        # A program from before an error came in would still be there.
        if [ -z "$built" ] && { [ ! -e "$bin/$name" ] ||
            grep -Eq "^FAILED: .*[/ ](check_)?$name(\.dir/| |\$)" "$state/log"; }; then
            progress='does not compile'
        elif "$bin/$name" >/dev/null 2>&1; then
            progress=done
            done=$((done + 1))
        else
            progress='not yet'
        fi
        [ "$progress" = done ] || next=${next:-$name}
        printf '  %-18s%-28s%s\n' "$progress" "$name" "$(title "$name" | sed 's/^[^.]*\. //')"
    done
    echo "$done of $count done."
    [ -z "$next" ] || echo "The next one: $script ${next%%_*}     (your file: $folder/$next.cpp)"
}

hint() {
    find_exercise "$1"
    file=$folder/hints/$name.md
    last=$(grep -c '^## ' "$file")
    read=$(cat "$state/$name.hints" 2>/dev/null || echo 0)
    read=$((read < last ? read + 1 : last))
    mkdir -p "$state"
    echo "$read" >"$state/$name.hints"
    title "$name"
    echo
    # With one empty line behind each.
    awk -v upto="$read" '
        /^## / { ++hint }
        hint > upto { exit }
        { print; empty = ($0 == "") }
        END { if (!empty) print "" }' "$file"
    if [ "$read" -lt "$last" ]; then
        echo "$read of $last hints. One more: $script hint ${name%%_*}"
    else
        echo "These are all hints. The model answer: $script solution ${name%%_*}"
    fi
}

case $#:${1:-} in
    0:) all ;;
    1:-* | 1:hint | 1:solution | 1:) usage ;;
    1:*) one "$1" ;;
    2:hint) hint "$2" ;;
    2:solution)
        find_exercise "$2"
        cat "$folder/solutions/$name.cpp"
        ;;
    *) usage ;;
esac

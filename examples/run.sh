#!/bin/sh
# Installs what is missing (on Debian and Ubuntu), builds, trains a language model on the King James
# Bible, and shows what it has learned. From any directory:
#     sh examples/run.sh [OPTION...]         a causal model, which then writes: options of train_lm; they replace the recipe's
#     sh examples/run.sh fill [OPTION...]    a masked model, which then fills masks: options of train_mlm
#     sh examples/run.sh --resume            goes on with the last run that began, where it was stopped
# --text FILE: another text. Each run is written to a new directory, build/runs/1, 2, ...
set -eu

# ---- The recipes (and bpe's default, a vocabulary of 1024). Short windows and few layers: with n =
# 128, four layers and 1e-3 ---- the masked model still guesses by frequency, at a loss of 5.7,
# after 800 steps -------------------------------------
write='--tokenizer bpe --length 64 --k 16 --window 16 --width 128 --heads 4 --layers 3 --batch 32 --lr 2e-3 --steps 3000
    --eval-every 250'
fill='--tokenizer bpe --length 32 --k 16 --width 128 --heads 4 --layers 2 --batch 32 --lr 2e-3 --steps 5000 --eval-every 250'
#
# ------------------------------------------------------------------------------------------------------------------------

unset CDPATH
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/setup.sh"
need $build_packages bible-kjv gnuplot-nox
(cd -- "$root" && build release -D TAPER_TESTS=OFF)
bin=$root/build/release/bin

program=train_lm recipe=$write
[ "${1:-}" != fill ] || { program=train_mlm recipe=$fill; shift; }

out= resume= own_text= option=
for argument; do
    [ "$option" != --out ] || out=$argument
    option=$argument
    case $argument in
        --out=*) out=${argument#--out=} ;;
        --resume) resume=yes ;;
        --text | --text=*) own_text=yes ;;
        --help | -h | --version) exec "$bin/$program" "$argument" ;;
    esac
done

if [ -z "$out" ]; then
    runs=$root/build/runs last=0 begun=1
    mkdir -p "$runs"
    for number in $(ls "$runs" | grep -x '[1-9][0-9]*' | sort -n); do
        last=$number
        [ ! -e "$runs/$number/checkpoint.safetensors" ] || begun=$number
    done
    number=$((last + 1))
    # Another run.sh may take the same number meanwhile: who makes the directory has it.
    until [ -n "$resume" ] || mkdir "$runs/$number" 2>/dev/null; do
        [ -e "$runs/$number" ] || mkdir "$runs/$number"  # says why it cannot be made
        number=$((number + 1))
    done
    if [ -n "$resume" ]; then
        out=$runs/$begun
    else
        out=$runs/$number
        trap 'rmdir "$out" 2>/dev/null || :' EXIT  # of a run that was refused
    fi
    set -- --out "$out" "$@"
fi
if [ -n "$resume" ]; then  # a run that goes on has its kind, its options and its text already
    ! grep -qs '"mask":true' "$out/tokenizer.json" || program=train_mlm
else
    given=" $* "
    case $given in  # what has no use there is not the recipe's to say
        *' --attention full '* | *' --attention=full '*) given="$given--k --window " ;;
    esac
    length=$(printf '%s\n' "$given" | sed -n 's/.* --length[ =]\([0-9]*\) .*/\1/p')
    [ "${length:-16}" -ge 16 ] || given="$given--k --window "  # those of the recipe would be longer
    for word in $recipe; do
        case $word in --*) option=$word ;; esac
        case $given in *" $option "* | *" $option="*) ;; *) set -- "$@" "$word" ;; esac
    done
    if [ -z "$own_text" ]; then
        text=$root/build/bible.txt
        if [ ! -e "$text" ]; then  # 4,404,412 bytes, a verse a line
            bible -f -l9999 'gen1:1-rev22:21' </dev/null >"$text.$$"
            mv "$text.$$" "$text"
        fi
        set -- "$@" --text "$text"
    fi
fi

"$bin/$program" "$@"

# the run is done, also where this is not in the vocabulary or the window of the user's choice
show() {
    "$bin/$@" || :
}
# It was learned from the Bible? What else to try, the program has said.
grep -aqF "$root/build/bible.txt" "$out/checkpoint.safetensors" || exit 0
if [ $program = train_mlm ]; then
    show fill_mask --model "$out" --text 'And the LORD [MASK] unto Moses, saying'
    show fill_mask --model "$out" --text 'Thus saith the [MASK] of hosts'
    show fill_mask --model "$out" --text 'And he said [MASK] them, Go'
else
    show generate --model "$out" --prompt 'And Jesus said unto the' --tokens 120 --temperature 0.7
    show generate --model "$out" --prompt 'In those days' --tokens 120 --temperature 0.7
fi

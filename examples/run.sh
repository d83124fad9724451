#!/bin/sh
# Installs what is missing (on Debian and Ubuntu), builds, trains a language model on the King James
# Bible, and shows what it has learned. From any directory:
#     sh examples/run.sh [OPTION...]         a causal model, which then writes
#     sh examples/run.sh fill [OPTION...]    a masked model, which then fills masks
#     sh examples/run.sh --resume            goes on with the last run, where it was stopped
# The options are those of train_lm (with fill: train_mlm), and replace the recipe's. --text FILE:
# another text. Each run is written to a new directory, build/runs/1, 2, ...
set -eu

# ---- The recipes. The vocabulary is bpe's default, 1024. Windows are short and layers few: with
# ---- n = 128, four layers and 1e-3 the masked model still guesses by frequency after 800 steps,
# ---- at a loss of 5.7.
write='--tokenizer bpe --length 64 --k 16 --window 16 --width 128 --heads 4 --layers 3
    --batch 32 --lr 2e-3 --steps 3000 --eval-every 250'
fill='--tokenizer bpe --length 32 --k 16 --width 128 --heads 4 --layers 2
    --batch 32 --lr 2e-3 --steps 5000 --eval-every 250'
# ----

unset CDPATH
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/setup.sh"
need $build_packages bible-kjv gnuplot-nox
(cd -- "$root" && build release -D TAPER_TESTS=OFF)
bin=$root/build/release/bin

program=train_lm
recipe=$write
if [ "${1:-}" = fill ]; then
    program=train_mlm
    recipe=$fill
    shift
fi

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
    runs=$root/build/runs
    last=0
    begun=1  # the last that has a checkpoint
    mkdir -p "$runs"
    for number in $(ls "$runs" | grep -x '[1-9][0-9]*' | sort -n); do
        last=$number
        [ ! -e "$runs/$number/checkpoint.safetensors" ] || begun=$number
    done
    number=$((last + 1))
    # Another run.sh may take the same number meanwhile: the one that makes the directory has it.
    until [ -n "$resume" ] || mkdir "$runs/$number" 2>/dev/null; do
        [ -e "$runs/$number" ] || mkdir "$runs/$number"  # says why it cannot be made
        number=$((number + 1))
    done
    if [ -n "$resume" ]; then
        out=$runs/$begun
    else
        out=$runs/$number
        # A run that was refused leaves no directory.
        trap 'rmdir "$out" 2>/dev/null || :' EXIT
    fi
    set -- --out "$out" "$@"
fi
if [ -n "$resume" ]; then
    # A run that goes on has its kind, its options and its text already.
    ! grep -qs '"mask":true' "$out/tokenizer.json" || program=train_mlm
else
    given=" $* "
    # Options of the recipe that full attention has no use for count as given.
    case $given in
        *' --attention full '* | *' --attention=full '*) given="$given--k --window " ;;
    esac
    length=$(printf '%s\n' "$given" | sed -n 's/.* --length[ =]\([0-9]*\) .*/\1/p')
    # So do those that would be longer than the user's sequences.
    [ "${length:-16}" -ge 16 ] || given="$given--k --window "
    for word in $recipe; do
        case $word in --*) option=$word ;; esac
        case $given in *" $option "* | *" $option="*) ;; *) set -- "$@" "$word" ;; esac
    done
    if [ -z "$own_text" ]; then
        text=$root/build/bible.txt
        if [ ! -e "$text" ]; then
            # 4,404,412 bytes, a verse a line
            bible -f -l9999 'gen1:1-rev22:21' </dev/null >"$text.$$"
            mv "$text.$$" "$text"
        fi
        set -- "$@" --text "$text"
    fi
fi

"$bin/$program" "$@"

# The run is done, even where the prompt is not in the user's vocabulary or window.
show() {
    "$bin/$@" || :
}
# The prompts are for a model that was trained on the Bible. What else to try, the program has said.
grep -aqF "$root/build/bible.txt" "$out/checkpoint.safetensors" || exit 0
if [ $program = train_mlm ]; then
    show fill_mask --model "$out" --text 'And the LORD [MASK] unto Moses, saying'
    show fill_mask --model "$out" --text 'Thus saith the [MASK] of hosts'
    show fill_mask --model "$out" --text 'And he said [MASK] them, Go'
else
    show generate --model "$out" --prompt 'And Jesus said unto the' --tokens 120 --temperature 0.7
    show generate --model "$out" --prompt 'In those days' --tokens 120 --temperature 0.7
fi

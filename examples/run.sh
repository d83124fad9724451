#!/bin/sh
# Installs what is missing (on Debian and Ubuntu), builds, trains a masked language model on the King James Bible, and lets
# it fill masks. From any directory:
#     sh examples/run.sh [OPTION...]      options of train_mlm; they replace the recipe's. --text FILE: another text
#     sh examples/run.sh --resume         goes on with the last run, where it was stopped
# Each run is written to a new directory, build/runs/1, 2, ...
set -eu

# ---- The recipe (and bpe's default, a vocabulary of 1024). The windows are short, the layers two and the learning rate high:
# ---- with n = 128, four layers and 1e-3 a masked model still guesses by frequency, at a loss of 5.7, after 800 steps ------
recipe='--tokenizer bpe --length 32 --k 16 --width 128 --heads 4 --layers 2 --batch 32 --lr 2e-3 --steps 5000
    --eval-every 250'
# ------------------------------------------------------------------------------------------------------------------------

unset CDPATH
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/setup.sh"
need $build_packages bible-kjv gnuplot-nox
(cd -- "$root" && build release -D TAPER_TESTS=OFF)
bin=$root/build/release/bin

out= resume= own_text= option=
for argument; do
    [ "$option" != --out ] || out=$argument
    option=$argument
    case $argument in
        --out=*) out=${argument#--out=} ;;
        --resume) resume=yes ;;
        --text | --text=*) own_text=yes ;;
        --help | -h) exec "$bin/train_mlm" --help ;;
    esac
done

if [ -z "$out" ]; then
    mkdir -p "$root/build/runs"
    last=$(ls "$root/build/runs" | grep -x '[1-9][0-9]*' | sort -n | tail -n 1)
    if [ -n "$resume" ]; then out=$root/build/runs/${last:-1}; else out=$root/build/runs/$((${last:-0} + 1)); fi
    set -- --out "$out" "$@"
fi
if [ -z "$resume" ]; then  # a run that goes on has its options and its text already
    given=" $* "
    for word in $recipe; do
        case $word in --*) option=$word ;; esac
        case $given in *" $option "* | *" $option="*) ;; *) set -- "$@" "$word" ;; esac
    done
    if [ -z "$own_text" ]; then
        text=$root/build/bible.txt
        if [ ! -e "$text" ]; then  # 4,404,412 bytes, a verse a line
            bible -f -l9999 'gen1:1-rev22:21' </dev/null >"$text.part"
            mv "$text.part" "$text"
        fi
        set -- "$@" --text "$text"
    fi
fi

"$bin/train_mlm" "$@"

fill() {  # the run is done, also where the verse is longer than a window of the user's choice
    "$bin/fill_mask" --model "$out" --text "$1" || :
}
if grep -aqF "$root/build/bible.txt" "$out/checkpoint.safetensors"; then  # it was learned from the Bible
    fill 'And the children of [MASK] did evil in the sight of the LORD'
    fill 'And it came to [MASK] in those days'
    fill 'Jesus [MASK] unto them, Verily, verily, I say unto you'
fi
echo "Now your own: '$bin/fill_mask' --model '$out' --text 'The [MASK] is my shepherd'"

#!/bin/sh
# Records two samples with real models, and makes a report of each: a function that Gemma 3 270M completes, checked by its own examples,
# and a chat with SmolLM2-135M-Instruct. `make samples-real` fetches the models; nothing of them is in this folder but what they wrote.
# Usage: sh samples/record_real.sh GEMMA3_FOLDER SMOLLM2_FOLDER [FOLDER]   (default: samples)
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${3:-$here}
mkdir -p "$out"

sample() {
    name=$1
    shift
    tokenscope-record "$@" -o "$out/$name.tsc" --force --quiet
    tokenscope-html "$out/$name.tsc" -o "$out/$name.html" --force 2>/dev/null
    printf '%s\n' "$out/$name.html"
}

sample triangle "$here/triangle.py" --model "$1" --max-new-tokens 64 --tree-nodes 768 --check 'python3 -m doctest {file}'
sample largest "$here/largest.md" --model "$2" --chat --max-new-tokens 200 --tree-nodes 768 --attention-top 4 \
    --check 'python3 {file}'

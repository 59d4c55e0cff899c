#!/bin/sh
# Records the prompts of this folder with the built-in model and makes a report of each.
# Usage: sh samples/record.sh [FOLDER]   (default: build/demo; `samples` renews the committed ones)
#
# The prompts end without a line break where the next line is to be written: for a model whose tokens hold a line break
# together with its indentation, a break at the end says that no indentation follows.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-build/demo}
mkdir -p "$out"

report() {
    tokenscope-html "$out/$1.tsc" -o "$out/$1.html" --force 2>/dev/null
    reports="${reports:-}
  $out/$1.html"
}

# An ordinary prompt, sampled.
tokenscope-record "$here/read_text.py" -o "$out/read_text.tsc" --force --max-new-tokens 120 --temperature 0.6 --seed 1
report read_text
# A hole in a file.
tokenscope-record "$here/stack.py" -o "$out/stack.tsc" --force --fim --max-new-tokens 40 --quiet
report stack
# Text that is not ASCII, greedy, until two empty lines.
tokenscope-record "$here/greeting.py" -o "$out/greeting.tsc" --force --max-new-tokens 40 --stop '\n\n\n' --quiet
report greeting
printf '\nReports, ready to open in a browser:%s\n' "$reports"

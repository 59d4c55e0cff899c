#!/bin/sh
# Records the prompts of this folder with the built-in model and makes a report of each.
# Usage: sh samples/record.sh [FOLDER]   (default: build/demo)
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-build/demo}
mkdir -p "$out"

report() {
    tokenscope-html "$out/$1.tsc" -o "$out/$1.html" --force 2>/dev/null
    reports="${reports:-}
  $out/$1.html"
}

tokenscope-record "$here/duration.py" -o "$out/duration.tsc" --force --max-new-tokens 200
report duration
tokenscope-record "$here/stack.py" -o "$out/stack.tsc" --force --fim --max-new-tokens 40 --quiet
report stack
tokenscope-record "$here/greeting.py" -o "$out/greeting.tsc" --force --max-new-tokens 80 --temperature 0.6 --seed 1 --quiet
report greeting
printf '\nReports, ready to open in a browser:%s\n' "$reports"

#!/bin/sh
# Records what is in this folder with the built-in model and makes a report of each.
# Usage: sh samples/record.sh [FOLDER]   (default: build/demo; `samples` renews the committed ones)
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-build/demo}
mkdir -p "$out"

report() {
    tokenscope-html "$out/$1.tsc" -o "$out/$1.html" --force 2>/dev/null
    reports="${reports:-}
  $out/$1.html"
}

# An uncertain choice: which dictionary is next? The branches show what would have followed, a check which of them are right, the
# lens what the layers said.
tokenscope-record "$here/merge.py" -o "$out/merge.tsc" --force --max-new-tokens 80 --stop '\n\n\n' --lens \
    --check 'python3 -c "import runpy, sys; merge = runpy.run_path(sys.argv[1])[\"merge\"]; assert merge({1: 2}, {1: 3, 4: 5}) == {1: 3, 4: 5}" {file}'
report merge
# A hole in a file.
tokenscope-record "$here/stack.py" -o "$out/stack.tsc" --force --fim --max-new-tokens 40 --quiet
report stack
# Text that is not ASCII, in the middle of a line; branches are sampled.
tokenscope-record "$here/greeting.py" -o "$out/greeting.tsc" --force --max-new-tokens 80 --stop '\n\n\n' \
    --tree-temperature 0.6 --quiet
report greeting
# Code that the model did not write, with a mistake in its last line.
tokenscope-record --score "$here/median.py" -o "$out/median.tsc" --force --lens --attention-top 8 --quiet
report median
printf '\nReports, ready to open in a browser:%s\n' "$reports"

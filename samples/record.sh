#!/bin/sh
# Records what is in this folder with the built-in model and makes a report of each.
# Usage: sh samples/record.sh [FOLDER]   (default: build/demo; `samples` renews the committed ones)
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-build/demo}
mkdir -p "$out"

# NAME, then what it shows, then the options of the recording.
sample() {
    name=$1
    printf '  %-12s %s ... ' "$name.py" "$2"
    shift 2
    tokenscope-record "$@" -o "$out/$name.tsc" --force --quiet
    tokenscope-html "$out/$name.tsc" -o "$out/$name.html" --force 2>/dev/null
    printf '%s\n' "$out/$name.html"
}

printf 'Recording four samples; each takes 10 to 20 seconds, most of it loading and growing branches.\n'
# An uncertain choice: which dictionary is next? The branches show what would have followed, a check which of them are right, the
# lens what the layers said.
sample merge 'a completion, checked' "$here/merge.py" --max-new-tokens 80 --tree-nodes 2048 --stop '\n\n\n' --lens \
    --check 'python3 -c "import runpy, sys; merge = runpy.run_path(sys.argv[1])[\"merge\"]; assert merge({1: 2}, {1: 3, 4: 5}) == {1: 3, 4: 5}" {file}'
sample stack 'a hole in a file' "$here/stack.py" --fim --max-new-tokens 40 --tree-nodes 2048
# In the middle of a line; branches are sampled.
sample greeting 'text that is not ASCII' "$here/greeting.py" --max-new-tokens 80 --tree-nodes 2048 --stop '\n\n\n' --tree-temperature 0.6
# With a mistake in its last line.
sample median 'code that was scored' --score "$here/median.py" --lens --attention-top 8
commands=$(dirname -- "$(command -v tokenscope-record)")
printf '\nOpen %s in a browser.\nThe commands tokenscope-record and tokenscope-html are in %s\n' "$out/merge.html" "${commands#"$PWD"/}"

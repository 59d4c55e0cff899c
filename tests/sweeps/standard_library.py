"""The whole standard library: our syntax nodes against Python's own ast, and the built-in tokenizer's tokens against our leaves.

Use: make sweep. Prints what differs, then the sums.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.support.standard_library import compare, files, tokens_cover

from tokenscope_trace.models.loading import builtin_folder
from tokenscope_trace.models.token_bytes import Speller


def main() -> None:
    """Print one line per file that differs."""
    tokenizer = AutoTokenizer.from_pretrained(builtin_folder())
    speller = Speller(tokenizer)
    read = nodes = missing = misread = broken = uncovered = 0
    for path in files():
        found = compare(path)
        if found is None:
            continue
        read, nodes, misread, broken = read + 1, nodes + found.nodes, misread + found.misread, broken + found.broken
        missing += len(found.missing)
        if found.missing:
            print(
                f"{path}: {len(found.missing)} nodes elsewhere, {found.missing[:3]}{', with an ERROR' if found.broken else ''}"
            )
        ids = tokenizer(path.read_bytes().decode("utf-8")).input_ids
        sizes = [0 if speller.is_special(token) else len(word) for token, word in zip(ids, speller.spell(ids), strict=True)]
        if not tokens_cover(path, sizes):
            uncovered += 1
            print(f"{path}: tokens and leaves do not hold the same bytes")
    print(
        f"{read} files, {nodes:,} nodes of ast: {missing} elsewhere, {misread} in statements that the grammar takes for others"
    )
    print(f"{broken} files with an ERROR or a MISSING node; {uncovered} files whose tokens do not cover their leaves")


if __name__ == "__main__":
    main()

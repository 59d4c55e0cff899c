"""Command: train the tokenizer on the training documents and put it into the package."""

from __future__ import annotations

from corpus import STDLIB, collect
from places import MODEL_FOLDER
from tokenizer_training import build_tokenizer, save_tokenizer


def main() -> None:
    """Train, save, print the size."""
    documents = collect()
    texts = [d.text for d in documents]
    texts += [d.text for d in documents if d.source == STDLIB]  # the weight it has in training
    tokenizer = build_tokenizer(texts)
    save_tokenizer(tokenizer, MODEL_FOLDER)
    ids = tokenizer.encode_batch([d.text for d in documents])
    size = sum(len(d.text.encode()) for d in documents)
    count = sum(len(e.ids) for e in ids)
    print(f"{tokenizer.get_vocab_size()} tokens, {size / count:.2f} bytes per token, {count:,} in all")


if __name__ == "__main__":
    main()

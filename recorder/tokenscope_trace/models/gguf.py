"""GGUF files: one file that holds a model and its tokenizer, as llama.cpp writes it. A path in; what transformers' own loader is told, and facts, out.

The weights are always dequantised, to a plain dense model: kernels for packed ones exist for few architectures, and would be compiled code
fetched from the hub. So the numbers are those of the file's rounded weights, computed in full precision; llama.cpp, which rounds what
flows through the model, too, has others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import GgufConfig
from transformers.utils import logging

from tokenscope_trace.errors import ModelError
from tokenscope_trace.failures import is_memory
from tokenscope_trace.models.refusals import is_pointer, words_of
from tokenscope_trace.text import shortened, visible_line

_NEEDED = ("gguf", "accelerate")
_FLOATS = ("F32", "F16", "BF16", "F64")
_MAGIC = b"GGUF"


@dataclass(frozen=True)
class GgufFile:
    """A file whose header and extent are those of a GGUF; `architecture` is its word for it, `weights` its format, such as Q4_1."""

    path: Path
    architecture: str
    weights: str

    @property
    def tokenizer_options(self) -> dict[str, Any]:
        """What `from_pretrained` is told beside the file's folder."""
        return {"gguf_file": self.path.name}

    @property
    def model_options(self) -> dict[str, Any]:
        """The same for the model."""
        return {**self.tokenizer_options, "quantization_config": GgufConfig(dequantize=True)}

    def facts(self, tokenizer: Any) -> dict[str, Any]:
        """Those of `run.model` that the loaded model does not tell."""
        with self.path.open("rb") as stream:
            weights = hashlib.file_digest(stream, "sha256").hexdigest()
        plain = self.weights in _FLOATS
        return {
            "id": self.path.name,
            "quantization": f"GGUF {self.weights}" if plain else f"GGUF {self.weights}, dequantised",
            "weights_sha256": weights,
            "tokenizer_sha256": hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        }

    def why_not(self, error: Exception) -> str:
        """One sentence on what the loader has to say."""
        words = words_of(error)
        if "architecture" in words and "not supported" in words:
            return (
                f"transformers' GGUF loader does not know the architecture {self.architecture} of {self.path.name}; load the model "
                "from its own repository instead."
            )
        return f"the GGUF file {self.path.name} cannot be loaded as a causal language model: {words}."


def names_gguf(name: str) -> bool:
    """Whether a model's name is that of a GGUF file, which may not be there."""
    return name.lower().endswith(".gguf") and not Path(name).is_dir()


def gguf_file(name: str) -> GgufFile:
    """The file, looked over. Raises ModelError where a package is missing, or the file, or it is damaged, or a part of one."""
    lacking = [package for package in _NEEDED if find_spec(package) is None]
    if lacking:
        raise ModelError(f"a GGUF file needs the package {' and '.join(lacking)}: pip install 'tokenscope-trace[gguf]'.")
    from gguf import GGUFReader

    path = Path(name)
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(_MAGIC))
    except OSError as error:
        raise ModelError(f"cannot read the model {name}: {error.strerror or error}.") from error
    if is_pointer(path):
        raise ModelError(
            f"{name} is only a pointer of git-lfs, not the file itself; fetch it, with git lfs pull in its folder."
        )
    if magic != _MAGIC:
        raise ModelError(f"{name} is no GGUF file: it does not begin with GGUF.")
    try:
        reader = GGUFReader(path)
        fields = {
            key: reader.fields[key].contents()
            for key in ("general.architecture", "general.file_type", "split.count")
            if key in reader.fields
        }
        weights = _weights(fields, reader.tensors)
    except Exception as error:
        if is_memory(error):
            raise
        raise ModelError(f"the GGUF file {name} is damaged or cut short; fetch it again.") from error
    if isinstance(fields.get("split.count"), int) and fields["split.count"] > 1:
        raise ModelError(f"{name} is one of {fields['split.count']} parts; join them by llama-gguf-split --merge.")
    architecture = visible_line(shortened(str(fields.get("general.architecture", "that it does not name")), 60))
    return GgufFile(path, architecture, weights)


@contextmanager
def without_bar() -> Iterator[None]:
    """The loader draws a progress bar of its own; in this block only where transformers' bars are wanted."""
    from transformers import modeling_gguf_pytorch_utils as loader

    usual = loader.tqdm
    if not logging.is_progress_bar_enabled():
        loader.tqdm = lambda items, **_more: items
    try:
        yield
    finally:
        loader.tqdm = usual


def _weights(fields: Mapping[str, Any], tensors: Any) -> str:
    """The format that most numbers are in, by the file's own word for the mixture where it has one."""
    from gguf import LlamaFileType

    kind = fields.get("general.file_type")
    if kind in set(LlamaFileType) and kind != LlamaFileType.GUESSED:
        return LlamaFileType(kind).name.removeprefix("ALL_").removeprefix("MOSTLY_")
    numbers: Counter[str] = Counter()
    for tensor in tensors:
        numbers[tensor.tensor_type.name] += int(tensor.n_elements)
    return numbers.most_common(1)[0][0]

"""A model and its tokenizer: found, trusted, placed, called; prompts as its token ids; what a recording asks of it (`Backend`).

In: a hub id, a folder or the built-in model; a prompt's text. Out: `LoadedModel`, `Prompt`, the bytes of tokens. Knows no tree and no trace.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.models.backend import (
        Backend,
        Branching,
        MainPath,
        ModelSession,
        OnOutput,
        Output,
        Replayed,
        Step,
        Tip,
        Vocabulary,
    )
    from tokenscope_trace.models.chat_template import turn_ends
    from tokenscope_trace.models.configuration import layer_count, layer_lists, number, shape_of
    from tokenscope_trace.models.control_tokens import literal_ids
    from tokenscope_trace.models.footprint import BASE, Shape, recording_bytes
    from tokenscope_trace.models.forward import Reader
    from tokenscope_trace.models.head import ModelHead, PromptStates, keeping_body, reproduces
    from tokenscope_trace.models.loading import LoadedModel, load
    from tokenscope_trace.models.memory import available_bytes, held_bytes
    from tokenscope_trace.models.naming import folder_name
    from tokenscope_trace.models.passes import BLOCK_BYTES, HEAD_ROWS, REPLAY_CHUNK, windows
    from tokenscope_trace.models.placement import input_device
    from tokenscope_trace.models.prompts import (
        LONGEST_TEXT,
        Prompt,
        Segment,
        check_ids,
        check_prompt,
        encode_prompt,
        encode_text,
        file_ends,
        read_text,
        split_at_marker,
    )
    from tokenscope_trace.models.refusals import words_of
    from tokenscope_trace.models.token_bytes import Speller
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "BASE",
    "BLOCK_BYTES",
    "HEAD_ROWS",
    "LONGEST_TEXT",
    "REPLAY_CHUNK",
    "Backend",
    "Branching",
    "LoadedModel",
    "MainPath",
    "ModelHead",
    "ModelSession",
    "OnOutput",
    "Output",
    "Prompt",
    "PromptStates",
    "Reader",
    "Replayed",
    "Segment",
    "Shape",
    "Speller",
    "Step",
    "Tip",
    "Vocabulary",
    "available_bytes",
    "check_ids",
    "check_prompt",
    "encode_prompt",
    "encode_text",
    "file_ends",
    "folder_name",
    "held_bytes",
    "input_device",
    "keeping_body",
    "layer_count",
    "layer_lists",
    "literal_ids",
    "load",
    "number",
    "read_text",
    "recording_bytes",
    "reproduces",
    "shape_of",
    "split_at_marker",
    "turn_ends",
    "windows",
    "words_of",
]

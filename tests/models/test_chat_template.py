"""The chat template: what it wants of a message, and the tokens with which it ends a turn."""

from __future__ import annotations

import pytest
from tests.support import tiny_tokenizers

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.chat_template import rendered_chat, turn_ends
from tokenscope_trace.models.prompts import encode_chat

TOKENS = ("<|im_start|>", "<|im_end|>", "<|user|>", "<|eot|>", "<|observation|>")
# Each as some family writes it: (template, the tokens that end an answer beside the tokenizer's own).
ENDS = {
    "ChatML": ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}", ["<|im_end|>"]),
    "a blank before the end": ("{% for m in messages %}{{ m.role }}: {{ m.content }} <|eot|>{% endfor %}", ["<|eot|>"]),
    "the end of text": ("{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}", []),
    "nothing but the next turn": ("{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}", ["<|user|>"]),
    "words only": ("{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n\n{% endfor %}", []),
    "a trimmed answer": ("{% for m in messages %}{{ m.content | trim }}<|eot|>\n{% endfor %}", ["<|eot|>"]),
    "no answers at all": (
        "{% if messages[-1].role != 'user' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}",
        [],
    ),
}
PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}"
    "{% endif %}{% endfor %}<|im_end|>{% endfor %}"
)
STRICT = "{% for m in messages %}{% for part in m.content %}{{ part['text'] + '' }}{% endfor %}<|im_end|>{% endfor %}"


def tokenizer_of(template, *, flagged=True):
    made = tiny_tokenizers.byte_level(extra=TOKENS if flagged else ())
    made = made if flagged else tiny_tokenizers.with_plain_added(made, *TOKENS)
    made.chat_template = template
    return made


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("family", ENDS)
def test_the_end_of_a_turn_ends_a_chat(family, flagged):
    template, ends = ENDS[family]
    tokenizer = tokenizer_of(template, flagged=flagged)
    wanted = sorted([tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(ends)])
    assert list(turn_ends(tokenizer)) == wanted
    assert list(encode_chat(tokenizer, "hello").extra_eos) == wanted


@pytest.mark.parametrize("template", [PARTS, STRICT])
def test_a_template_that_wants_parts_gets_parts(template):
    tokenizer = tokenizer_of(template)
    prompt = encode_chat(tokenizer, "def mean", system="be brief")
    assert "def mean<|im_end|>" in tokenizer.decode(prompt.ids)
    assert "be brief<|im_end|>" in tokenizer.decode(prompt.ids)
    assert prompt.exact
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in prompt.extra_eos


def test_a_template_that_takes_texts_gets_texts():
    for template, _ in list(ENDS.values())[:6]:
        assert "'type'" not in rendered_chat(tokenizer_of(template), [{"role": "user", "content": "hello there"}])


def test_a_template_that_drops_a_message_is_refused():
    only_users = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    with pytest.raises(ModelError, match=r"refuses these messages: it leaves one of them out\.$"):
        encode_chat(tokenizer_of(only_users), "hello", system="be brief")
    with pytest.raises(ModelError, match=r"refuses these messages: no system please\.$"):
        encode_chat(tokenizer_of("{{ raise_exception('no system please.') }}"), "hello", system="x")
    with pytest.raises(ModelError, match="refuses these messages"):
        encode_chat(tokenizer_of("{{ messages[7].content }}{{ oops( }}"), "hello")

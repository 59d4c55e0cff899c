"""Letters and signs that look like others: Unicode's data, the rules, and the page's copy of both."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tokenscope_trace.lookalikes import classes, disguised
from tokenscope_trace.text import visible_line

ROOT = Path(__file__).parents[1]

# Each line looks like ASCII somewhere, and is not.
DISGUISED = """\
pαssword ρassword κey ιf vαlυe ωord γes εval τest ϲopy ϳson ϱun
ɡet
ɑ = 1
ιd = 1
ſelf.x
ıf x:
ᴏᴘᴇɴ(ᴄᴠᴡᴢ)
ᴀdmin
ꜱelf
ℓen(x)
ℎello
ჿpen
eە
ⵔoot
сору(x)
if раs: pass
0х10
x = ѕеа
get_а()
іmport os
ԁef f():
օpen(x)
hοst
ΡΑΤΗ = 1
πassword
x١ = 1
1२
x = ०
l੦g
߀x1
x = 〇
ノ = 1
〇K
ｅｖａｌ(x)
１ + 1
𝐞val
𝟏0
Ⅳx
ﬁle
ǆ ĳs
eval（x）
if x：
x＝1；
f(a， b)
！x
a − b
return total − count
a–b
a — b
foo‐bar
foo‑bar
a ∗ b
a ⁎ b
x ⁄ y
x ╱ y
x ⧵ y
﹨n
٭args
x ∶ int
x ∣ y
a꞉b
envǃ=x
x՝
print(‘hi’)
x = “hi”
f(“hi”, “ho”)
ʼhiʼ
x = ′a′
x = ʹaʹ
foo․bar
foo。bar
foo｡bar
user‚name
﹣1
x\u037e
""".splitlines()
# Each line is as it looks.
PROSE = """\
# это просто тест: у нас всё хорошо – и у вас
# У Python есть свой способ, а с API работает иначе
# с REST API
Возвращает сумму а и б – и только её.
print("Привет, мир!")
имя_файла = "отчёт"
# п’ять об’єктів, пʼять
# Ελληνικά: αυτό είναι ένα σχόλιο
α, β, λ = 0.1, 0.2, 0.3
σ_x = ν * ρ + γ
θ = 2 * π * α
# यह एक टिप्पणी है। संख्या १२३ और ०
# هذا تعليق باللغة العربية، مع أرقام ١٢٣؛ أليس كذلك؟
# می‌خواهم این را بخوانم
# זה תגובה בעברית: ״שלום״
# 这是注释：设置参数，值为（默认）！
# 使用 Python：简单，快速。
print("你好，世界！")
x = "二〇二四年"
# 日本語のコメント：ノートを読む、「引用」
# ＡＰＩを使う
x = "データ：１２３"
# 한국어 주석: API를 사용한다
# สวัสดี: นี่คือความคิดเห็น ๑๒๓
# Սա մեկնաբանություն է։
# ეს კომენტარია
# বাংলা মন্তব্য ০১২ এখানে।
# தமிழ் கருத்து
# café, naïve, Größe, œuvre, smørrebrød, łódź, ñandú
# Türkçe: bu yıl sıcaklık ışık arttı
"sıcaklık değeri"
# Tiếng Việt: đây là chú thích
# x − y × z ≤ √2, x ∈ ℝ, O(n²), A ∪ B, m×n, 5′ 3″
# 1º, 2ª, № 5, §3, 20 °C, ½, 5 µs, ™ ©
Don’t use “smart” quotes – it’s a bad habit really.
Here’s the function – it returns the sum of both numbers:
- Use `foo()` – it’s nice and simple
x = 1  # the “best” value – really
x = 1;  // it’s C’s comment − minus
 * javadoc – text “quoted”
cafe\u0301 = 1
π = 3.14
Δ = b - a
done ✔️ 👨‍👩‍👧 1️⃣ ℹ️ ‼️
The fork weighs “x” (52.4 %), or “y” (10 %), at “p=1”.
""".splitlines()


def javascript(program: str, value: Any) -> Any:
    """What the page's modules say of a value."""
    node = shutil.which("node")
    assert node
    finished = subprocess.run(
        [node, "--input-type=module", "-e", f"const given = JSON.parse((await import('node:fs')).readFileSync(0)); {program}"],
        cwd=ROOT, input=json.dumps(value), capture_output=True, check=True, text=True,
    )  # fmt: skip
    return json.loads(finished.stdout)


def test_python_and_the_page_know_every_code_point_alike():
    script = "import { classes } from '#viewer/reading/lookalikes'; console.log(JSON.stringify(classes(Array.from({ length: given }, (_, i) => i))));"
    assert javascript(script, sys.maxunicode + 1) == classes("".join(map(chr, range(sys.maxunicode + 1))))


def test_python_and_the_page_write_out_the_same_of_any_text():
    chosen = random.Random(24)
    signs = list(
        "ab_0 .,:;()[]='\"`#/-*\u0430\u0441\u0436\u03b1\u03bf\u0905\u0938\u094d\u0627\u0628\u65e5\u30ce\u2019\u201c\u201d\u2013\u2212\uff1a\uff11\u0131\u00e9\u011f\u200c\u200d\ufe0f\u20e3\u2139\U0001f600\u0967\u0966\u0301\u00a0\u202e\n\t"
    )
    texts = [*DISGUISED, *PROSE, *("".join(chosen.choices(signs, k=chosen.randrange(1, 40))) for _ in range(3000))]
    script = (
        "import { disguised } from '#viewer/reading/lookalikes';"
        "console.log(JSON.stringify(given.map((text) => [...disguised(Array.from(text, (one) => one.codePointAt(0)))].flatMap((one, i) => (one ? [i] : [])))));"
    )  # fmt: skip
    for text, places in zip(texts, javascript(script, texts), strict=True):
        assert places == sorted(disguised(text)), text


@pytest.mark.parametrize("line", DISGUISED)
def test_what_looks_like_ascii_and_is_not_is_written_out(line):
    assert disguised(line)
    words = {match.span() for match in re.finditer(r"\S+", line)} if line == DISGUISED[0] else {(0, len(line))}
    for start, end in words:
        assert any(start <= place < end for place in disguised(line)), line[start:end]


@pytest.mark.parametrize("line", PROSE)
def test_prose_and_mathematics_stay_as_they_are(line):
    assert visible_line(line) == line


def test_what_is_invisible_or_compatible_by_this_python_s_unicode_is_so_by_the_table():
    """The table is of Unicode 15.0; what Python's older or newer data assign is the same."""
    kinds = {"Cc": "C", "Zs": "Z", "Cs": "S", "Co": "V", "Zl": "V", "Zp": "V"}
    texts = [chr(i) for i in range(0x80, sys.maxunicode + 1)]
    for character, seen in zip(texts, classes("".join(texts)), strict=True):
        category = unicodedata.category(character)
        if category in kinds:
            assert seen == kinds[category], hex(ord(character))
        if category == "Cf":
            assert seen in "BVXF", hex(ord(character))
        if (
            category[0] == "L"
            and unicodedata.normalize("NFKC", character).isascii()
            and "<su" not in unicodedata.decomposition(character)
        ):
            assert seen in "MT", hex(ord(character))


def test_every_letter_that_a_word_can_hide_is_seen_in_it():
    """Each letter, mark and digit of another alphabet, and each one that looks like ASCII, beside ASCII letters."""
    texts = [chr(i) for i in range(0x80, sys.maxunicode + 1)]
    seen = classes("".join(texts))
    for character, kind in zip(texts, seen, strict=True):
        if kind in "GHIRDEMK":
            assert disguised(f"us{character}r") == {2: disguised(f"us{character}r")[2]}, hex(ord(character))
    assert {kind for kind in seen if kind not in "ALNJQOPWXFYCBZVSTU"} == set("GHIRDEMK")


@pytest.mark.parametrize(
    "unit", ["слово дело рабочий сору а ос ", "рассос", "раss ", "“x = “", "a а", "– ", "а, ", "# ‘a’ "]
)
def test_a_long_line_is_read_once(unit):
    """The look-ups of one place reach no farther than a few words: twice the line is twice the finds, but for its ends."""
    once, twice = len(disguised(unit * 1000)), len(disguised(unit * 2000))
    assert abs(twice - 2 * once) <= 8

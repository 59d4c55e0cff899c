"""The page's base85, read by arithmetic alone."""

DIGITS = {chr(code): value for value, code in enumerate(code for code in range(40, 127) if chr(code) not in "<>")}


def base85_decoded(text: str) -> bytearray:
    digits = [DIGITS[character] for character in text]
    missing = -len(digits) % 5
    digits += [84] * missing
    groups = [digits[at : at + 5] for at in range(0, len(digits), 5)]
    words = [sum(digit * 85 ** (4 - place) for place, digit in enumerate(group)) for group in groups]
    whole = b"".join(word.to_bytes(4, "big") for word in words)
    return bytearray(whole[: len(whole) - missing])

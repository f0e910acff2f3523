"""Other spellings of a good header, and whether the service accepts each.

{K} stands for the keyword, {C} for the credential.
"""

import base64
from urllib.parse import quote

HEADER_SPELLINGS = {
    "as it should be": ("{K} {C}", True),
    "two spaces": ("{K}  {C}", True),
    "a tab": ("{K}\t{C}", True),
    "white space around": ("  {K} {C} \t", True),
    "a thousand spaces": ("{K}" + " " * 1000 + "{C}", True),
    "no space": ("{K}{C}", False),
    "no keyword": ("{C}", False),
    "the keyword alone": ("{K}", False),
    "the keyword twice": ("{K} {K} {C}", False),
    "the other way round": ("{C} {K}", False),
    "a colon": ("{K}: {C}", False),
    "an equals sign": ("{K}={C}", False),
    "a parameter": ("{K} token={C}", False),
    "a comma before": (", {K} {C}", False),
    "a comma after": ("{K} {C},", False),
    "a semicolon after": ("{K} {C};", False),
    "in double quotes": ('{K} "{C}"', False),
    "in single quotes": ("{K} '{C}'", False),
    "all in quotes": ('"{K} {C}"', False),
    "in angle brackets": ("{K} <{C}>", False),
    "twice": ("{K} {C} {C}", False),
    "twice, as two headers are joined": ("{K} {C},{K} {C}", False),
    "twice, as two headers are joined with a space": ("{K} {C}, {K} {C}", False),
    "a bad one before": ("{K} x, {K} {C}", False),
    "a bad one after": ("{K} {C}, {K} x", False),
    "another scheme before": ("Basic YTpi, {K} {C}", False),
    "another scheme after": ("{K} {C}, Basic YTpi", False),
    "an empty header before": (",{K} {C}", False),
    "a new line in the middle": ("{K} {C1}\n{C2}", False),
    "a folded line in the middle": ("{K} {C1}\r\n {C2}", False),
    "a space in the middle": ("{K} {C1} {C2}", False),
    "a NUL before": ("{K} \0{C}", False),
    "a NUL after": ("{K} {C}\0", False),
    "a NUL in the keyword": ("{K}\0 {C}", False),
    "a NUL for the space": ("{K}\0{C}", False),
    "a no-break space": ("{K}\xa0{C}", False),
    "a BOM": ("{K} \xef\xbb\xbf{C}", False),
    "a zero-width space after": ("{K} {C}\xe2\x80\x8b", False),
    "a soft hyphen in the middle": ("{K} {C1}\xc2\xad{C2}", False),
    "a delete after": ("{K} {C}\x7f", False),
    "an escape before": ("{K} \x1b[0m{C}", False),
    "one character missing": ("{K} {C-}", False),
    "one character more": ("{K} {C}A", False),
    "a dot after": ("{K} {C}.", False),
    "a dot before": ("{K} .{C}", False),
    "an equals sign twice after": ("{K} {C}==", False),
    "a percent sign after": ("{K} {C}%", False),
    "a wildcard": ("{K} {C-}%", False),
    "an underscore for a character": ("{K} {C-}_", False),
    "very long": ("{K} {C}" + "A" * 200_000, False),
    "very many words": ("{K} {C}" + " A" * 50_000, False),
    "a look-alike in the keyword": ("{L} {C}", False),
}


CREDENTIAL_SPELLINGS = {
    "percent-encoded first character": lambda text: f"%{ord(text[0]):02x}{text[1:]}",
    "percent-encoded": lambda text: "".join(f"%{ord(character):02x}" for character in text),
    "first character wide": lambda text: (chr(ord(text[0]) + 0xFEE0) + text[1:]).encode().decode("latin-1"),
    "first character accented": lambda text: (text[0] + "\u0301" + text[1:]).encode().decode("latin-1"),
    "a letter from another script": lambda text: text.replace("a", "\u0430", 1).encode().decode("latin-1"),
    "in capitals": str.upper,
    "case swapped": str.swapcase,
    "backwards": lambda text: text[::-1],
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "with 0x": lambda text: f"0x{text}",
    "as JSON": lambda text: f'{{"token":"{text}"}}',
    "as an HTML entity": lambda text: f"&#{ord(text[0])};{text[1:]}",
    "escaped as in Python": lambda text: f"\\x{ord(text[0]):02x}{text[1:]}",
    "quoted for a shell": lambda text: f"$(echo\t{text})",
    "quoted for a URL, spaces and all": lambda text: quote(f" {text}"),
}


TOKEN_SPELLINGS = {
    "an equals sign at the header": lambda three: [three[0] + "=", *three[1:]],
    "white space in the payload": lambda three: [three[0], three[1][:8] + "\xa0" + three[1][8:], three[2]],
    "a character that base64 leaves out": lambda three: [*three[:2], "!" + three[2]],
    "its last character another of the same bits": lambda three: [*three[:2], three[2][:-1] + _twin(three[2][-1])],
    "base64 as of old": lambda three: [*three[:2], three[2].replace("-", "+").replace("_", "/") + "+"],
    "no dot": lambda three: ["".join(three)],
    "commas for dots": lambda three: [",".join(three)],
}


def _twin(last: str) -> str:
    """Return another character in which base64 reads the same bits.

    It ignores two bits of the last of 43 characters.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(last) ^ 1]


def written(spelling: str, keyword: str, text: str) -> str:
    look_alike = keyword.replace("o", "\u043e").replace("a", "\u0430").encode().decode("latin-1")
    places = {"{K}": keyword, "{L}": look_alike, "{C}": text, "{C-}": text[:-1], "{C1}": text[:9], "{C2}": text[9:]}
    for place, part in places.items():
        spelling = spelling.replace(place, part)
    return spelling


def with_an_a(door, user) -> str:
    """Return a credential that contains an "a", which some of the spellings change.

    If the user's own has none, it is another user's.
    """
    text = door.credential(user)
    while "a" not in text:
        text = door.credential(type(user).objects.create_user(text[:100]))
    return text

"""Name the format of a file that is not CSV."""

import re

# The first bytes of other formats. UTF-32's mark begins like UTF-16's, so it comes first.
_SIGNATURES = {
    b"\x1f\x8b": "gzip compression",
    b"BZh": "bzip2 compression",
    b"\xfd7zXZ\0": "xz compression",
    b"\x28\xb5\x2f\xfd": "zstd compression",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook (.xls)",
    b"SQLite format 3\0": "an SQLite database",
    b"PAR1": "a Parquet file",
    b"%PDF-": "a PDF document",
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def kind_of(head: bytes) -> str | None:
    """Return the format of a file that begins with `head`; None if unknown, or CSV in UTF-8."""
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _kind_of_zip(head)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return "JSON"
    if start.startswith(b"<"):
        return "HTML or XML"
    if b"\0" in re.split(rb"[\r\n]+", start, maxsplit=1)[0]:
        return "NUL bytes, as in a binary file or in UTF-16"
    return None


def _kind_of_zip(head: bytes) -> str:
    if b"application/vnd.oasis.opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet (.ods)"
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return "an Excel workbook (.xlsx)"
    return "a zip archive"


def separator_of(header: str, columns: tuple[str, ...]) -> str | None:
    """Return the name of the separator in `header`, or None for a comma."""
    for separator, name in _SEPARATORS.items():
        cells = {cell.strip(' "').casefold() for cell in header.split(separator)}
        if len(cells & set(columns)) > 1:
            return name
    return None

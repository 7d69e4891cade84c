"""How a text file is encoded: UTF-8, or what spreadsheets in Chinese write."""

from __future__ import annotations

import codecs
from pathlib import Path

from recsys.errors import DataError

_BLOCK = 1 << 22
"""Bytes read at once."""
_CHARS_LOOKED_AT = 20_000
"""Beyond ASCII, to know an encoding by."""


def text_encoding(path: Path) -> tuple[str, tuple[str, ...]]:
    """Encoding of a text file, and warnings: UTF-8, or GB18030 (with a warning) where it reads as Chinese.

    Raises:
        DataError: Neither; names the line of the first byte that cannot be read.
    """
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise DataError(path.name, ["is UTF-16; save it as UTF-8"])
    bad_line = _undecodable_line(path, "utf-8")
    if bad_line is None:
        return "utf-8-sig", ()
    if _undecodable_line(path, "gb18030") is None and _looks_chinese(path):
        return "gb18030", (f"not UTF-8 but GB18030, read as such (first such text in line {bad_line})",)
    raise DataError(path.name, [f"line {bad_line} is neither UTF-8 nor GB18030; save the file as UTF-8"])


def _undecodable_line(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return line + block[: error.start].count(b"\n")
            if not block:
                return None
            line += block.count(b"\n")


def _looks_chinese(path: Path) -> bool:
    """Nearly all text beyond ASCII is of GB 2312, the everyday characters: chance decodes of other bytes are not."""
    found: list[str] = []
    with path.open(encoding="gb18030", newline="") as file:
        while len(found) < _CHARS_LOOKED_AT and (text := file.read(1 << 20)):
            found += [c for c in text if not c.isascii()]
    n_common = sum(_is_gb2312(c) for c in found)
    return n_common >= 0.9 * len(found)


def _is_gb2312(char: str) -> bool:
    try:
        return len(char.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False

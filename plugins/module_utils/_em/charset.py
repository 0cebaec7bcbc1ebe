# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode bytes, whatever encoding they claim: one wrong byte must not hide a page (em_rest 17.7)."""

from __future__ import annotations

import codecs
from typing import Callable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def readable(body: bytes, note: Callable[[str], object] = str, charset: str = "") -> str:
    """The text of a body.

    :param note: called with a sentence if the encoding had to be guessed.
    :param charset: the encoding in the headers; used only if the bytes fit it.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if body[1:2] == b"\0":
        return body.decode("utf-16-le", "replace")
    if body[:1] == b"\0":
        return body.decode("utf-16-be", "replace")
    for encoding in ("utf-8", charset):
        try:
            if encoding:
                return body.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    note("A response contained bytes that are not UTF-8. They were read as Windows-1252.")
    return body.decode("utf-8", _GUESSED)


def _guess(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_GUESSED = "backupops-windows-1252"
codecs.register_error(_GUESSED, _guess)

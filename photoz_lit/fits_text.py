"""Texts as FITS can hold them: a transliteration to ASCII that keeps different texts different.

Accents are left out (``Ñ`` becomes ``N``, ``ø`` ``o``, ``ß`` ``ss``), Greek letters are spelt (``α`` becomes
``alpha``), dashes, quotes and spaces become the plain ones, and any other character its code (``\\u4e2d``). Where
two texts of a column would become the same, those with letters beyond ASCII keep the codes of all of them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError

_LETTER = re.compile(r"(LATIN|GREEK) (SMALL|CAPITAL) LETTER (FINAL |SHARP )?([A-Z]+)( WITH .*)?")
_PLAIN = {"Pd": "-", "Zs": " ", "Cc": " ", "Pi": "'", "Pf": "'"}  # categories of Unicode
_MINUS, _PRIME, _SHARP_S = "\u2212", "\u2032", "\u00df"


def fits_column(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column as FITS can hold it: numbers as they are, texts as ASCII of fixed width.

    Raises
    ------
    InputError : two texts of the column become equal in ASCII.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):  # booleans too
        return column.to_numpy(np.float64, na_value=np.nan) if column.isna().any() else column.to_numpy()
    texts = column.fillna("").astype(str).to_numpy(object)
    distinct = list(dict.fromkeys(texts))
    ascii_of = {text: ascii_text(text) for text in distinct}
    taken = pd.Series(list(ascii_of.values())).value_counts()
    for text in distinct:
        if taken[ascii_of[text]] > 1 and not text.isascii():
            ascii_of[text] = text.encode("ascii", "backslashreplace").decode()
    if len(set(ascii_of.values())) < len(distinct):
        twice = pd.Series(ascii_of)[lambda new: new.duplicated()]
        raise InputError(
            f"column '{column.name}': '{twice.index[0]}' and another text are the same in FITS; rename one."
        )
    return np.array([ascii_of[text] for text in texts], dtype=str)


def ascii_text(text: str) -> str:
    """Return a text transliterated to printable ASCII.

    >>> ascii_text("Abell 370 – α0, VIMOS–Ñ")
    'Abell 370 - alpha0, VIMOS-N'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_ascii_character(character) for character in unicodedata.normalize("NFKD", text))


def _ascii_character(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.combining(character):
        return ""
    if character in (_MINUS, _PRIME, _SHARP_S):
        return {_MINUS: "-", _PRIME: "'", _SHARP_S: "ss"}[character]
    plain = _PLAIN.get(unicodedata.category(character))
    if plain is not None:
        return plain
    letter = _LETTER.fullmatch(unicodedata.name(character, ""))
    if letter is None:
        return character.encode("ascii", "backslashreplace").decode()
    name = letter[4].lower()
    return name if letter[2] == "SMALL" else name.capitalize() if letter[1] == "GREEK" else name.upper()

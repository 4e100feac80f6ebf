"""Which axis of an array of stamps holds the bands, and in which order files of them follow each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError

BANDS_FIRST, BANDS_LAST = "bands_first", "bands_last"


@dataclass(frozen=True)
class ArrayLayout:
    """The axes of an array of stamps.

    Attributes
    ----------
    order : ``bands_first`` is (galaxies, bands, height, width), ``bands_last`` (galaxies, height, width, bands), and
        "" (galaxies, height, width) of one band.
    bands, height, width : lengths of the axes.
    """

    order: str
    bands: int
    height: int
    width: int

    def stamps(
        self, values: NDArray[np.generic], channels: Sequence[int], crop: tuple[slice, slice]
    ) -> NDArray[np.generic]:
        """Return rows of the array as stamps (n, bands, height, width): some bands, cropped."""
        if self.order == BANDS_LAST:
            return np.moveaxis(values[:, crop[0], crop[1]][..., channels], -1, 1)
        if self.order == BANDS_FIRST:
            return np.asarray(values[:, :, crop[0], crop[1]][:, channels])
        return np.asarray(values[:, None, crop[0], crop[1]])


def find_layout(shape: tuple[int, ...], bands: int, asked: str | None, where: str) -> ArrayLayout:
    """Find the axis of the bands by its length; where two have it, by the stamps being square.

    Parameters
    ----------
    shape : of the array.
    bands : how many it has.
    asked : the user's ``ingest.layout``, or None.
    where : names the array in sentences.

    Raises
    ------
    InputError : no axis fits, or several do.
    """
    if len(shape) == 3 and bands == 1:
        return ArrayLayout("", 1, shape[1], shape[2])
    found = []
    if len(shape) == 4 and shape[1] == bands:
        found.append(ArrayLayout(BANDS_FIRST, bands, shape[2], shape[3]))
    if len(shape) == 4 and shape[3] == bands:
        found.append(ArrayLayout(BANDS_LAST, bands, shape[1], shape[2]))
    if asked is not None:
        found = [layout for layout in found if layout.order == asked]
    elif len(found) == 2:
        square = [layout for layout in found if layout.height == layout.width]
        found = square if len(square) == 1 else found
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{where} {shape} has {bands} bands in its second axis or in its last; say which:"
            f" ingest.layout={BANDS_FIRST} or ingest.layout={BANDS_LAST}."
        )
    kinds = {BANDS_FIRST: "(galaxies, bands, height, width)", BANDS_LAST: "(galaxies, height, width, bands)"}
    due = kinds.get(asked or "", " or ".join(kinds.values()))
    raise InputError(
        f"{where} {shape} does not have {bands} bands as {due}; correct ingest.bands, one name for each band of the"
        " array in its order, or ingest.layout."
    )


def in_order(paths: Sequence[Path], by_rows: bool) -> list[Path]:
    """Return files in the order in which their rows follow each other.

    Parameters
    ----------
    paths : the files.
    by_rows : whether the table's rows rely on the order.

    Raises
    ------
    InputError : sorted by letters (10 before 2) and by numbers the files stand in other orders.
    """
    by_letters = sorted(paths)
    by_numbers = sorted(paths, key=lambda path: [(part.isdigit(), int(part) if part.isdigit() else 0, part)
                                                 for part in re.split(r"(\d+)", str(path))])  # fmt: skip
    if by_rows and by_letters != by_numbers:
        k = next(k for k, (a, b) in enumerate(zip(by_letters, by_numbers, strict=True)) if a != b)
        raise InputError(
            f"{by_letters[k].parent}: does {by_letters[k].name} come before {by_numbers[k].name} in the catalogue's"
            " rows? number the files with leading zeros (images_02, images_10), or name the images' ids:"
            " ingest.options.ids=<member>."
        )
    return by_numbers

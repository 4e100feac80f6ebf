"""Bits of a store's column ``flags``."""

from __future__ import annotations

from enum import IntFlag


class StampFlag(IntFlag):
    """What is wrong with a stamp; 0 is clean.

    Attributes
    ----------
    EDGE : the stamp reaches over the edge of the images; what is missing is NaN.
    GAP : pixels inside the images are unknown (no data, weight 0, masked, saturated, blocks of zeros); they are NaN.
    MASKED : such a masked pixel lies near the galaxy.
    SATURATED : such a saturated pixel lies near the galaxy.
    ARCHIVE : the archive's own flag is set.
    NO_BAND : a band has no pixels at all; the catalogue's ``missing_<band>`` says which.
    """

    EDGE = 1
    GAP = 2
    MASKED = 4
    SATURATED = 8
    ARCHIVE = 16
    NO_BAND = 32


INCOMPLETE = StampFlag.EDGE | StampFlag.GAP | StampFlag.NO_BAND

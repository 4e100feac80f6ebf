"""Choice of the target galaxies in a batch of source galaxies."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field as Entry

from photoz_lit.data.matching import Floats, MagnitudeMatcher
from photoz_lit.settings import Settings


class BatchesOptions(Settings):
    """Options of all batches.

    Attributes
    ----------
    match_bands : bands beside the reference band whose magnitudes galaxies carry, to be matched by.
    """

    match_bands: list[str]


class GuidedOptions(BatchesOptions):
    """Options of guided batches.

    Attributes
    ----------
    tolerance : largest difference of magnitudes that count as alike [mag].
    """

    tolerance: float = Entry(gt=0)


class Batches:
    """Base of all; every target field is as likely."""

    Options: ClassVar[type[BatchesOptions]] = BatchesOptions

    def __init__(self, options: Any) -> None:
        self.options = options

    def matcher(self, magnitudes: Floats) -> MagnitudeMatcher | None:  # noqa: ARG002
        """Return the matcher that draws target galaxies by magnitude (M, bands); None draws any galaxy."""
        return None


class AnyTargets(Batches):
    """Target galaxies as they come, each as often as the others."""


class Guided(Batches):
    """For every source galaxy a target galaxy of like magnitude."""

    Options = GuidedOptions

    def matcher(self, magnitudes: Floats) -> MagnitudeMatcher:
        """Draw within the tolerance."""
        return MagnitudeMatcher(magnitudes, self.options.tolerance)

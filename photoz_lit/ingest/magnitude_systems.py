"""The magnitude systems of FITS keywords and surveys, from ``zero_points.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from photoz_lit.settings import Settings

System = Literal["AB", "Vega"]


class Keyword(Settings):
    """A keyword that holds a zero point.

    Attributes
    ----------
    system : what it means wherever it stands; None where pipelines differ.
    per_second : it is that of one count per second.
    """

    system: System | None = None
    per_second: bool = False


class Survey(Settings):
    """A survey whose headers tell the system of its zero points.

    Attributes
    ----------
    origin : pattern of the beginning of one of the header's origin keywords.
    system : of its zero points.
    only : it has none in another system, whatever the keyword means elsewhere.
    keywords : those it is known to use; empty for any.
    per_second : keywords that are of one count per second.
    offsets : filter -> m_AB − m_Vega [mag].
    """

    origin: str
    system: System
    only: bool = False
    keywords: list[str] = []
    per_second: list[str] = []
    offsets: dict[str, float] = {}


class MagnitudeSystems(Settings):
    """Content of ``zero_points.yaml``, which says what each key is."""

    system_keywords: list[str]
    keywords: dict[str, Keyword]
    origin_keywords: list[str]
    filter_keywords: list[str]
    surveys: dict[str, Survey]
    filters: dict[str, str]

    def survey(self, header: Mapping[str, Any]) -> tuple[str, Survey] | None:
        """Return the survey that a header comes from, with its name, where it tells."""
        values = [str(header[key]).strip() for key in self.origin_keywords if key in header]
        for name, survey in self.surveys.items():
            if any(re.match(rf"(?:{survey.origin})(?![A-Z])", value, re.IGNORECASE) for value in values):
                return name, survey
        return None

    def offset(self, survey: Survey, header: Mapping[str, Any], band: str) -> float | None:
        """Return m_AB − m_Vega [mag] of an image's filter, by its header or else the band's name; None if unknown."""
        names = [str(header[key]).strip() for key in self.filter_keywords if key in header]
        known = {name.upper(): value for name, value in survey.offsets.items()}
        for name in names or [band]:
            short = re.sub(r"^\W*|\W*$", "", name).upper()
            if short.isdigit():  # WISE counts its bands
                short = f"W{short}"
            short = self.filters.get(short, short).upper()
            for candidate in (short, {"K": "KS", "KS": "K"}.get(short, short)):
                if candidate in known:
                    return known[candidate]
        return None


@cache
def magnitude_systems() -> MagnitudeSystems:
    """Return the table that comes with the package."""
    return MagnitudeSystems.model_validate(yaml.safe_load(Path(__file__).with_name("zero_points.yaml").read_text()))

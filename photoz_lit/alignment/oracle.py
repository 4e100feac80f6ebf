"""The upper bound of adaptation: training on labels of the target."""

from __future__ import annotations

from photoz_lit.alignment.part import Alignment


class OracleLabels(Alignment):
    """The network learns from the target's own labels, no more of them than the source has."""

    labels = "target"


class MatchedOracleLabels(OracleLabels):
    """The same with labels as good as the source's: same shares of label sources, same scatter and outliers."""

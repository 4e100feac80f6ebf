"""Names of files and HDUs: which hold flux, and which another plane of the same pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Words in the names of files and HDUs that hold something else than flux.
OTHER_PLANES = re.compile(
    r"(?<![a-z])(chi2?|inv_?var|ivar|var(iance)?|var_.*|wh?t|weights?|rms|err(or)?s?|unc|sig(ma)?|noise|masks?|msk"
    r"|mask_?bits|flags?|flg|dq|ctx|con|context|n?exp(map|osure)?|exptime|(gal|psf)?depth|psf(size|ex)?|seeing|cov(erage)?"
    r"|model|resid(ual)?s?|bkg|background|num(exp)?|area)(?![a-z])",
    re.IGNORECASE,
)
#: Names of HDUs that hold the flux, whatever stands beside them.
_FLUX_HDUS = ("SCI", "SCIENCE", "IMAGE", "DATA")


def flux_hdus(names: Sequence[str]) -> list[int]:
    """Return which of a file's HDUs with images can be the flux, by their names (empty where an HDU has none).

    The primary HDU is, where it has an image; then those with the names that pipelines give to the flux; then all whose
    names do not say that they hold something else.
    """
    if "PRIMARY" in names:
        return [list(names).index("PRIMARY")]
    named = [k for k, name in enumerate(names) if name.upper() in _FLUX_HDUS]
    return named or [k for k, name in enumerate(names) if not OTHER_PLANES.search(name)]

"""Versions of the simulation: results name theirs, and some versions draw the same pixels.

4: catalogue magnitudes had 0.02 mag of scatter that the pixels lacked. 5: they have not; the pixels are those of 4. 6:
other galaxies (``conf/simulation/galaxies/standard.yaml``; those of 4 and 5 are ``simulation/galaxies=earlier``).
"""

from __future__ import annotations

#: Raise it whenever a change of the code changes a simulated byte: caches of the old code are then not used.
SIMULATION_VERSION = 5
#: Results that do not name their version are of this one.
UNNAMED = 4
_SAME_PIXELS = {5: 4}


def pixels_of(version: int) -> int:
    """The first version whose pixels are those of ``version``."""
    return _SAME_PIXELS.get(version, version)

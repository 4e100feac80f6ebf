"""What the redshifts of labels are, for axes and captions: only spectra make a z_spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

SPECTROSCOPIC = ("spec", "specz", "spec-z", "spectroscopic")
TRUTH = "truth"
NAMED = 4  # sources; further ones are an ellipsis


def redshift_axis(sources: Iterable[object]) -> str:
    """Return the name of the labels' axis, for matplotlib.

    Parameters
    ----------
    sources : ``z_source`` of each label.

    Returns
    -------
    ``$z_\\mathrm{spec}$`` where every label is spectroscopic, ``$z_\\mathrm{true}$`` where every one is a simulation's
    truth, else ``z of the labels (cosmos2020, spec, …)``, the most frequent source first.
    """
    names = _by_number(sources)
    if names and all(name.lower() in SPECTROSCOPIC for name in names):
        return r"$z_\mathrm{spec}$"
    if names == [TRUTH]:
        return r"$z_\mathrm{true}$"
    kinds = f" ({', '.join([*names[:NAMED], *(['…'] if len(names) > NAMED else [])])})" if names else ""
    return f"$z$ of the labels{kinds}"


def counted_sources(by_source: dict[str, int]) -> str:
    """Return ``957 cosmos2020, 800 spec`` for source -> number of labels; "" where no label names its source."""
    named = sorted(((n, name) for name, n in by_source.items() if name), reverse=True)
    return ", ".join(f"{n:,} {name}" for n, name in named)


def _by_number(sources: Iterable[object]) -> list[str]:
    """Names of the sources, the most frequent first; labels that name none are left out, where some do."""
    return [name for name, _ in Counter(str(source) for source in sources).most_common() if name not in ("", "nan")]

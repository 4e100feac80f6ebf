"""What each extra of the installation brings, and the sentence where it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from photoz_lit.errors import InputError

#: Extra -> its packages, as they are imported; ``pyproject.toml`` has the same, which a test compares.
EXTRAS = {
    "sim": ("galsim", "sedpy", "skypy", "speclite"),
    "photometry": ("photutils",),
    "labels": ("minisom",),
    "wandb": ("wandb", "wandb_workspaces"),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "calpit": ("calpit",),
    "dust": ("dustmaps",),
    "hats": ("cdshealpix", "hats", "lsdb"),
    "rail": ("ceci", "rail"),
    "dask": ("dask", "distributed"),
    "slurm": ("submitit",),
}


def require_extra(extra: str, what: str, packages: Sequence[str] = ()) -> None:
    """Refuse what needs packages of an extra that are not installed.

    Parameters
    ----------
    extra : its name in ``pip install 'photoz-lit[<extra>]'``.
    what : needs it, as the user knows it.
    packages : those of the extra that are needed; none: all.

    Raises
    ------
    InputError : names the packages that are missing and the extra.
    """
    missing = [name for name in packages or EXTRAS[extra] if not _is_there(name)]
    if missing:
        raise InputError(f"{what} needs {_listed(missing)}; pip install 'photoz-lit[{extra}]'.")


def extra_of(package: str) -> str | None:
    """Name of the extra that brings a package, as it is imported; None where none does."""
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # sys.modules holds None in its place
        return False


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

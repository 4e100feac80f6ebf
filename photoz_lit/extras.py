"""What an extra of the installation brings, and the sentence where it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from photoz_lit.errors import InputError


def require_extra(extra: str, what: str, packages: Sequence[str]) -> None:
    """Refuse what needs packages of an extra that are not installed.

    Parameters
    ----------
    extra : its name in ``pip install 'photoz-lit[<extra>]'``.
    what : needs it, as the user typed it.
    packages : names under which they are imported.

    Raises
    ------
    InputError : names the packages that are missing and the extra.
    """
    missing = [name for name in packages if not _is_there(name)]
    if missing:
        raise InputError(f"{what} needs {' and '.join(missing)}; pip install 'photoz-lit[{extra}]'.")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # sys.modules holds None in its place
        return False

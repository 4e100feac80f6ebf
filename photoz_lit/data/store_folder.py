"""Tell a store from other folders without opening it; nothing here needs a table library."""

from __future__ import annotations

from pathlib import Path

from photoz_lit.errors import InputError


def require_store(folder: Path) -> None:
    """Refuse a folder that is no store, without opening it.

    Raises
    ------
    InputError : no store there, or a half-written one.
    """
    if not (folder / "store.json").is_file():
        if folder.with_name(folder.name + ".partial").is_dir():
            raise InputError(f"{folder} is only half written ({folder.name}.partial is beside it); run its task again.")
        raise InputError(f"{folder} is no store: it has no store.json; give the folder that a task wrote.")

"""``task=rename``: a store whose bands have other names, without ingesting again."""

from __future__ import annotations

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.store_rename import rename_bands
from photoz_lit.tasks.options import RenameOptions


def run(config: Config, options: RenameOptions) -> None:  # noqa: ARG001
    """Write ``task.output``, the store ``task.store`` with other names of its bands.

    Raises
    ------
    InputError : see :func:`photoz_lit.data.store_rename.rename_bands`.
    """
    store = rename_bands(options.store, options.bands, options.output)
    names = " ".join(store.header.bands)
    Console().print(f"{shown(store.path)}: {len(store):,} galaxies, bands {shown(names)}.", highlight=False)

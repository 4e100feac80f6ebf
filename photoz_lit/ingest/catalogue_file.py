"""The table of the galaxies, ``ingest.catalogue``, of archives that hold none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.tables.reading import read_table, table_columns

_KEY = "ingest.table"


@dataclass(frozen=True)
class CatalogueFile:
    """A catalogue and, where the file holds several tables, which of them."""

    path: Path
    table: str | int | None = None

    @classmethod
    def of(cls, settings: IngestSettings) -> CatalogueFile:
        """Return the catalogue that the settings name.

        Raises
        ------
        InputError : they name none.
        """
        if not settings.catalogue:
            raise InputError("ingest.catalogue is missing; give the table of the galaxies: ingest.catalogue=<file>.")
        return cls(Path(settings.catalogue), settings.table)

    def columns(self) -> list[str]:
        """Return the names of its columns."""
        return table_columns(self.path, self.table, _KEY)

    def read(self, names: Collection[str]) -> pd.DataFrame:
        """Return these columns, those that it has."""
        return read_table(self.path, [name for name in self.columns() if name in names], self.table, _KEY)

    def __str__(self) -> str:
        return str(self.path)

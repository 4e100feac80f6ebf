"""VOTables that hold all of their data themselves."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import pandas as pd
from astropy.io import votable

from photoz_lit.errors import InputError
from photoz_lit.tables.choice import TableChoice, TableEntry, chosen_entry
from photoz_lit.tables.frame import table_to_frame, wanted
from photoz_lit.tables.plain_file import open_plain


def read_votable(path: Path, columns: Collection[str] | None, choice: TableChoice) -> pd.DataFrame:
    """Read the table of a VOTable.

    Raises
    ------
    InputError : a column is missing, several tables are there, or it takes its data from another file or server.
    """
    with open_plain(path) as stream:
        require_own_data(path, stream)
    with open_plain(path) as stream:
        tables = list(votable.parse(stream).iter_tables())
    entries = [TableEntry(k, str(t.name or t.ID or ""), len(t.array)) for k, t in enumerate(tables, 1)]
    if not entries:
        raise InputError(f"catalogue {path} has no rows.")
    table = tables[chosen_entry(path, entries, choice).number - 1].to_table(use_names_over_ids=True)
    frame = table_to_frame(dict(table.columns))
    chosen = frame[wanted(path, list(frame.columns), columns)]
    chosen.attrs["units"] = {name: unit for name, unit in frame.attrs["units"].items() if name in chosen}
    return chosen


def require_own_data(path: Path, stream: BinaryIO) -> None:
    """Refuse a STREAM with an address: astropy would fetch what stands there, files of this machine too.

    Raises
    ------
    InputError : there is one.
    """

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2].upper() == "STREAM" and any(key.lower() == "href" for key in attributes):
            raise InputError(
                f"{path} takes its data from another file or server (STREAM href), which is not followed for safety;"
                " save it with its data inside."
            )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.ParseFile(stream)

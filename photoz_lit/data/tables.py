"""Old place of :mod:`photoz_lit.tables`."""

from __future__ import annotations

from photoz_lit.tables.frame import table_to_frame as table_to_frame
from photoz_lit.tables.no_value import MISSING_CODES as MISSING_CODES
from photoz_lit.tables.no_value import blank_missing as blank_missing
from photoz_lit.tables.reading import read_table as read_table
from photoz_lit.tables.reading import table_columns as table_columns

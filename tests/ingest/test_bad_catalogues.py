"""Slips with the catalogues of mosaics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.ingest.archives import positions_table
from tests.ingest.slips import Slip, Slips, assert_refused, mosaic

case = Slips()


@case(r"ingest\.catalogue is missing; give the table of the galaxies")
def mosaic_without_catalogue(tmp: Path) -> tuple[str, list[str]]:
    return "fits_mosaic", [f"ingest.path={tmp}"]


@case(r"catalogue .*cat\.csv2 is not there; did you mean 'cat\.csv'\?")
def catalogue_not_there(tmp: Path) -> tuple[str, list[str]]:
    reader, overrides = mosaic(tmp)
    return reader, [*overrides, f"ingest.catalogue={tmp}/cat.csv2"]


@case(r"is of an unknown kind '\.xlsx'; known are \.csv")
def catalogue_of_unknown_kind(tmp: Path) -> tuple[str, list[str]]:
    reader, overrides = mosaic(tmp)
    (tmp / "cat.csv").rename(tmp / "cat.xlsx")
    return reader, [*overrides, f"ingest.catalogue={tmp}/cat.xlsx"]


@case(r"catalogue .*cat\.fits cannot be read .*; is it complete\?")
def damaged_catalogue(tmp: Path) -> tuple[str, list[str]]:
    reader, overrides = mosaic(tmp)
    (tmp / "cat.fits").write_text("not a table")
    return reader, [*overrides, f"ingest.catalogue={tmp}/cat.fits"]


@case(r"catalogue .*cat\.csv has no rows")
def empty_catalogue(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    (tmp / "cat.csv").write_text("object_id,ra,dec\n")
    return out


@case(r"holds no table, only images; give the catalogue's file")
def image_as_catalogue(tmp: Path) -> tuple[str, list[str]]:
    reader, overrides = mosaic(tmp)
    return reader, [*overrides, f"ingest.catalogue={tmp}/images/i.fits"]


@case(r"column 'alpha', mapped to 'ra', is not in the catalogue")
def catalogue_without_positions(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "ingest.columns.ra=alpha")


@case(r"column 'z', mapped to 'z': row 1 is '\?\?', not a number; correct it or name it in 'missing'")
def text_as_redshift(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, z=["0.5", "??"])


@case(r"column 'mag_i': unit 'arcsec' is neither a magnitude nor a flux density")
def wrong_unit(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "++ingest.columns.mag_i={column: mag_i, unit: arcsec}", mag_i=22.0)


@case(r"unit 'microjanskies' is unknown to astropy")
def unknown_unit(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "++ingest.columns.mag_i={column: mag_i, unit: microjanskies}", mag_i=22.0)


@case(r"none of the 2 galaxies of .*cat\.csv lies on the images \(first at RA 150\.1000, Dec -40\.0000\)")
def catalogue_outside_the_mosaics(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    positions_table(tmp / "cat.csv", np.array([150.1, 150.101]), np.array([-40.0, -40.1]))
    return out


@case(r"1 galaxies have no position, the first is object_id 'g1'; leave them out: ingest\.select=")
def galaxy_without_position(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    positions_table(tmp / "cat.csv", np.array([150.1, np.nan]), np.array([2.2, 2.2]))
    return out


@case(r"ingest\.path=.*i\.fits is no folder; give the folder of the images")
def file_instead_of_folder(tmp: Path) -> tuple[str, list[str]]:
    reader, overrides = mosaic(tmp)
    return reader, [*overrides, f"ingest.path={tmp}/images/i.fits"]


@case(r"has no image of band 'r' \(r\*\.fits\*\); correct ingest\.options\.images, or name the bands there are")
def band_without_image(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "ingest.bands=[i,r]")


@case.parametrize()
def test_bad_input(tmp_path: Path, sentence: str, slip: Slip) -> None:
    assert_refused(slip, sentence, tmp_path)

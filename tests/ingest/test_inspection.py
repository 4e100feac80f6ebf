"""The inspection finds planted faults, and none where none is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.data.store import CutoutStore, StoreHeader, open_store
from photoz_lit.data.store_writer import write_store
from photoz_lit.fields import load_field
from photoz_lit.imaging.seeing import fwhm_of_width
from photoz_lit.ingest.inspection.inspect import Inspection, inspect_store, write_inspection

N, SIZE = 150, 32
FIELD = load_field("hsc6b")
FWHM, NOISE = 0.9, 0.03


def galaxies(seed: int = 0) -> tuple[NDArray[np.float64], pd.DataFrame]:
    """Gaussian galaxies whose fluxes follow magnitudes with the colours of a mixed population."""
    random = np.random.default_rng(seed)
    bands = FIELD.band_names
    red = random.uniform(0, 1, N)
    i_mag = random.uniform(20.0, 23.0, N)
    colours = np.array([2.6, 1.8, 0.8, 0.0, -0.4, -0.6])
    mags = i_mag[:, None] + red[:, None] * colours + random.normal(0, 0.08, (N, 6))
    table = pd.DataFrame(
        {
            "object_id": [f"g{k}" for k in range(N)],
            "ra": 150 + 0.01 * (np.arange(N) % 50),
            "dec": 2 + 0.01 * (np.arange(N) // 50),
            "z": random.uniform(0.1, 1.5, N),
            "z_source": np.where(np.arange(N) % 3 == 0, "photo", "spec"),
            **{f"mag_{b}": mags[:, k] + random.normal(0, 0.02, N) for k, b in enumerate(bands)},
        }
    )
    table.loc[:9, "z"] = np.nan
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    sigma = FWHM / 2.3548 / FIELD.pixel_scale
    profile = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    flux = 10 ** (-0.4 * (mags - 27.0))
    images = flux[:, :, None, None] * profile / profile.sum() + random.normal(0, NOISE, (N, 6, SIZE, SIZE))
    return images, table


def inspected(path: Path, images: NDArray[Any], table: pd.DataFrame) -> tuple[CutoutStore, Inspection]:
    header = StoreHeader(
        data="real", field="hsc6b", bands=FIELD.band_names, pixel_scale=FIELD.pixel_scale, flux_unit="counts",
        zero_points=dict.fromkeys(FIELD.band_names, 27.0), n_galaxies=N, height=SIZE, width=SIZE,
    )  # fmt: skip
    store = write_store(path, header, images.astype(np.float32), table)
    return store, inspect_store(store, Console(quiet=True))


def kinds(inspection: Inspection) -> set[tuple[str, tuple[str, ...]]]:
    return {(fault.kind, fault.bands) for fault in inspection.faults}


def test_sound_store(tmp_path: Path) -> None:
    store, inspection = inspected(tmp_path / "store", *galaxies())
    assert inspection.faults == []
    labels = inspection.labels.set_index("source")["n"]
    z = store.catalogue["z"].notna()
    assert labels["spec"] == (z & (store.catalogue["z_source"] == "spec")).sum()
    assert labels["(unlabelled)"] == 10
    n_pixels = np.pi / FIELD.pixel_scale**2
    # The seeing is that of a Moffat, here of the one that is as wide as these Gaussians.
    seeing = FIELD.pixel_scale * fwhm_of_width(FWHM / 2.3548 / FIELD.pixel_scale)
    for band in inspection.bands:
        assert band.noise == pytest.approx(NOISE, rel=0.03)
        assert band.seeing == pytest.approx(seeing, rel=0.05)
        assert band.depth == pytest.approx(27 - 2.5 * np.log10(5 * NOISE * np.sqrt(n_pixels)), abs=0.2)
        assert band.missing_pixels == band.saturated_stamps == 0


def test_shifted_band(tmp_path: Path) -> None:
    images, table = galaxies()
    images[:, 2] = np.roll(images[:, 2], (1, -2), axis=(1, 2))
    _, inspection = inspected(tmp_path / "store", images, table)
    assert kinds(inspection) == {("shift", ("r",))}
    assert "band r is shifted by (-2.0" in inspection.faults[0].sentence
    assert "+1.0" in inspection.faults[0].sentence


@pytest.mark.parametrize("with_magnitudes", [True, False])
def test_band_in_other_units(tmp_path: Path, with_magnitudes: bool) -> None:
    images, table = galaxies()
    images[:, 4] *= 57.54  # nanojansky instead of counts at zero point 27
    if not with_magnitudes:
        table = table.drop(columns=[c for c in table if c.startswith("mag_")])
    _, inspection = inspected(tmp_path / "store", images, table)
    assert kinds(inspection) == {("units", ("z",))}
    assert "band z is -4." in inspection.faults[0].sentence
    if with_magnitudes:
        assert "57." in inspection.faults[0].sentence


@pytest.mark.parametrize(("a", "b"), [(1, 2), (3, 4), (0, 5)])
def test_swapped_bands(tmp_path: Path, a: int, b: int) -> None:
    images, table = galaxies()
    images[:, [a, b]] = images[:, [b, a]]
    _, inspection = inspected(tmp_path / "store", images, table)
    names = FIELD.band_names
    assert {(f.kind, frozenset(f.bands)) for f in inspection.faults} == {("swap", frozenset({names[a], names[b]}))}


def test_constant_and_missing_images(tmp_path: Path) -> None:
    images, table = galaxies()
    images[17, 3] = 4.5
    images[20, 1] = np.nan
    images[21, 0, 5, 5] = np.nan
    images[22, 5, 14:17, 14:17] = 900.0
    _, inspection = inspected(tmp_path / "store", images, table)
    assert kinds(inspection) == {("constant", ("i",))}
    assert "1 stamps of band i are constant, the first is of object_id g17 (row 17)" in inspection.faults[0].sentence
    counts = inspection.pixel_table.set_index("band")
    assert counts.loc["g", "NaN pixels"] == SIZE**2
    assert counts.loc["u", "stamps with NaN"] == 1
    assert counts["saturated"].to_list() == [0, 0, 0, 0, 0, 1]


def test_repeated_objects(tmp_path: Path) -> None:
    images, table = galaxies()
    table.loc[51, "ra"] = table.loc[50, "ra"] + 0.5 / 3600
    table.loc[51, "dec"] = table.loc[50, "dec"] + 0.3 / 3600
    table.loc[51, "z"] = table.loc[50, "z"] + 0.2
    table.loc[61, ["ra", "dec", "z"]] = table.loc[60, ["ra", "dec", "z"]].to_numpy()
    images[71] = images[70]
    table.loc[71, "z"] = table.loc[70, "z"]
    images[81] = images[80]
    table.loc[81, "z"] = table.loc[80, "z"] + 0.2
    table.loc[91, ["ra", "dec"]] = table.loc[90, ["ra", "dec"]].to_numpy()
    table.loc[91, "z"] = np.nan
    _, inspection = inspected(tmp_path / "store", images, table)
    assert {kind for kind, _ in kinds(inspection)} == {"repeat", "redshift", "neighbour"}
    sentences = " ".join(fault.sentence for fault in inspection.faults)
    assert "1 pairs of one object have different redshifts, the first are object_id g80" in sentences
    assert (
        "1 pairs lie within 1 arcsec of each other and have the same redshift, the first are object_id g60" in sentences
    )
    assert (
        "2 pairs are neighbours within 1 arcsec, whose redshifts differ or are unknown, the first are object_id g90"
        in (sentences)
    )
    assert "2 pairs of rows have the same pixels, the first are object_id g70 and g71" in sentences
    counts = inspection.flag_table.set_index("what")["n"]
    assert counts["pairs within 1 arcsec with one redshift"] == 1
    assert counts["neighbours within 1 arcsec"] == 2
    assert counts["pairs with the same pixels and different redshifts"] == 1


def test_page_holds_everything(tmp_path: Path) -> None:
    images, table = galaxies()
    images[17, 3] = 4.5
    table.loc[3, "object_id"] = "<script>"
    store, inspection = inspected(tmp_path / "store", images, table)
    faults = [replace(inspection.faults[0], sentence="<b>careful</b>"), *inspection.faults]
    page = write_inspection(store, replace(inspection, faults=faults), tmp_path / "out")
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 4
    assert "http" not in text
    assert "&lt;b&gt;careful" in text  # names from catalogues cannot inject markup
    assert "stamps of band i are constant" in text
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "inspection.html", "redshifts.png", "magnitudes.png", "bands.png", "montage.png",
    }  # fmt: skip
    assert open_store(store.path).data_hash in text


def damaged(path: Path, images: NDArray[Any], table: pd.DataFrame) -> tuple[set[str], str]:
    """Kinds and sentences of the faults found; the page is written too."""
    store, inspection = inspected(path / "store", images, table)
    write_inspection(store, inspection, path / "page")
    return {fault.kind for fault in inspection.faults}, " ".join(fault.sentence for fault in inspection.faults)


@pytest.mark.parametrize(
    ("column", "value", "kind", "said"),
    [
        ("z", np.inf, "redshift", "z is inf, which cannot be: 2 galaxies, the first is object_id g20 (row 20)"),
        ("z", 99.0, "redshift", "z is 99, which cannot be"),
        ("z", -1.0, "redshift", "z is -1, which cannot be"),
        ("z", -99.0, "redshift", "z is -99, which cannot be"),
        ("z_err", -1.0, "redshift", "z_err is -1, which cannot be"),
        ("ra", np.inf, "position", "ra is inf, which cannot be"),
        ("ra", 400.0, "position", "ra is 400, which cannot be"),
        ("dec", 95.0, "position", "dec is 95, which cannot be"),
        ("ebv", np.inf, "reddening", "ebv is inf, which cannot be"),
        ("ebv", -0.1, "reddening", "ebv is -0.1, which cannot be"),
        ("mag_i", 99.0, "magnitude", "mag_i is 99, which cannot be"),
        ("mag_err_i", np.inf, "magnitude", "mag_err_i is inf, which cannot be"),
    ],
)
def test_values_that_cannot_be(column: str, value: float, kind: str, said: str, tmp_path: Path) -> None:
    images, table = galaxies()
    table["mag_err_i"], table["z_err"], table["ebv"] = 0.02, 0.001, 0.03
    table.loc[[20, 71], column] = value
    found, sentences = damaged(tmp_path, images, table)
    assert found == {kind}
    assert said in sentences


def test_a_code_among_redshifts_that_could_be_is_named(tmp_path: Path) -> None:
    images, table = galaxies()
    table.loc[20:29, "z"] = 3.5
    found, sentences = damaged(tmp_path, images, table)
    assert found == {"redshift"}
    assert "z is 3.5 in 10 galaxies" in sentences
    assert "ingest.missing=[3.5]" in sentences


def test_ids_that_repeat_or_are_empty(tmp_path: Path) -> None:
    images, table = galaxies()
    table.loc[[20, 40], "object_id"], table.loc[50, "object_id"] = "g7", ""
    found, sentences = damaged(tmp_path, images, table)
    assert found == {"id"}
    assert "3 galaxies share their object_id with another, the first is g7 (rows 7 and 20)" in sentences
    assert "1 galaxies have no object_id" in sentences


def test_a_store_of_nan(tmp_path: Path) -> None:
    images, table = galaxies()
    found, sentences = damaged(tmp_path, np.full_like(images, np.nan), table)
    assert found == {"missing"}
    assert "150 galaxies have no pixel in any band (NaN), the first is object_id g0 (row 0)" in sentences


def test_a_store_of_zeros(tmp_path: Path) -> None:
    images, table = galaxies()
    found, sentences = damaged(tmp_path, np.zeros_like(images), table)
    assert found == {"constant"}
    assert "150 stamps of band u are constant" in sentences


def test_bands_without_pixels(tmp_path: Path) -> None:
    images, table = galaxies()
    images[:, 1] = np.nan
    images[:10, 4] = np.nan
    images[10:15, 2, :4] = np.nan
    images[30, 5, 3, 3] = np.inf
    found, sentences = damaged(tmp_path / "a", images, table)
    assert found == {"missing", "infinite"}
    assert "band g has no pixel of any galaxy" in sentences
    assert "10 galaxies have no pixel in band z (NaN) and missing_z does not say so" in sentences
    assert "6 galaxies have pixels without a value (NaN) and flags that say" in sentences
    assert "1 stamps of band y have infinite pixels, the first is of object_id g30 (row 30)" in sentences
    images[:, 1], images[30, 5, 3, 3] = galaxies()[0][:, 1], 0.0
    flagged = table.assign(missing_z=np.arange(N) < 10, flags=np.where((np.arange(N) > 9) & (np.arange(N) < 15), 2, 0))
    assert damaged(tmp_path / "b", images, flagged)[0] == set()


def test_damaged_blocks(tmp_path: Path) -> None:
    images, table = galaxies()
    store, _ = inspected(tmp_path / "store", images, table)
    with (store.path / "images.npy").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x00\x01")
    sentences = [fault.sentence for fault in inspect_store(open_store(store.path), Console(quiet=True)).faults]
    expected = (
        "images.npy: 1 of 1 blocks differ from their checksums, the first has rows 0 to 149; write the store again."
    )
    assert expected in sentences
    header = json.loads((store.path / "store.json").read_text())
    (store.path / "store.json").write_text(json.dumps({**header, "checksums": []}))
    sentences = [fault.sentence for fault in inspect_store(open_store(store.path), Console(quiet=True)).faults]
    assert any("1 of 1 blocks have no checksum" in sentence for sentence in sentences)

"""Recipes of surveys, each on tiny files named and headed as the survey publishes them."""

from __future__ import annotations

import bz2
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.source import StampFlag
from tests.ingest.archives import settings_of
from tests.ingest.skies import aperture_flux, hsc_header, paint, tan_wcs, write_hsc

SIDE = 200  # pixels of an image
MAG = np.array([20.0, 20.5])
OFFSET = np.array([[-9.0, 0.0], [9.0, 0.0]])  # of the two galaxies from the image's middle [arcsec]
RA, DEC = 150.1 + OFFSET[:, 0] / 3600, 2.2 + OFFSET[:, 1] / 3600
Write = Callable[[Path, str, NDArray[Any], NDArray[np.bool_], WCS], None]


@dataclass(frozen=True)
class Case:
    """A survey: its recipe, the files of a band, its table, and what a store of them must say."""

    write: Write
    scale: float
    zero_points: dict[str, float]
    table: dict[str, Any]
    field_name: str
    more: tuple[str, ...] = ()
    mags: dict[str, float] = field(default_factory=lambda: {"r": 20.0})
    ebv: float = np.nan
    masks: bool = True


def header_of(wcs: WCS, **cards: Any) -> fits.Header:
    header = wcs.to_header()
    header.update({name.replace("__", " "): value for name, value in cards.items()})
    return header


def compressed(path: Path, hdus: list[tuple[str, NDArray[Any], fits.Header]]) -> None:
    """As fpack writes it: an empty primary HDU, then the images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts: list[Any] = [fits.PrimaryHDU()]
    for name, pixels, header in hdus:
        lossy = {"quantize_level": -1e-4} if pixels.dtype.kind == "f" else {}
        parts.append(fits.CompImageHDU(pixels, header, name=name, compression_type="RICE_1", **lossy))
    fits.HDUList(parts).writeto(path)


def hsc(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    name = "MegaCam-uS" if band == "u" else "HSC-" + {"r": "R2"}.get(band, band.upper())
    path = root / "deepCoadd-results" / name / "9813" / "4,4" / f"calexp-{name}-9813-4,4.fits"
    path.parent.mkdir(parents=True)
    write_hsc(path, image, hsc_header(wcs), np.where(bad, 2, 32))  # SAT there, DETECTED elsewhere


def legacy(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    brick = root / "coadd" / "150" / "1501p022"
    cards = {"BRICK": "1501p022", "FILTER": band, "BAND": band, "MAGZERO": 22.5, "BUNIT": "nanomaggy"}
    for kind, pixels in (("image", image.astype("f4")), ("invvar", np.ones(image.shape, "f4"))):
        header = header_of(wcs, **cards, IMAGETYP=kind)
        compressed(brick / f"legacysurvey-1501p022-{kind}-{band}.fits.fz", [("", pixels, header)])
    compressed(brick / f"legacysurvey-1501p022-chi2-{band}.fits.fz", [("", image.astype("f4"), header_of(wcs))])
    mask = brick / "legacysurvey-1501p022-maskbits.fits.fz"
    if not mask.exists():  # SATUR_R and the bit of bright stars, which hides no flux
        bits = np.where(bad, 1 << 3, 1 << 1).astype(np.int32)
        compressed(mask, [("MASKBITS", bits, header_of(wcs)), ("WISEM1", (bits * 0).astype(np.uint8), header_of(wcs))])


def sdss(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    path = root / "301" / "752" / "3" / f"frame-{band}-000752-3-0373.fits.bz2"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = header_of(wcs, BUNIT="nanomaggy", FILTER=band, RUN=752, CAMCOL=3, ORIGIN="SDSS", NMGY=0.005)
    parts = [fits.PrimaryHDU(image.astype("f4"), header), fits.ImageHDU(np.ones(SIDE, "f4"))]
    sky = fits.BinTableHDU.from_columns([fits.Column("ALLSKY", "48E", array=np.ones((1, 48)))])
    file = io.BytesIO()
    fits.HDUList([*parts, sky]).writeto(file)
    path.write_bytes(bz2.compress(file.getvalue()))


def ps1(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    softening, offset = 200.0, 5.0
    stretched = 2.5 / np.log(10) * np.arcsinh((image - offset) / (2 * softening))
    cards = {"BSOFTEN": softening, "BOFFSET": offset, "EXPTIME": 900.0, "HIERARCH__FPA.ZP": 25.0}
    stem = root / "1234" / "056" / f"rings.v3.skycell.1234.056.stk.{band}.unconv"
    flux, mask = stem.with_name(stem.name + ".fits"), stem.with_name(stem.name + ".mask.fits")
    compressed(flux, [("", stretched.astype("f4"), header_of(wcs, **cards))])
    compressed(mask, [("", np.where(bad, 0x20, 0x80).astype(np.int16), header_of(wcs))])  # SAT, SUSPECT elsewhere
    compressed(stem.with_name(stem.name + ".wt.fits"), [("", np.zeros(image.shape, "f4"), header_of(wcs))])


def des(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    stem, header = f"DES1000+0209_r4907p01_{'Y' if band == 'y' else band}", header_of(wcs, MAGZERO=30.0, BAND=band)
    planes = [("SCI", image.astype("f4")), ("MSK", np.where(bad, 2, 0).astype(np.int32)), ("WGT", 1.0 - bad)]
    compressed(root / f"{stem}.fits.fz", [(name, np.asarray(pixels), header) for name, pixels in planes])
    raised = [(name, np.asarray(pixels) + 100 * (name == "SCI")) for name, pixels in planes]
    compressed(root / f"{stem}_nobkg.fits.fz", [(name, np.asarray(pixels), header) for name, pixels in raised])


def kids(root: Path, band: str, image: NDArray[Any], bad: NDArray[np.bool_], wcs: WCS) -> None:
    if band in "zyjhk":
        folder = root / "VIKING" / {"k": "Ks"}.get(band, band.upper())
        folder.mkdir(parents=True)
        cards = {"MAGZPT": 23.0, "EXPTIME": 10.0, "INSTRUME": "VIRCAM", "FILTER": folder.name}
        fits.PrimaryHDU(image.astype("f4"), header_of(wcs, **cards)).writeto(folder / "v20100212_00224_st_tl.fit")
        confidence = np.where(bad, 0, 100).astype(np.int16)
        fits.PrimaryHDU(confidence, header_of(wcs)).writeto(folder / "v20100212_00224_st_tl_conf.fit")
        return
    for kind, pixels in (
        ("sci", image.astype("f4")),
        ("wei", np.ones(image.shape, "f4")),
        ("msk", np.where(bad, 2, 16).astype(np.int32)),  # a saturated core, a halo elsewhere
    ):
        fits.PrimaryHDU(pixels, header_of(wcs)).writeto(root / f"KiDS_DR4.0_150.1_2.2_{band}_{kind}.fits")


def zero_points(bands: str, value: float) -> dict[str, float]:
    return dict.fromkeys(bands, value)


CASES = {
    "hsc_pdr3": Case(
        hsc,
        0.168,
        zero_points("ugrizy", 27.0),
        {"object_id": [43158734253423423, 43158734253423424], "ra": RA, "dec": DEC, "specz_redshift": [0.3, np.nan],
         "r_cmodel_mag": MAG, "r_cmodel_magerr": 0.1},
        "hsc6b",
        ("ingest.bands=[u,g,r,i,z,y]",),
    ),
    "legacy": Case(
        legacy,
        0.262,
        zero_points("griz", 22.5),
        {"ls_id": [10995128210366464, 10995128210366465], "ra": RA, "dec": DEC, "ebv": 0.03, "z_spec": [0.3, -99.0],
         **{f"flux_{band}": 10 ** (-0.4 * (MAG - 22.5)) for band in "griz"}},
        "legacy",
        ebv=0.03,
    ),
    "sdss_frames": Case(
        sdss,
        0.396,
        zero_points("ugriz", 22.5),
        {"objID": [1237645879551066262, 1237645879551066263], "ra": RA, "dec": DEC, "z": [0.3, np.nan],
         "zErr": [1e-4, np.nan], "petroMag_r": MAG},
        "sdss",
        masks=False,
    ),
    "ps1": Case(
        ps1,
        0.25,
        zero_points("grizy", 25 + 2.5 * np.log10(900.0)),
        {"objID": [110642501000002741, 110642501000002742], "raStack": RA, "decStack": DEC, "z": [0.3, np.nan],
         "rKronMag": MAG},
        "ps1",
    ),
    "des": Case(
        des,
        0.263,
        zero_points("grizy", 30.0),
        {"COADD_OBJECT_ID": [1098772365, 1098772366], "RA": RA, "DEC": DEC, "z": [0.3, np.nan], "MAG_AUTO_R": MAG,
         "EBV_SFD98": 0.03, "IMAFLAGS_ISO_I": 0},
        "des",
        ebv=0.03,
    ),
    "kids_viking": Case(
        kids,
        0.2,
        {**zero_points("ugri", 0.0), "z": 26.002, "y": 26.1, "j": 26.416, "h": 26.866, "k": 27.327},
        {"ID": ["KiDSDR4 J100024.0+021200", "KiDSDR4 J100024.6+021200"], "RAJ2000": RA, "DECJ2000": DEC,
         "z": [0.3, np.nan], "MAG_GAAP_r": MAG - 0.1, "EXTINCTION_r": 0.1, "MAG_GAAP_Ks": MAG - 0.01,
         "EXTINCTION_Ks": 0.01},
        "kids_viking",
        ("ingest.bands=[u,g,r,i,z,y,j,h,k]",),
        mags={"r": 20.0, "k": 20.0},
        ebv=0.1 / 2.285,
    ),
}  # fmt: skip


def write_survey(case: Case, root: Path) -> list[str]:
    """Write the files of two galaxies; beside the second one a few pixels of r (or of all bands) are bad."""
    root.mkdir()
    shape = (SIDE, SIDE)
    wcs = tan_wcs(case.scale, shape, angle=20.0 if case.write is sdss else 0.0)
    random = np.random.default_rng(0)
    for band, zero_point in case.zero_points.items():
        flux = 10 ** (-0.4 * (MAG - zero_point))
        image = paint(wcs, shape, RA, DEC, flux, fwhm=1.2) + random.normal(0, 1e-5 * flux[0], shape)
        x, y = (round(float(value)) for value in wcs.all_world2pix(RA[1], DEC[1] + 1.0 / 3600, 0))
        bad = np.zeros(shape, bool)
        bad[y : y + 2, x : x + 2] = True
        case.write(root, band, image, bad, wcs)
    pd.DataFrame(case.table).to_csv(root.parent / "table.csv", index=False)
    return [f"ingest.path={root}", f"ingest.catalogue={root.parent}/table.csv", *case.more]


def store_of(name: str, tmp: Path, *more: str) -> CutoutStore:
    overrides = [*write_survey(CASES[name], tmp / "survey"), "ingest.stamp_size=24", "ingest.dtype=float32", *more]
    settings, of_field = settings_of(name, *overrides)
    return ingest(settings, of_field, tmp / "store", Console(quiet=True))


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_reads_what_its_survey_publishes(name: str, tmp_path: Path) -> None:
    case, store = CASES[name], store_of(name, tmp_path)
    header, catalogue = store.header, store.catalogue
    assert header.bands == tuple(case.zero_points)
    assert (header.field, header.pixel_scale) == (case.field_name, pytest.approx(case.scale))
    assert header.zero_points == pytest.approx(case.zero_points, abs=2e-3)
    ids = [str(value) for value in next(iter(case.table.values()))]
    assert sorted(catalogue["object_id"]) == sorted(ids)
    rows = [list(catalogue["object_id"]).index(one) for one in ids]
    assert catalogue["z"].to_numpy()[rows] == pytest.approx([0.3, np.nan], nan_ok=True)
    assert catalogue["ebv"].to_numpy()[rows] == pytest.approx([case.ebv] * 2, nan_ok=True)
    for band, first in case.mags.items():
        assert catalogue[f"mag_{band}"].to_numpy()[rows] == pytest.approx([first, first + 0.5])
    for axis, band in enumerate(header.bands):
        flux = aperture_flux(store.images[rows[0], axis], 2.4, case.scale)
        assert header.zero_points[band] - 2.5 * np.log10(flux) == pytest.approx(MAG[0], abs=0.02), band
    flags = catalogue["flags"].to_numpy()[rows]
    assert flags[0] == 0
    if case.masks:
        assert flags[1] & int(StampFlag.GAP)
        assert flags[1] & int(StampFlag.MASKED)
        r = header.bands.index("r")
        assert 0 < np.isnan(store.images[rows[1], r]).sum() < 40


def test_one_mask_of_all_bands_counts_by_band(tmp_path: Path) -> None:
    store = store_of("legacy", tmp_path)
    masked = np.isnan(store.images).any(axis=(2, 3))
    second = list(store.catalogue["object_id"]).index("10995128210366465")
    assert masked[second].tolist() == [band == "r" for band in store.header.bands]


def test_a_pattern_that_finds_nothing_shows_what_the_others_find(tmp_path: Path) -> None:
    overrides = write_survey(CASES["des"], tmp_path / "survey")
    settings, of_field = settings_of("des", *overrides, "ingest.options.images.z='DES*_Z.fits*'")
    found = (
        r"has no image of band 'z' \(DES\*_Z\.fits\*\).* \(found were g 1, r 1, i 1, z 0, y 1, e\.g\. DES1000\+0209_r4"
    )
    with pytest.raises(InputError, match=found):
        ingest(settings, of_field, tmp_path / "store", Console(quiet=True))
    settings, of_field = settings_of("hsc_pdr3", *overrides)
    with pytest.raises(
        InputError, match=r"no image of band 'g' .* \(the folder holds e\.g\. DES1000\+0209_r4907p01_Y\.fits"
    ):
        ingest(settings, of_field, tmp_path / "store", Console(quiet=True))


def test_bands_are_compared_with_the_field_first(tmp_path: Path) -> None:
    overrides = write_survey(CASES["des"], tmp_path / "survey")
    settings, of_field = settings_of("des", *overrides, "ingest.bands=[g,Y]")
    with pytest.raises(InputError, match=r"ingest\.bands: field 'des' spells 'Y' as 'y'; write it so"):
        ingest(settings, of_field, tmp_path / "store", Console(quiet=True))
    settings, of_field = settings_of("des", *overrides, "field=legacy", "ingest.bands=[g,y]")
    said = io.StringIO()
    ingest(settings, of_field, tmp_path / "store", Console(file=said, width=200))
    assert "Field 'legacy' has no band y (it has g r i z); networks of this field will not read it." in said.getvalue()


def test_stamps_of_a_band_that_is_not_there_show_what_is(tmp_path: Path) -> None:
    for name in ("a_g", "b_g", "a_r"):
        (tmp_path / f"{name}.fits").write_bytes(b"")
    (tmp_path / "cat.csv").write_text("object_id,ra,dec\na,1,2\n")
    settings, of_field = settings_of(
        "fits_stamps", f"ingest.path={tmp_path}", f"ingest.catalogue={tmp_path}/cat.csv", "ingest.bands=[z,g,r]"
    )
    with pytest.raises(
        InputError, match=r"no stamp of band 'z' .*; found were z 0, g 2, r 1, e\.g\. a_g\.fits; correct"
    ):
        ingest(settings, of_field, tmp_path / "store", Console(quiet=True))

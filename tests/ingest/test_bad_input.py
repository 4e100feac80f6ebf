"""Every slip of an archive, a catalogue or a config ends in one sentence that names it and its mend."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from astropy.io import fits
from rich.console import Console

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from tests.ingest.archives import (
    lam_info,
    positions_table,
    sdss_labels,
    settings_of,
    stamps,
    write_galaxiesml,
    write_lam,
    write_mmu,
    write_redshifts,
    write_sdss,
)
from tests.ingest.skies import (
    hsc_header,
    megacam_header,
    tan_wcs,
    vircam_header,
    write_compressed,
    write_hsc,
    write_plain,
)

Case = Callable[[Path], tuple[str, list[str]]]
CASES: list[tuple[str, str, Case]] = []


def case(sentence: str) -> Callable[[Case], Case]:
    """Register a case: it writes its archive and returns the reader and the overrides."""

    def register(function: Case) -> Case:
        CASES.append((function.__name__, sentence, function))
        return function

    return register


def cube(n: int = 6, bands: int = 5, size: int = 64) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(stamps(n, bands, size), 1, -1))


def sdss(tmp: Path, *overrides: str, n: int = 6, **replaced: Any) -> tuple[str, list[str]]:
    write_sdss(tmp / "sdss.npz", n, **replaced)
    return "sdss_npz", [f"ingest.path={tmp}/sdss.npz", *overrides]


@case(r"ingest\.path is missing; give the archive")
def no_path(tmp: Path) -> tuple[str, list[str]]:
    return "sdss_npz", []


@case(r"ingest\.path=.*nowhere\.npz is not there; correct it")
def path_not_there(tmp: Path) -> tuple[str, list[str]]:
    return "sdss_npz", [f"ingest.path={tmp}/nowhere.npz"]


@case(r"holds no \*\.npz file; give the archive's folder")
def folder_without_archive(tmp: Path) -> tuple[str, list[str]]:
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"sdss\.npz is no \.npz archive or is cut off .*; copy it again")
def truncated_npz(tmp: Path) -> tuple[str, list[str]]:
    out = sdss(tmp)
    data = (tmp / "sdss.npz").read_bytes()
    (tmp / "sdss.npz").write_bytes(data[: len(data) * 2 // 3])
    return out


@case(r"is no \.npz archive or is cut off")
def text_instead_of_npz(tmp: Path) -> tuple[str, list[str]]:
    (tmp / "sdss.npz").write_text("404 Not Found")
    return "sdss_npz", [f"ingest.path={tmp}/sdss.npz"]


@case(r"member 'cube' is no complete array .*; copy it again")
def damaged_member(tmp: Path) -> tuple[str, list[str]]:
    out = sdss(tmp)
    data = bytearray((tmp / "sdss.npz").read_bytes())
    data[0:4] = b"XXXX"  # the local header of the first member
    (tmp / "sdss.npz").write_bytes(data)
    return out


@case(r"has no member 'cube'; did you mean 'cubes'\?")
def wrong_member_name(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, cube=None, cubes=cube())


@case(r"has its axes swapped; \(galaxies, height, width, bands\) is due")
def swapped_axes(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, cube=stamps(6, 5, 64))


@case(r"has 4 bands in its last axis and 5 are named \(u g r i z\); name them in the archive's order")
def wrong_number_of_bands(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, cube=cube(bands=4))


@case(r"is no cube of galaxies; \(galaxies, height, width, bands\) is due")
def images_of_one_band(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, cube=cube()[..., 0])


@case(r"holds <U3, not numbers; save it as float32")
def texts_as_pixels(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, cube=np.full((6, 4, 4, 5), "abc"))


@case(r"member 'labels' has 5 rows and 'cube' 6; they must be of the same galaxies")
def labels_of_other_galaxies(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, labels=sdss_labels(5))


@case(r"member 'labels' is no record array .*; its columns need names")
def labels_without_names(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, labels=np.zeros((6, 64)))


@case(r"member 'labels' holds pickled Python objects, which are not read for safety")
def pickled_labels(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, labels=np.array([{"z": 0.1}] * 6, dtype=object))


@case(r"column 'z', mapped to 'z', is not in the catalogue")
def labels_without_redshift(tmp: Path) -> tuple[str, list[str]]:
    labels = sdss_labels(6)
    names = [n for n in labels.dtype.names or () if n not in ("z", "zErr", "zphot")]
    return sdss(tmp, labels=np.array(labels[names].tolist(), [(n, labels.dtype[n]) for n in names]))


@case(r"column 'specObjid', mapped to 'object_id', is not in the catalogue; did you mean 'specObjID'\?")
def misspelt_column(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest.columns.object_id=specObjid")


@case(
    r"object_id '299490502467184640' stands 2 times in the catalogue \(rows 0 and 3\).*ingest\.columns\.object_id=null"
)
def duplicated_ids(tmp: Path) -> tuple[str, list[str]]:
    labels = sdss_labels(6)
    labels["specObjID"][3] = labels["specObjID"][0]
    return sdss(tmp, labels=labels)


@case(r"column 'specObjID' holds ids as floating point, which has rounded them")
def ids_as_floats(tmp: Path) -> tuple[str, list[str]]:
    labels = np.zeros(6, [("specObjID", "f8"), ("z", "f4")])
    labels["specObjID"] = 299490502467184640 + 2048.0 * np.arange(6)
    return sdss(tmp, labels=labels)


@case(r"row 2 is 400 degrees, outside \[-180, 360\]; are columns or units mixed up\?")
def right_ascension_out_of_range(tmp: Path) -> tuple[str, list[str]]:
    labels = sdss_labels(6)
    labels["ra"][2] = 400.0
    return sdss(tmp, labels=labels)


@case(r"member 'cube' is broken .*; copy the archive again")
def damaged_compressed_member(tmp: Path) -> tuple[str, list[str]]:
    np.savez_compressed(tmp / "sdss.npz", cube=cube(), labels=sdss_labels(6))
    data = bytearray((tmp / "sdss.npz").read_bytes())
    data[100_000:100_400] = bytes(400)
    (tmp / "sdss.npz").write_bytes(data)
    return "sdss_npz", [f"ingest.path={tmp}/sdss.npz"]


@case(r"member 'cube' is compressed in Fortran order; save it with np\.savez in C order")
def compressed_in_fortran_order(tmp: Path) -> tuple[str, list[str]]:
    np.savez_compressed(tmp / "sdss.npz", cube=np.asfortranarray(cube()), labels=sdss_labels(6))
    return "sdss_npz", [f"ingest.path={tmp}/sdss.npz"]


@case(r"ingest\.select='z > 3' leaves none of 6 galaxies; loosen it")
def empty_selection(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest.select='z > 3'")


@case(r"no column 'primtarge'; did you mean 'primtarget'\?")
def selection_of_unknown_column(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest.select='primtarge >= 64'")


@case(r"no function '__import__'; known are")
def selection_that_runs_code(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, '''ingest.select="__import__('os') == 0"''')


@case(r"has stamps of 64×64 pixels; ingest\.stamp_size=80 is larger")
def stamps_too_small(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest.stamp_size=80")


@case(r"the AB zero point of band 'g' is unknown; give ingest\.zero_points\.g=")
def unknown_zero_point(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "~ingest.zero_points.g")


@case(r"unknown key 'ingest\.options\.cubes'; did you mean 'cube'\?")
def unknown_option(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "+ingest.options.cubes=data")


@case(r"reader 'my\.reader' cannot be imported .*; correct ingest\._target_")
def unknown_reader(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest._target_=my.reader")


@case(r"'builtins\.max' is no reader; derive it from photoz_lit\.ingest\.source\.Source")
def something_else_as_reader(tmp: Path) -> tuple[str, list[str]]:
    return sdss(tmp, "ingest._target_=builtins.max")


@case(r"band u does not fit float16 .*; write it as float32")
def too_bright_for_float16(tmp: Path) -> tuple[str, list[str]]:
    pixels = cube()
    pixels[2, 3, 3, 0] = 1e5
    return sdss(tmp, "ingest.dtype=float16", cube=pixels)


@case(r"all 6 stamps have missing pixels .* use ingest\.flagged=keep")
def everything_dropped(tmp: Path) -> tuple[str, list[str]]:
    pixels = cube()
    pixels[:, 0, 0, 0] = np.nan
    return sdss(tmp, "ingest.flagged=drop", cube=pixels)


@case(r"cosmos_01\.npz has no member 'info'")
def lam_file_without_info(tmp: Path) -> tuple[str, list[str]]:
    write_lam(tmp)
    np.savez(tmp / "cosmos_01.npz", cube=cube(5, 6))
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"member 'flag' is \(7,\); \(7, 6\) is due, one flag per galaxy and band")
def lam_flag_per_galaxy(tmp: Path) -> tuple[str, list[str]]:
    np.savez(tmp / "a.npz", cube=cube(7, 6), info=lam_info(7), flag=np.zeros(7))
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"b\.npz has stamps of \(32, 32\) pixels and .*a\.npz of \(64, 64\); ingest apart")
def lam_files_of_other_sizes(tmp: Path) -> tuple[str, list[str]]:
    np.savez(tmp / "a.npz", cube=cube(3, 6), info=lam_info(3))
    np.savez(tmp / "b.npz", cube=cube(3, 6, 32), info=lam_info(3, 3))
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"member 'info' .* is no record array of the cube's 3 galaxies")
def lam_info_of_other_galaxies(tmp: Path) -> tuple[str, list[str]]:
    np.savez(tmp / "a.npz", cube=cube(3, 6), info=lam_info(4))
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"the cube has 7 bands, which are unknown \(6 and 9 are\); name them: ingest\.bands")
def lam_with_seven_bands(tmp: Path) -> tuple[str, list[str]]:
    np.savez(tmp / "a.npz", cube=cube(3, 7), info=lam_info(3))
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"gml\.hdf5 is no HDF5 file or is cut off .*; copy it again")
def text_instead_of_hdf5(tmp: Path) -> tuple[str, list[str]]:
    (tmp / "gml.hdf5").write_text("404 Not Found")
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"gml\.hdf5 is no HDF5 file or is cut off .*truncated file")
def truncated_hdf5(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5")
    data = (tmp / "gml.hdf5").read_bytes()
    (tmp / "gml.hdf5").write_bytes(data[: len(data) // 2])
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"has no dataset 'image'; did you mean 'images'\?")
def hdf5_without_images(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5", image=None, images=stamps(12, 5, 64))
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"has its axes swapped; \(galaxies, bands, height, width\) is due")
def hdf5_channel_last(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5", image=cube(12))
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"has 4 bands and 5 are named \(g r i z y\)")
def hdf5_of_other_bands(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5", image=stamps(12, 4, 64))
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"dataset 'image' is \(12, 64, 64\); 4 axes are due")
def hdf5_of_one_band(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5", image=stamps(12, 1, 64)[:, 0])
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


@case(r"dataset 'image' is damaged .*; copy the file again")
def damaged_hdf5_chunk(tmp: Path) -> tuple[str, list[str]]:
    write_galaxiesml(tmp / "gml.hdf5")
    with h5py.File(tmp / "gml.hdf5") as file:
        chunk = file["image"].id.get_chunk_info(5)
    data = bytearray((tmp / "gml.hdf5").read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + 200] = bytes(200)
    (tmp / "gml.hdf5").write_bytes(data)
    return "galaxiesml", [f"ingest.path={tmp}/gml.hdf5"]


def mmu(tmp: Path, *overrides: str) -> tuple[str, list[str]]:
    write_mmu(tmp / "mmu", size=64)
    return "mmu", [f"ingest.path={tmp}/mmu", "field=hsc6b", *overrides]


@case(r"has no 'image_band' \(4, 5\) that names the bands of 'image_array'")
def mmu_without_band_names(tmp: Path) -> tuple[str, list[str]]:
    out = mmu(tmp)
    with h5py.File(sorted((tmp / "mmu").rglob("*.hdf5"))[0], "r+") as file:
        del file["image_band"]
    return out


@case(r"pixel scales from 0\.168 to 0\.262 arcsec; ingest bands of one scale")
def mmu_of_two_scales(tmp: Path) -> tuple[str, list[str]]:
    out = mmu(tmp)
    with h5py.File(sorted((tmp / "mmu").rglob("*.hdf5"))[1], "r+") as file:
        file["image_scale"][...] = 0.262
    return out


@case(r"has the bands g, i, r, y, z; name some of them in ingest\.bands")
def mmu_of_other_bands(tmp: Path) -> tuple[str, list[str]]:
    return mmu(tmp, "ingest.bands=[g,w1]")


@case(r"catalogue .*desi\.fits is not there|ingest\.path=.*desi\.fits is not there")
def joined_catalogue_not_there(tmp: Path) -> tuple[str, list[str]]:
    return mmu(tmp, f"ingest.join.path={tmp}/desi.fits")


@case(r"shares no object_id with the archive's galaxies")
def join_without_match(tmp: Path) -> tuple[str, list[str]]:
    write_redshifts(tmp / "desi.hdf5", ["100", "101"])
    return mmu(tmp, f"ingest.join.path={tmp}/desi.hdf5")


@case(r"has nothing within 1 arcsec of the archive's galaxies")
def sky_join_without_match(tmp: Path) -> tuple[str, list[str]]:
    positions_table(tmp / "z.csv", np.array([10.0]), np.array([2.0]), Z=0.5)
    return mmu(
        tmp,
        f"ingest.join.path={tmp}/z.csv",
        "ingest.join.by=sky",
        "+ingest.join.columns.ra=ra",
        "+ingest.join.columns.dec=dec",
    )


@case(r"ingest\.join\.columns does not map 'ra', which a join by sky needs")
def sky_join_without_positions(tmp: Path) -> tuple[str, list[str]]:
    write_redshifts(tmp / "desi.hdf5", ["1"])
    return mmu(tmp, f"ingest.join.path={tmp}/desi.hdf5", "ingest.join.by=sky")


@case(r"column 'Zed', mapped to 'z', is not in the catalogue; did you mean 'Z")
def joined_column_not_there(tmp: Path) -> tuple[str, list[str]]:
    write_redshifts(tmp / "desi.hdf5", ["1"])
    return mmu(tmp, f"ingest.join.path={tmp}/desi.hdf5", "ingest.join.columns.z=Zed")


def mosaic(
    tmp: Path, *overrides: str, header: Any = megacam_header, scale: float = 0.186, **catalogue: Any
) -> tuple[str, list[str]]:
    wcs = tan_wcs(scale, (300, 300))
    folder = tmp / "images"
    folder.mkdir()
    write_plain(folder / "i.fits", np.random.default_rng(0).normal(size=(300, 300)), header(wcs))
    positions_table(tmp / "cat.csv", np.array([150.1, 150.101]), np.array([2.2, 2.201]), **catalogue)
    return "fits_mosaic", [
        f"ingest.path={folder}",
        f"ingest.catalogue={tmp}/cat.csv",
        "ingest.bands=[i]",
        "ingest.stamp_size=32",
        *overrides,
    ]


def rewritten(tmp: Path, change: Callable[[fits.Header], None]) -> None:
    with fits.open(tmp / "images" / "i.fits", mode="update") as hdus:
        change(hdus[0].header)


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


@case(r"column 'z', mapped to 'z': row 1 is '\?\?', not a number; mend it or name it in 'missing'")
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


@case(r"i\.fits has no WCS \(CTYPE1 and CTYPE2 with RA and Dec\)")
def image_without_wcs(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    rewritten(tmp, lambda header: [header.remove(k) for k in ("CTYPE1", "CTYPE2")])
    return out


@case(r"its header states no zero point .*; give ingest\.zero_points\.i=")
def image_without_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    rewritten(tmp, lambda header: header.remove("PHOTZP"))
    return out


@case(r"MAGZERO is a Vega zero point; give ingest\.zero_points\.i=")
def vega_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, header=vircam_header)
    rewritten(tmp, lambda header: header.set("MAGSYS", "Vega"))
    return out


@case(r"FLUXMAG0 is '-1\.0', no usable number")
def unusable_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, header=hsc_header)
    rewritten(tmp, lambda header: header.set("FLUXMAG0", -1.0))
    return out


@case(r"i\.fits ends before its image does; copy it again")
def truncated_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    data = (tmp / "images" / "i.fits").read_bytes()
    (tmp / "images" / "i.fits").write_bytes(data[: len(data) // 2])
    return out


@case(r"i\.fits is no readable FITS file")
def text_instead_of_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    (tmp / "images" / "i.fits").write_text("404 Not Found")
    return out


@case(r"pixels cannot be decoded .*; copy the file again|is no readable FITS file|ends before its image does")
def truncated_compressed_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    wcs = tan_wcs(0.186, (300, 300))
    (tmp / "images" / "i.fits").unlink()
    path = write_compressed(
        tmp / "images" / "i.fits.fz", np.random.default_rng(0).normal(size=(300, 300)), megacam_header(wcs)
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return out


@case(r"HDU .* has 3 axes; an image with 2 is due")
def cube_as_mosaic(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    fits.PrimaryHDU(np.zeros((2, 300, 300), "f4"), megacam_header(tan_wcs(0.186, (300, 300)))).writeto(
        tmp / "images" / "i.fits", overwrite=True
    )
    return out


@case(r"i\.fits has no HDU 'IMAGE'; it has PRIMARY")
def unknown_hdu(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "ingest.options.image_hdu=IMAGE")


@case(r"the weight of band 'i' is \(299, 300\) pixels and its image .* \(300, 300\); they must be of one grid")
def weight_of_other_shape(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, "ingest.options.weights='w_{band}.fits'")
    fits.PrimaryHDU(np.ones((299, 300), "f4")).writeto(tmp / "images" / "w_i.fits")
    return out


@case(r"band 'i' has 1 images and 2 weights; each image needs its own")
def weights_of_other_tiles(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, "ingest.options.weights='w_{band}*.fits'")
    for k in range(2):
        fits.PrimaryHDU(np.ones((300, 300), "f4")).writeto(tmp / "images" / f"w_i{k}.fits")
    return out


@case(r"has no mask plane 'SATURATED'; did you mean 'SAT'|has no mask plane 'SATURATED'; ")
def unknown_mask_plane(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(
        tmp, "ingest.options.image_hdu=IMAGE", "ingest.options.mask_hdu=MASK", "ingest.options.mask_planes=[SATURATED]"
    )
    (tmp / "images" / "i.fits").unlink()
    write_hsc(tmp / "images" / "i.fits", np.zeros((300, 300)), hsc_header(tan_wcs(0.186, (300, 300))))
    return out


def fits_stamps(tmp: Path, *overrides: str) -> tuple[str, list[str]]:
    _, given = mosaic(tmp, *overrides)
    (tmp / "images" / "i.fits").rename(tmp / "images" / "g0_i.fits")
    return "fits_stamps", given


@case(r"pattern 'i\.fits' has no \{object_id\} in it, so all galaxies would share one stamp")
def stamps_without_object(tmp: Path) -> tuple[str, list[str]]:
    return fits_stamps(tmp, "ingest.options.images='{band}.fits'")


@case(r"no stamp is there for any of the 2 galaxies of .*cat\.csv, e\.g\. .*x0_i\.fits")
def stamps_of_other_objects(tmp: Path) -> tuple[str, list[str]]:
    out = fits_stamps(tmp)
    (tmp / "cat.csv").write_text("object_id,ra,dec\nx0,150.1,2.2\nx1,150.1,2.2\n")
    return out


@case(r"g0_i\.fits does not contain the position of object_id 'g0'; is the catalogue its own\?")
def stamp_of_another_place(tmp: Path) -> tuple[str, list[str]]:
    out = fits_stamps(tmp)
    (tmp / "cat.csv").write_text("object_id,ra,dec\ng0,150.2,2.2\n")
    return out


@case(r"has no stamp of band 'z' \(\{object_id\}_z\.fits\)")
def stamps_without_a_band(tmp: Path) -> tuple[str, list[str]]:
    return fits_stamps(tmp, "ingest.bands=[i,z]")


@case(r"ingest\.dust\.path=.*maps is no folder; give the folder with the dust map's files")
def dust_map_not_there(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, f"ingest.dust.path={tmp}/maps")


@case(r"ingest\.dust\.map=nomaps\.sfd\.SFDQuery needs the library dustmaps; pip install 'photoz-lit\[dust\]'")
def dust_library_not_there(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, f"ingest.dust.path={tmp}", "ingest.dust.map=nomaps.sfd.SFDQuery")


@pytest.mark.parametrize(("sentence", "make"), [(s, f) for _, s, f in CASES], ids=[name for name, _, _ in CASES])
def test_bad_input(tmp_path: Path, sentence: str, make: Case) -> None:
    reader, overrides = make(tmp_path)
    settings, field = settings_of(reader, *overrides)
    store = tmp_path / "stores" / "store"
    store.parent.mkdir()
    with pytest.raises(InputError) as raised:
        ingest(settings, field, store, Console(quiet=True))
    text = str(raised.value)
    assert re.search(sentence, text), text
    assert "\n" not in text
    assert not store.exists()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40

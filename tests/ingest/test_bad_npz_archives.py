"""Slips with NPZ archives, their labels and the options of reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.ingest.archives import sdss_labels, stamps
from tests.ingest.slips import Slip, Slips, assert_refused, cube, sdss

case = Slips()


@case(r"ingest\.path is missing; give the archive")
def no_path(tmp: Path) -> tuple[str, list[str]]:
    return "sdss_npz", []


@case(r"ingest\.path=.*nowhere\.npz is not there; correct it")
def path_not_there(tmp: Path) -> tuple[str, list[str]]:
    return "sdss_npz", [f"ingest.path={tmp}/nowhere.npz"]


@case(r"holds no \*\.npz file; give the archive's folder")
def folder_without_archive(tmp: Path) -> tuple[str, list[str]]:
    return "lam_npz", [f"ingest.path={tmp}"]


@case(r"holds 2 archives \(a\.npz, sdss\.npz …\); ingest one at a time, e\.g\. ingest\.path=.*a\.npz")
def folder_of_several_archives(tmp: Path) -> tuple[str, list[str]]:
    sdss(tmp)
    (tmp / "a.npz").write_bytes((tmp / "sdss.npz").read_bytes())
    return "sdss_npz", [f"ingest.path={tmp}"]


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


@case.parametrize()
def test_bad_input(tmp_path: Path, sentence: str, slip: Slip) -> None:
    assert_refused(slip, sentence, tmp_path)

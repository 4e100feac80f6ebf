"""Slips with arrays, and arrays made to do harm: one sentence, and nothing is allocated or written."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.ingest.archives import ARRAY_FACTS, stamps, write_arrays
from tests.ingest.slips import Slip, Slips, assert_refused

case = Slips()


def plain(tmp: Path, *overrides: str, images: Any = None, facts: list[str] = ARRAY_FACTS) -> tuple[str, list[str]]:
    write_arrays(tmp, 6, 16)
    if images is not None:
        np.save(tmp / "images.npy", images)
    return "arrays", [f"ingest.path={tmp}/images.npy", f"ingest.catalogue={tmp}/cat.csv", *facts, *overrides]


@case(r"\(6, 3, 16, 16\) does not name its bands; name them in the array's order, e\.g\. ingest\.bands=\[g,r,i,z\]")
def no_bands(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, facts=ARRAY_FACTS[1:])


@case(r"does not say how large its pixels are; give ingest\.pixel_scale=0\.2 with the arcsec per pixel")
def no_pixel_scale(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, facts=[ARRAY_FACTS[0], ARRAY_FACTS[2]])


@case(r"AB zero points of bands g, r, z are unknown; give 'ingest\.zero_points=\{g: 27, r: 27, z: 27\}' with the AB")
def no_zero_points(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, facts=ARRAY_FACTS[:2])


@case(r"ingest\.catalogue is missing; give the table of the galaxies, one row per stamp in the same order")
def no_table(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, "ingest.catalogue=null")


@case(r"cat\.csv has 6 rows and .*images\.npy 5 stamps; they must be of the same galaxies .*ingest\.options\.ids=")
def table_of_other_length(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=stamps(5, 3, 16))


@case(r"\(6, 3, 16, 3\) has 3 bands in its second axis or in its last; say which: ingest\.layout=bands_first or ingest")
def layout_that_cannot_be_told(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=np.ones((6, 3, 16, 3)))


@case(r"\(6, 4, 16, 16\) does not have 3 bands as \(galaxies, bands, height, width\) or .*correct ingest\.bands")
def other_number_of_bands(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=stamps(6, 4, 16))


@case(r"\(6, 3, 16, 16\) does not have 3 bands as \(galaxies, height, width, bands\); correct ingest\.bands")
def layout_that_is_not_so(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, "ingest.layout=bands_last")


@case(r"images\.npy holds pickled Python objects, which are not read for safety")
def pickled_objects(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=np.array([{"a": 1}] * 6, dtype=object))


@case(r"images\.npy is complex128 \(6, 3, 16, 16\); numbers \(galaxies, bands, height, width\)")
def complex_pixels(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=stamps(6, 3, 16).astype(complex))


@case(r"images\.npy is no whole \.npy file .*copy it again")
def text_instead_of_an_array(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_text("404 Not Found")
    return out


@case(r"claims \(6, 3, 16, 16\) values of 4 bytes, and .*images\.npy ends before them; copy it again")
def cut_off(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_bytes((tmp / "images.npy").read_bytes()[:9000])
    return out


def header_of(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@case(r"claims \(1000000000000, 3, 64, 64\) values of 4 bytes, and .*ends before them")
def absurd_shape(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_bytes(header_of((10**12, 3, 64, 64)) + bytes(1000))
    return out


@case(r"claims \(4294967296, 4294967296, 64, 64\) values of 4 bytes")  # their product overflows 64 bits to 0
def shape_that_overflows(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_bytes(header_of((2**32, 2**32, 64, 64)) + bytes(1000))
    return out


@case(r"no whole \.npy file \(shape \(-6, 3, 16, 16\)\)")
def negative_shape(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_bytes(header_of((-6, 3, 16, 16)) + bytes(10_000))
    return out


@case(r"no whole \.npy file \(its header claims 4,000,000,000 bytes\)")
def endless_header(tmp: Path) -> tuple[str, list[str]]:
    out = plain(tmp)
    (tmp / "images.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000_000) + bytes(100))
    return out


@case(r"is float32 \(0, 3, 16, 16\); numbers \(galaxies")
def no_galaxies(tmp: Path) -> tuple[str, list[str]]:
    return plain(tmp, images=stamps(6, 3, 16)[:0])


def packed(tmp: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> tuple[str, list[str]]:
    write_arrays(tmp, 6, 16)
    with zipfile.ZipFile(tmp / "a.npz", "w", method) as archive:
        archive.writestr("image.npy", content)
    return "arrays", [f"ingest.path={tmp}/a.npz", f"ingest.catalogue={tmp}/cat.csv", *ARRAY_FACTS]


@case(r"member 'image' claims \(100000000, 3, 64, 64\) values of 4 bytes and has 12,\d+ bytes; copy it again")
def packed_array_larger_than_its_member(tmp: Path) -> tuple[str, list[str]]:
    return packed(tmp, header_of((10**8, 3, 64, 64)) + bytes(12_000))


@case(r"member 'image' claims 4,\d+,\d+,\d+ bytes in \d+ packed ones, which no compression reaches")
def packed_member_larger_than_can_be(tmp: Path) -> tuple[str, list[str]]:
    rows = (2**32 - 1000) // (3 * 64 * 64 * 4)  # the sizes of a small archive have 32 bits
    head = header_of((rows, 3, 64, 64))
    out = packed(tmp, head + bytes(12_000))
    nbytes = len(head) + rows * 3 * 64 * 64 * 4
    data = bytearray((tmp / "a.npz").read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<L", nbytes)
    (tmp / "a.npz").write_bytes(data)
    return out


@case(r"member 'image' has an unusual compression; save it with np\.savez")
def packed_otherwise(tmp: Path) -> tuple[str, list[str]]:
    return packed(tmp, header_of((6, 3, 16, 16)) + bytes(6 * 3 * 16 * 16 * 4), zipfile.ZIP_BZIP2)


@case(r"member 'image' is no complete array .*encrypted")
def encrypted(tmp: Path) -> tuple[str, list[str]]:
    out = packed(tmp, header_of((6, 3, 16, 16)) + bytes(6 * 3 * 16 * 16 * 4))
    data = bytearray((tmp / "a.npz").read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp / "a.npz").write_bytes(data)
    return out


@case(r"a value of column 'name' takes 40,000,000 bytes, which no catalogue needs|value takes 40,000,000 bytes")
def column_of_giant_texts(tmp: Path) -> tuple[str, list[str]]:
    with zipfile.ZipFile(tmp / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", header_of((2, 3, 16, 16)) + bytes(2 * 3 * 16 * 16 * 4))
        archive.writestr("name.npy", header_of((2,), "<U10000000") + bytes(80_000_000))
    return "arrays", [f"ingest.path={tmp}/a.npz", "ingest.columns.object_id=null", *ARRAY_FACTS]


@case(
    r"holds several arrays that can be stamps: a \(6, 3, 8, 8\), b \(6, 3, 8, 8\); choose one: ingest\.options\.images="
)
def two_arrays(tmp: Path) -> tuple[str, list[str]]:
    write_arrays(tmp, 6)
    np.savez(tmp / "a.npz", a=stamps(6, 3, 8), b=stamps(6, 3, 8))
    return "arrays", [f"ingest.path={tmp}/a.npz", f"ingest.catalogue={tmp}/cat.csv", *ARRAY_FACTS]


@case(r"does i_10\.npy come before i_2\.npy in the catalogue's rows\? number the files with leading zeros")
def order_of_files_that_cannot_be_told(tmp: Path) -> tuple[str, list[str]]:
    write_arrays(tmp, 12)
    (tmp / "i").mkdir()
    for name in ("i_2", "i_10"):
        np.save(tmp / "i" / f"{name}.npy", stamps(6, 3, 8))
    return "arrays", [f"ingest.path={tmp}/i", f"ingest.catalogue={tmp}/cat.csv", *ARRAY_FACTS]


@case(r"b\.npy has stamps of \(9, 9\) pixels and .*a\.npy of \(8, 8\); ingest apart, .*stamp_size=8")
def files_of_other_sizes(tmp: Path) -> tuple[str, list[str]]:
    write_arrays(tmp, 12)
    (tmp / "i").mkdir()
    np.save(tmp / "i" / "a.npy", stamps(6, 3, 8))
    np.save(tmp / "i" / "b.npy", stamps(6, 3, 9))
    return "arrays", [f"ingest.path={tmp}/i", f"ingest.catalogue={tmp}/cat.csv", *ARRAY_FACTS]


@case(r"id 'g1' of ingest\.options\.ids=name stands there twice; keep one stamp of each")
def ids_twice(tmp: Path) -> tuple[str, list[str]]:
    write_arrays(tmp, 6)
    np.savez(tmp / "a.npz", image=stamps(3, 3, 8), name=np.array(["g0", "g1", "g1"]))
    where = [f"ingest.path={tmp}/a.npz", f"ingest.catalogue={tmp}/cat.csv", "ingest.options.ids=name"]
    return "arrays", [*where, *ARRAY_FACTS]


@case(r"no id of .*a\.npz \(ingest\.options\.ids=name, the first is 'a'\) stands in the catalogue, whose first is 'g0'")
def ids_of_other_galaxies(tmp: Path) -> tuple[str, list[str]]:
    write_arrays(tmp, 6)
    np.savez(tmp / "a.npz", image=stamps(3, 3, 8), name=np.array(["a", "b", "c"]))
    where = [f"ingest.path={tmp}/a.npz", f"ingest.catalogue={tmp}/cat.csv", "ingest.options.ids=name"]
    return "arrays", [*where, *ARRAY_FACTS]


@case.parametrize()
def test_bad_input(tmp_path: Path, sentence: str, slip: Slip) -> None:
    assert_refused(slip, sentence, tmp_path)

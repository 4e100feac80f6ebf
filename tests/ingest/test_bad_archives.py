"""Slips with archives of other formats and with joined catalogues."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tests.ingest.archives import (
    lam_info,
    positions_table,
    stamps,
    write_galaxiesml,
    write_lam,
    write_mmu,
    write_redshifts,
)
from tests.ingest.slips import Slip, Slips, assert_refused, cube

case = Slips()


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


@case.parametrize()
def test_bad_input(tmp_path: Path, sentence: str, slip: Slip) -> None:
    assert_refused(slip, sentence, tmp_path)

"""Small archives in the exact layouts of ``formats.md``, and the settings of each reader's own YAML."""

from __future__ import annotations

import copy
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf, open_dict

from photoz_lit.fields import Field, conf_directory, parse_field
from photoz_lit.ingest.settings import IngestSettings


@cache
def _composed(reader: str, *groups: str) -> DictConfig:
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        return compose("config", [f"ingest={reader}", *groups])


def settings_of(reader: str, *overrides: str) -> tuple[IngestSettings, Field]:
    """Section ``ingest`` and the field as the command line composes them; composed once per reader, for speed."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    groups = [f"{o.key_or_group}={o.value()}" for o in parsed if "." not in o.key_or_group]
    composed = copy.deepcopy(_composed(reader, *groups))
    for override in parsed:
        key, _, name = override.key_or_group.rpartition(".")
        if override.is_delete():
            with open_dict(composed):
                del OmegaConf.select(composed, key)[name]
        elif key:
            exists = name in OmegaConf.select(composed, key)
            assert exists or override.is_add() or override.is_force_add(), f"{override.key_or_group} is unknown"
            with open_dict(composed):
                OmegaConf.update(composed, override.key_or_group, override.value(), merge=True, force_add=not exists)
    ingest, field = (OmegaConf.to_container(composed[name], resolve=True) for name in ("ingest", "field"))
    return IngestSettings.model_validate(ingest), parse_field(cast(dict[str, Any], field), "field")


def stamps(n: int, bands: int, size: int, seed: int = 0, sky: float = 0.05) -> NDArray[np.float32]:
    """Blobs on a noisy sky, (n, bands, size, size)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    profile = np.exp(-(x**2 + y**2) / 20.0)
    flux = random.uniform(0.5, 3.0, (n, bands, 1, 1))
    return (flux * profile + random.normal(0, sky, (n, bands, size, size))).astype(np.float32)


#: What a user must say of arrays.
ARRAY_FACTS = ["ingest.bands=[g,r,z]", "ingest.pixel_scale=0.262", "++ingest.zero_points={g: 22.5, r: 22.6, z: 22.7}"]


def write_arrays(folder: Path, n: int = 20, size: int = 64) -> NDArray[np.float32]:
    """``images.npy`` (n, 3, size, size) and ``cat.csv`` with one row per stamp."""
    images = stamps(n, 3, size)
    np.save(folder / "images.npy", images)
    rows = np.arange(n)
    columns = {"object_id": [f"g{k}" for k in rows], "ra": 150 + 0.01 * rows, "dec": 2.0, "z": 0.1 + 0.01 * rows}
    pd.DataFrame({**columns, "z_source": "spec", "mag_r": 20.0 + 0.1 * rows}).to_csv(folder / "cat.csv", index=False)
    return images


SDSS_LABELS = [
    ("specObjID", "S20"), ("ra", ">f8"), ("dec", ">f8"), ("z", ">f4"), ("zErr", "<f4"), ("EBV", "<f4"),
    ("zphot", "<f4"), ("primtarget", "<i4"),
    *[(f"dered_petro_{b}", "<f4") for b in "ugriz"], *[(f"petroMagErr_{b}", "<f4") for b in "ugriz"],
    *[(f"extinction_{b}", "<f4") for b in "ugriz"],
]  # fmt: skip


def sdss_labels(n: int, seed: int = 0) -> NDArray[Any]:
    """Record array like the public archive's, of mixed byte order."""
    random = np.random.default_rng(seed)
    labels = np.zeros(n, SDSS_LABELS)
    labels["specObjID"] = [str(299490502467184640 + 2048 * i) for i in range(n)]
    labels["ra"], labels["dec"] = 180.0 + 0.01 * (np.arange(n) % 1000), 10.0 + 0.01 * (np.arange(n) // 1000)
    labels["z"], labels["zErr"] = random.uniform(0.01, 0.35, n), 1e-4
    labels["EBV"], labels["zphot"] = random.uniform(0.01, 0.1, n), 0.1
    labels["primtarget"] = np.where(np.arange(n) % 5 == 4, 4, 64)
    for k, band in enumerate("ugriz"):
        labels[f"dered_petro_{band}"] = 19.0 - 0.4 * k + random.normal(0, 0.3, n)
        labels[f"petroMagErr_{band}"] = 0.02
        labels[f"extinction_{band}"] = 0.1 + 0.01 * k
    return labels


def write_sdss(path: Path, n: int = 20, size: int = 64, **replaced: Any) -> dict[str, NDArray[Any]]:
    """``sdss.npz`` with stored members ``cube`` and ``labels``."""
    cube = np.ascontiguousarray(np.moveaxis(stamps(n, 5, size), 1, -1))
    members = {"cube": cube, "labels": sdss_labels(n), **replaced}
    members = {name: value for name, value in members.items() if value is not None}
    np.savez(path, **members)
    return members


LAM_INFO = [
    ("ID", "<i8"), ("RA", "<f8"), ("DEC", "<f8"), ("EBV", "<f4"), ("SURVEY", "<U8"), ("ZSPEC", "<f4"),
    ("ZFLAG", "<f4"), ("ZPHOT", "<f4"), ("i", "<f4"), ("us", "<f4"), ("compact", "<i4"), ("obj_type", "<i4"),
    ("mask", "<i4"),
]  # fmt: skip


def lam_info(n: int, start: int = 0) -> NDArray[Any]:
    """Record array ``info`` of one LAM file; every third galaxy has no valid ZSPEC."""
    info = np.zeros(n, LAM_INFO)
    rows = np.arange(start, start + n)
    info["ID"], info["RA"], info["DEC"] = 4_000_000_000 + rows, 150.0 + 0.01 * rows, 2.0
    info["EBV"], info["SURVEY"] = 0.02, "COSMOS"
    info["ZSPEC"] = np.where(rows % 3 == 2, -99.0, 0.5 + 0.01 * rows)
    info["ZFLAG"] = np.where(rows % 3 == 2, -99.0, 3.5)
    info["ZPHOT"], info["i"], info["us"] = 0.7 + 0.01 * rows, 22.0, np.where(rows % 4 == 0, 99.99, 24.0)
    return info


def write_lam(folder: Path, counts: tuple[int, ...] = (7, 5), bands: int = 6, flag: bool = True) -> NDArray[np.float32]:
    """Several ``.npz`` files in a folder; returns all cubes, channel last."""
    folder.mkdir(exist_ok=True)
    cubes, start = [], 0
    for number, n in enumerate(counts):
        cube = np.ascontiguousarray(np.moveaxis(stamps(n, bands, 64, seed=number, sky=0.5) * 20, 1, -1))
        members: dict[str, Any] = {"cube": cube, "info": lam_info(n, start)}
        if flag:
            members["flag"] = (np.arange(n * bands).reshape(n, bands) % 11 == 10).astype(np.int16)
        np.savez(folder / f"cosmos_{number:02d}.npz", **members)
        cubes.append(cube)
        start += n
    return np.concatenate(cubes)


def write_galaxiesml(path: Path, n: int = 12, size: int = 64, **replaced: Any) -> NDArray[np.float32]:
    """HDF5 with ``image`` (N, 5, size, size), chunked, and flat columns."""
    images = stamps(n, 5, size)
    columns: dict[str, Any] = {
        "image": images,
        "object_id": 36407037760000000 + np.arange(n, dtype=np.int64),
        "specz_redshift": np.linspace(0.1, 2.0, n),
        "ra": 150 + 0.01 * np.arange(n),
        "dec": np.full(n, 2.0),
        **{f"{b}_cmodel_mag": np.full(n, 22.0 + k) for k, b in enumerate("grizy")},
        **{f"{b}_cmodel_magerr": np.full(n, 0.01) for b in "grizy"},
        **replaced,
    }
    with h5py.File(path, "w") as file:
        for name, value in columns.items():
            if value is not None:
                chunks = (1, *value.shape[1:]) if np.ndim(value) == 4 else None
                file.create_dataset(name, data=value, chunks=chunks, compression="gzip" if chunks else None)
    return images


def write_mmu(folder: Path, cells: Mapping[int, int] | None = None, size: int = 160) -> dict[int, NDArray[np.float32]]:
    """Files per HEALPix cell with images, inverse variances, masks, PSF widths and scales."""
    out, start = {}, 0
    for cell, n in (cells or {1130: 4, 1174: 3}).items():
        place = folder / "hsc" / f"healpix={cell}"
        place.mkdir(parents=True)
        images = stamps(n, 5, size, seed=cell)
        names = np.array([b"hsc-g", b"hsc-r", b"hsc-i", b"hsc-z", b"hsc-y"], "S5")
        ids = np.array([str(start + i).encode() for i in range(n)], "S17")
        with h5py.File(place / "001-of-001.hdf5", "w") as file:
            file["image_band"] = np.tile(names, (n, 1))
            file.create_dataset("image_array", data=images, chunks=(1, 5, size, size))
            ivar = np.ones_like(images)
            ivar[0, 1, size // 2, size // 2] = 0.0
            file.create_dataset("image_ivar", data=ivar, chunks=(1, 5, size, size))
            file["image_mask"] = np.zeros(images.shape, bool)
            file["image_psf_fwhm"] = np.full((n, 5), 0.7, np.float32)
            file["image_scale"] = np.full((n, 5), 0.168, np.float32)
            file["object_id"] = ids
            file["ra"], file["dec"] = 150 + 0.01 * (start + np.arange(n)), np.full(n, 2.0)
            for k, band in enumerate("grizy"):
                file[f"{band}_cmodel_mag"] = np.full(n, 22.0 + k, np.float32)
        out[cell], start = images, start + n
    return out


def write_mmu_hats(
    folder: Path, cells: Mapping[int, int], size: int = 64, last_band: str = "hsc-y"
) -> dict[int, NDArray[np.float32]]:
    """A HATS catalogue with the columns of UniverseTBD/mmu_hsc_pdr3_dud_22.5, a partition per cell of order 4."""
    out, start = {}, 0
    (folder / "dataset").mkdir(parents=True)
    (folder / "hats.properties").write_text("obs_collection = mmu\ndataproduct_type = object\n")
    for cell, n in sorted(cells.items()):
        images = stamps(n, 5, size, seed=cell)
        ivar = np.ones_like(images)
        ivar[0, 1, size // 2, size // 2] = 0.0
        names = ["hsc-g", "hsc-r", "hsc-i", "hsc-z", last_band]
        parts = {
            "band": [names] * n, "flux": images.tolist(), "ivar": ivar.tolist(),
            "mask": np.ones(images.shape, bool).tolist(), "psf_fwhm": [[0.7] * 5] * n, "scale": [[0.168] * 5] * n,
        }  # fmt: skip
        nested = pa.StructArray.from_arrays([pa.array(one) for one in parts.values()], list(parts))
        number = start + np.arange(n)
        table = pa.table(
            {
                "_healpix_29": number,
                "image": nested,
                **{f"{band}_cmodel_mag": np.full(n, 22.0 + k, np.float32) for k, band in enumerate("grizy")},
                "ra": 150 + 0.01 * number,
                "dec": np.full(n, 2.0),
                "object_id": [str(one) for one in number],
            }
        )
        place = folder / "dataset" / "Norder=4" / "Dir=0"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, place / f"Npix={cell}.parquet", row_group_size=3)
        out[cell], start = images, start + n
    return out


def write_redshifts(path: Path, ids: list[str]) -> None:
    """The crossmatched DESI file of the Multimodal Universe."""
    with h5py.File(path, "w") as file:
        file["object_id"] = np.array([name.encode() for name in ids])
        file["Z"], file["ZERR"] = np.linspace(0.2, 0.8, len(ids)), np.full(len(ids), 1e-4)
        file["ZWARN"] = np.zeros(len(ids), np.int64)


def positions_table(path: Path, ra: NDArray[Any], dec: NDArray[Any], **columns: Any) -> Path:
    """CSV catalogue with positions."""
    table = pd.DataFrame({"object_id": [f"g{i}" for i in range(len(ra))], "ra": ra, "dec": dec, **columns})
    table.to_csv(path, index=False)
    return path


def write_sparse_sdss(path: Path, n: int, size: int = 64) -> None:
    """``sdss.npz`` of n galaxies whose cube is a hole in the file: stored members, ZIP64, nothing on the disk.

    The members' CRC is not that of the data; a reader that maps members in place does not look at it.
    """
    labels = sdss_labels(n)
    with path.open("wb") as file:
        entries = []
        for name, array, length in (("labels.npy", labels, labels.nbytes), ("cube.npy", None, n * size * size * 5 * 4)):
            offset = file.tell()
            header = np.lib.format.header_data_from_array_1_0(np.zeros(0, labels.dtype if array is not None else "<f4"))
            header["shape"] = (n,) if array is not None else (n, size, size, 5)
            position_of_sizes = offset + 30 + len(name) + 4
            _local_header(file, name)
            data_start = file.tell()
            np.lib.format.write_array_header_1_0(file, header)
            if array is not None:
                file.write(array.tobytes())
            else:
                file.truncate(file.tell() + length)
                file.seek(0, 2)
            total = file.tell() - data_start
            end = file.tell()
            file.seek(position_of_sizes)
            file.write(struct.pack("<QQ", total, total))
            file.seek(end)
            entries.append((name, offset, total))
        _central_directory(file, entries)


def _local_header(file: Any, name: str) -> None:
    """Local file header with a ZIP64 field whose sizes are filled in later."""
    file.write(struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", 45, 0, 0, 0, 33, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20))
    file.write(name.encode())
    file.write(struct.pack("<HHQQ", 1, 16, 0, 0))


def _central_directory(file: Any, entries: list[tuple[str, int, int]]) -> None:
    start = file.tell()
    for name, offset, total in entries:
        extra = struct.pack("<HHQQQ", 1, 24, total, total, offset)
        file.write(
            struct.pack(
                "<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", 45, 45, 0, 0, 0, 33, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name),
                len(extra), 0, 0, 0, 0, 0xFFFFFFFF,
            )
        )  # fmt: skip
        file.write(name.encode() + extra)
    size, n = file.tell() - start, len(entries)
    end64 = file.tell()
    file.write(struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, n, n, size, start))
    file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end64, 1))
    file.write(struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, n, n, 0xFFFFFFFF, 0xFFFFFFFF, 0))

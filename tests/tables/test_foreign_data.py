"""No table and no archive brings in the bytes of another file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.hdf5 import dataset_shapes
from photoz_lit.tables.reading import read_table

SECRET = b"0123456789abcdef" * 8


def external_storage(file: h5py.File, other: Path) -> None:
    file.create_dataset("ra", (16,), "f8", external=[(str(other / "secret"), 0, h5py.h5f.UNLIMITED)])


def external_link(file: h5py.File, other: Path) -> None:
    file["ra"] = h5py.ExternalLink(str(other / "other.h5"), "/ra")


def soft_link_over_an_external_one(file: h5py.File, other: Path) -> None:
    file["elsewhere"] = h5py.ExternalLink(str(other / "other.h5"), "/")
    file["ra"] = h5py.SoftLink("/elsewhere/ra")


def virtual(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((16,), "f8")
    layout[:] = h5py.VirtualSource(str(other / "other.h5"), "ra", (16,))
    file.create_virtual_dataset("ra", layout)


def deep_in_a_group(file: h5py.File, other: Path) -> None:
    external_storage(file.create_group("a/b"), other)


@pytest.mark.parametrize(
    "plant", [external_storage, external_link, soft_link_over_an_external_one, virtual, deep_in_a_group]
)
@pytest.mark.parametrize("read", [read_table, dataset_shapes])
def test_hdf5(tmp_path: Path, plant: Callable[[h5py.File, Path], None], read: Callable[[Path], object]) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["ra"] = np.arange(16.0)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["dec"] = np.zeros(16)
        plant(file, tmp_path)
    with pytest.raises(InputError, match=r"t\.h5: '/.*' is .* not followed for safety; write all data into one file"):
        read(tmp_path / "t.h5")


def test_links_within_the_file_are_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["ra"] = np.arange(3.0)
        file["alias"] = h5py.SoftLink("/ra")
        file["nothing"] = h5py.SoftLink("/not/there")
        file["itself"] = h5py.SoftLink("/")
        file["loop"] = file["/"]
    assert read_table(tmp_path / "t.h5")["alias"].to_list() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("address", ["file:///etc/hostname", "http://127.0.0.1:9/x"])
@pytest.mark.parametrize("element", ["STREAM", "v:STREAM"])
def test_votable(tmp_path: Path, address: str, element: str) -> None:
    (tmp_path / "t.xml").write_text(
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        '<FIELD name="a" datatype="char" arraysize="4"/><DATA><BINARY>'
        f'<{element} href="{address}"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
    )
    with pytest.raises(InputError, match="takes its data from another file or server"):
        read_table(tmp_path / "t.xml")

"""Text tables as archives, tools and spreadsheets write them; ids, whole numbers and missing values exactly."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.mapping import map_columns
from photoz_lit.errors import InputError
from photoz_lit.tables.reading import read_table, table_columns

ROW = "1237648720693755918,146.714,-1.04,0.0212,17.2"
HEAD = "objid,ra,dec,z,mag_r"
TABLE = f"{HEAD}\n{ROW}\n"
TABS = ROW.replace(",", "\t")
VIZIER = f"#RESOURCE=x\n#Name: J/x\n\nobjid\tra\tdec\tz\tmag_r\n \tdeg\tdeg\t \tmag\n---\t---\t---\t---\t---\n{TABS}\n"
IPAC = """\\ a note
|objid              |ra     |dec  |z     |mag_r |
|char               |double |real |double|double|
 1237648720693755918 146.714 -1.04 0.0212 17.2
"""
SEXTRACTOR = "# 1 objid Number\n# 2 ra RA [deg]\n# 3 dec\n# 4 z\n# 5 mag_r M [mag]\n" + ROW.replace(",", " ")
ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: id, datatype: string}
# - {name: f, unit: uJy, datatype: float64}
id f
0012 15.0
"""
SPELLINGS = ("", "--", "---", "nan", "NaN", "null", "NULL", "None", "N/A", "n/a", "NA", "masked", "\\N", "<NA>", "inf")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", TABLE),
        ("skyserver.csv", "#Table1\n" + TABLE),
        ("comments.csv", "# made by a table tool\n# second line\n" + TABLE),
        ("comments_inside.csv", TABLE.replace("\n1", "\n# a note\n1") + "#END#\n"),
        ("empty_lines.csv", "\n\n" + TABLE.replace("\n", "\n\n")),
        ("bom.csv", "\ufeff" + TABLE),
        ("dos.csv", TABLE.replace("\n", "\r\n")),
        ("quoted.csv", '"objid","ra","dec","z","mag_r"\n"1237648720693755918","146.714","-1.04","0.0212","17.2"\n'),
        ("semicolon.csv", TABLE.replace(",", ";")),
        ("decimal_comma.csv", TABLE.replace(",", ";").replace(".", ",")),
        ("semicolon.txt", TABLE.replace(",", "; ")),
        ("tabs.csv", TABLE.replace(",", "\t")),
        ("pipes.txt", TABLE.replace(",", " | ")),
        ("spaces.dat", TABLE.replace(",", "   ")),
        ("commented_header.dat", "# " + TABLE.replace(",", " ")),
        ("commented_header.csv", "# made today, by hand\n# " + TABLE),
        ("hash_header.csv", "#" + TABLE),
        ("commas.tsv", TABLE),
        ("vizier.tsv", VIZIER),
        ("vizier_without_units.tsv", VIZIER.replace(" \tdeg\tdeg\t \tmag\n", "")),
        ("sextractor.cat", SEXTRACTOR),
        ("ipac.tbl", IPAC),
    ],
)  # fmt: skip
def test_every_kind_gives_the_same_row(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    table = read_table(path)
    assert list(table.columns) == table_columns(path) == HEAD.split(",")
    assert str(table["objid"][0]) == "1237648720693755918"
    np.testing.assert_allclose(table[["ra", "dec", "z", "mag_r"]].astype(float), [[146.714, -1.04, 0.0212, 17.2]])
    assert read_table(path, ["z"])["z"].to_list() == [0.0212]
    if name == "vizier.tsv":
        assert table.attrs["units"] == {"ra": "deg", "dec": "deg", "mag_r": "mag"}


@pytest.mark.parametrize(
    ("suffix", "pack"), [("csv.gz", gzip.compress), ("csv.bz2", bz2.compress), ("csv", gzip.compress)]
)
def test_packed(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / f"t.{suffix}").write_bytes(pack(TABLE.encode()))
    assert read_table(tmp_path / f"t.{suffix}")["z"].to_list() == [0.0212]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("objid,survey\n1,Ñandú\n".encode(encoding))
    assert read_table(tmp_path / "t.csv")["survey"].to_list() == ["Ñandú"]


def test_ecsv_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ECSV)
    table = read_table(tmp_path / "t.csv")
    assert table["id"].to_list() == ["0012"]
    assert map_columns(table, {"mag_r": "f"})["mag_r"][0] == pytest.approx(23.9 - 2.5 * np.log10(15), abs=1e-4)


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        (["000123", "0045"], ["000123", "0045"]),
        (["1237648720693755918", "--"], ["1237648720693755918", ""]),
        (["1237648720693755918", "1"], ["1237648720693755918", "1"]),
        (["18446744073709551615", "1"], ["18446744073709551615", "1"]),
        (["123456789012345678901234567890", "1"], ["123456789012345678901234567890", "1"]),
        (["7", "null"], ["7", ""]),
        (["-5", "12"], ["-5", "12"]),
        (["SDSS J0946", "N/A"], ["SDSS J0946", ""]),
        (["a,b", "c"], ["a,b", "c"]),
    ],
)
def test_ids_are_as_written(tmp_path: Path, texts: list[str], ids: list[str]) -> None:
    (tmp_path / "t.csv").write_text("objid,z\n" + "".join(f'"{text}",0.1\n' for text in texts))
    assert map_columns(read_table(tmp_path / "t.csv"), {"object_id": "objid"})["object_id"].to_list() == ids


def test_every_spelling_of_no_value(tmp_path: Path) -> None:
    rows = "".join(f"{text},{text}\n" for text in SPELLINGS)
    (tmp_path / "t.csv").write_text(f"z,name\n0.5,a\n{rows}1.5D-01,b\n")
    mapped = map_columns(read_table(tmp_path / "t.csv"), {"z": "z", "z_source": "name"})
    np.testing.assert_allclose(mapped["z"], [0.5, *[np.nan] * len(SPELLINGS), 0.15])
    assert mapped["z_source"].to_list() == ["a", *[""] * (len(SPELLINGS) - 1), "inf", "b"]


def test_truth_values_and_empty_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("clean,nothing,z\nTrue,,1\nFalse,,2\n")
    table = read_table(tmp_path / "t.csv")
    assert table["clean"].to_list() == [True, False]
    assert table["nothing"].isna().all()
    assert table["z"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1,2.5,0.3\n2,2.6,0.4\n", "no line with the names of its columns .it begins with '1,2.5,0.3'"),
        ("a,b\n1,2,3\n", "names 2 columns and has 3 values a row"),
        ("a,b\n1,2\n1,2,3\n", "cannot be read: line 3 has more values than the 2 columns"),
        ("a,b,a\n1,2,3\n", "two columns 'a'; rename one"),
        ("#Table1\na,b\n1,2\n#Table2\nc,d,e\n3,4,5\n", "several tables below each other .line 4: '#Table2'"),
        ("# id,ra\n", "has no rows"),
        ("id,ra\n", "has no rows"),
        ("", "cannot be read: it is empty"),
        ("id,ra\n\0\0\0", "is no text"),
    ],
)
def test_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_table(tmp_path / "t.csv")


def test_a_trailing_separator_is_no_column_shift(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,ra\n5,2.5,\n6,3.5,\n")
    table = read_table(tmp_path / "t.csv", ["id", "ra"])
    assert table["id"].to_list() == [5, 6]
    assert table["ra"].to_list() == [2.5, 3.5]

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from photoz_lit.errors import InputError
from photoz_lit.evaluation.report.gallery import choose_for_gallery, read_gallery, write_gallery
from photoz_lit.evaluation.report.pdf_drawing import HEIGHT, WIDTH, pdf_drawing
from photoz_lit.fields import load_field
from tests.evaluation.mixtures import gaussian_pdfs, make_run

FIELD = load_field("hsc6b")


def table_of(z_phot: list[float], crps: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"z": np.zeros(len(z_phot)), "z_phot": z_phot, "crps": crps})


def test_best_worst_and_other_outliers_without_a_galaxy_twice() -> None:
    table = table_of([0.0, 0.01, 0.5, 0.2, 0.3, 0.02], [0.01, 0.02, 0.5, 0.15, 0.2, 0.03])
    chosen = choose_for_gallery(table, 0.15, each=1)
    assert {kind: rows.tolist() for kind, rows in chosen.items()} in (
        {"best": [0], "worst": [2], "outlying": [3]},
        {"best": [0], "worst": [2], "outlying": [4]},
    )
    rows = np.concatenate(list(choose_for_gallery(table, 0.15, each=6).values()))
    assert len(set(rows)) == len(rows)


def test_galaxies_without_a_label_are_not_chosen() -> None:
    table = table_of([0.1] * 4, [0.1] * 4)
    table.loc[1:2, ["z", "crps"]] = np.nan
    assert set(np.concatenate(list(choose_for_gallery(table, 0.15).values()))) == {0, 3}
    assert not any(map(len, choose_for_gallery(table.assign(z=np.nan, crps=np.nan), 0.15).values()))


def test_stamps_and_pdfs_come_back_as_they_were(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "hsc6b_baseline", 0, n=60)
    table = pd.read_parquet(run / "predictions.parquet")
    pdf, _ = gaussian_pdfs(60, 0, 0.03, FIELD.z_edges)
    y, x = np.mgrid[:16, :16]

    def stamps(rows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(100.0 * (x > 12) * (y > 12), (len(rows), 6, 16, 16))

    write_gallery(run, table, pdf, FIELD, stamps, FIELD.band_names)
    groups = read_gallery(run)
    assert [group["kind"] for group in groups][:2] == ["best", "worst"]
    best = groups[0]["galaxies"][0]
    score = table["crps"] / (1 + table["z"])
    assert best["object_id"] == table.loc[score.idxmin(), "object_id"]
    assert best["captions"][0].startswith(f"z_phot {best['z_phot']:.3f} (")
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(best["stamps"]["optical"]))))
    assert image.shape == (16, 16, 3)
    assert image[0, -1].sum() > image[-1, -1].sum()  # the sky's upper right is the picture's


def test_a_drawing_has_its_peak_and_lines_where_they_are() -> None:
    text = pdf_drawing([0.0, 4.0, 0.0, 0.0], [0.0, 0.25, 0.5, 0.75, 1.0], 0.375, 0.8)
    points = [tuple(map(float, one.split(","))) for one in re.findall(r"[\d.]+,[\d.]+", text)]
    high = min(y for _, y in points)
    assert {x for x, y in points if y == high} == {WIDTH / 4, WIDTH / 2}
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert f'class="estimate" x1="{0.375 * WIDTH:.1f}"' in text
    assert f'class="label" x1="{0.8 * WIDTH:.1f}"' in text
    assert 'class="label"' not in pdf_drawing([1.0], [0.0, 1.0], 0.5, 3.0)


def test_a_file_that_is_no_gallery_is_refused(tmp_path: Path) -> None:
    assert read_gallery(tmp_path) == []
    for content in ({}, {"groups": [{"kind": "best", "galaxies": [{"density": "<script>", "edges": [0, 1]}]}]}):
        (tmp_path / "gallery.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match="is no gallery"):
            read_gallery(tmp_path)

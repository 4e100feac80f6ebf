"""Recalibrations of a run's folds are kept bit by bit."""

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.pit import PitCalibration, fit_pit_calibration
from tests.evaluation.calibration.test_pit import EDGES, drawn


def test_they_are_written_and_read_again(tmp_path: Path) -> None:
    pdf, z, _ = drawn(600, 12, too_wide=1.5)
    made = FoldCalibrations({0: fit_pit_calibration(pdf, EDGES, z), 3: PitCalibration.identity()}, {0: 600, 3: 7})
    made.write(tmp_path / "calibration.json")
    read = FoldCalibrations.read(tmp_path / "calibration.json")
    assert read.galaxies == {0: 600, 3: 7}
    for fold in (0, 3):
        for name in ("power", "knots", "weights"):
            np.testing.assert_array_equal(getattr(read.of_fold[fold], name), getattr(made.of_fold[fold], name))
    np.testing.assert_array_equal(read.apply(pdf, EDGES, 0), made.apply(pdf, EDGES, 0))
    assert not np.array_equal(read.apply(pdf, EDGES, 0), pdf)
    np.testing.assert_array_equal(read.apply(pdf, EDGES, 3), pdf)
    read.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "calibration.json").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"folds": {"0": {"galaxies": 5, "power": [0, 0], "knots": [0.1], "weights": [[0.2, 0.2]]}}}',
        '{"folds": {"0": {"galaxies": 5, "power": [0, 0], "knots": [0.1]}}}',
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(InputError, match=r"calibration\.json cannot be read"):
        FoldCalibrations.read(tmp_path / "calibration.json")


def test_a_run_without_any_keeps_its_pdfs() -> None:
    pdf, _, _ = drawn(5, 1)
    assert FoldCalibrations().apply(pdf, EDGES, 0) is pdf

"""Test galaxies of a study's jobs, as they are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.studies.galaxies import CRPS_BITS, JobGalaxies, rounded, write_jobs


def test_redshifts_are_kept_to_the_bit_and_scores_to_four_digits(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numbers = random.lognormal(-3, 2, (2, 2000)).astype(np.float32)
    numbers[:, 0] = [0, np.nan]
    table = pd.DataFrame(
        {"object_id": np.arange(2000).astype(str), "z": random.uniform(0, 2, 2000), "z_source": "spec"}
    )
    table = table.assign(z_phot=numbers[0], crps=numbers[1])
    write_jobs(tmp_path, {"a": table})
    read = JobGalaxies(tmp_path, "a").read()
    np.testing.assert_array_equal(read["z_phot"], numbers[0])
    np.testing.assert_allclose(read["crps"], numbers[1], rtol=2.0 ** -(CRPS_BITS + 1))
    assert abs(np.nanmean(read["crps"]) / np.nanmean(numbers[1]) - 1) < 1e-5
    again = tmp_path / "again"
    again.mkdir()
    write_jobs(again, {"a": read})
    np.testing.assert_array_equal(JobGalaxies(again, "a").read()["crps"], read["crps"])


def test_rounding_is_that_of_whole_numbers() -> None:
    values = np.array([1 + 2.0**-5, 1 + 2.0**-4, -3.3, 0.0, np.inf], np.float32)
    np.testing.assert_array_equal(rounded(values, 4), np.float32([1.0, 1.0625, -3.25, 0.0, np.inf]))

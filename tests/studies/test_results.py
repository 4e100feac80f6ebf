"""Results of a study on disk: one file of test galaxies, exact; older layouts are read and become this one."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.files import locked
from photoz_lit.studies.galaxies import (
    CRPS_BITS,
    NAME,
    JobGalaxies,
    jobs_kept,
    labelled,
    rounded,
    write_galaxies,
    write_jobs,
)
from photoz_lit.studies.results import StudyResults, read_results


def galaxies(field: str, job: int, n: int = 40) -> pd.DataFrame:
    labels, random = np.random.default_rng(0), np.random.default_rng(job)
    table = pd.DataFrame({"object_id": [f"{field}-0-{k:08d}" for k in range(n)], "z": labels.uniform(0, 3, n)})
    table["z_phot"] = table["z"] + random.normal(0, 0.1, n)
    table["crps"] = rounded(random.uniform(0, 1, n).astype(np.float32), CRPS_BITS)  # as they are kept
    table["z_source"] = labels.choice(["spec", "grism"], n)
    return labelled(table)


def test_numbers_come_back_bit_by_bit_and_shared_galaxies_stand_once(tmp_path: Path) -> None:
    jobs = {f"{field}_depth-0.5_seed{seed}": galaxies(field, seed) for field in ("sdss", "hsc9b") for seed in range(3)}
    jobs["no_crps"] = galaxies("sdss", 9).drop(columns="crps")
    jobs["not_finite"] = galaxies("sdss", 10).assign(z_phot=np.float32(np.nan))
    jobs["another_order"] = galaxies("sdss", 11).iloc[::-1].reset_index(drop=True)
    write_jobs(tmp_path, jobs)
    assert jobs_kept(tmp_path) == set(jobs)
    for job, table in jobs.items():
        pd.testing.assert_frame_equal(JobGalaxies(tmp_path, job).read(), table, check_exact=True)
    assert len(pd.read_parquet(tmp_path / NAME)) == 3 * 40


def row(job: str) -> dict[str, object]:
    return {"method": "a", "field": "sdss", "seed": 0, "galaxies": job}


def test_settings_of_several_jobs_are_written_once_and_read_back_whole(tmp_path: Path) -> None:
    first = {"a": 1, "b": [1, 2], "only": None}
    second = {"a": 1, "b": [1, 3], "c": {}}
    results = StudyResults(tmp_path, rows=[row("x"), row("y")])
    for job, made in (("x", first), ("y", second), ("gone", {"a": 3})):
        results.add(row(job), made, galaxies("sdss", 0))
    results.write()
    parts = json.loads((tmp_path / "results.json").read_text())["made_with"]
    assert {"jobs": ["x", "y"], "settings": {"a": 1}} in parts
    again = StudyResults.read(tmp_path)
    assert again.made_with == {"x": first, "y": second}
    again.rows = [row("y")]
    again.write()
    assert StudyResults.read(tmp_path).made_with == {"y": second}
    assert jobs_kept(tmp_path) == {"y"}


def older_study(folder: Path) -> None:
    """As studies were kept before: a file of galaxies per job, and ``made_with.json``."""
    for job in ("x", "y"):
        write_galaxies(galaxies("sdss", ord(job)), folder / "galaxies" / f"{job}.parquet")
    rows = [row(f"galaxies/{job}.parquet") for job in ("x", "y")]
    (folder / "results.json").write_text(json.dumps({"command": "c", "rows": rows}))
    own = {f"galaxies/{job}.parquet": {"seed": n} for n, job in enumerate(("x", "y"))}
    (folder / "made_with.json").write_text(json.dumps({"common": {"a": 1}, "own": own}))


def test_a_study_of_the_older_layout_is_read_and_becomes_the_new_one(tmp_path: Path) -> None:
    older_study(tmp_path)
    results = StudyResults.read(tmp_path)
    before = JobGalaxies(tmp_path, "y").read()
    assert results.rows == [row("x"), row("y")] == read_results(tmp_path / "results.json")["rows"]
    results.add(row("z"), {"a": 2}, galaxies("sdss", 5))
    results.rows.append(row("z"))
    results.write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", NAME]
    again = StudyResults.read(tmp_path)
    assert again.made_with == {"x": {"a": 1, "seed": 0}, "y": {"a": 1, "seed": 1}, "z": {"a": 2}}
    assert (again.about, again.rows) == ({"command": "c"}, [row("x"), row("y"), row("z")])
    pd.testing.assert_frame_equal(JobGalaxies(tmp_path, "y").read(), before, check_exact=True)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    older_study(tmp_path)
    (tmp_path / "made_with.json").write_text('{"common": ')
    with pytest.raises(InputError, match=r"made_with.json cannot be read .* remove it"):
        StudyResults.read(tmp_path)
    (tmp_path / NAME).write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"test_galaxies\.parquet cannot be read"):
        JobGalaxies(tmp_path, "x").read()


def sitting(folder: Path, number: int) -> None:
    for k in range(4):
        with locked(folder / ".lock"):
            results = StudyResults.read(folder)
            job = f"sitting{number}_{k}"
            results.add(row(job), {"k": k}, galaxies("sdss", 10 * number + k))
            results.rows.append(row(job))
            results.write()


def test_two_sittings_that_gather_at_once_keep_each_others_jobs(tmp_path: Path) -> None:
    fresh = multiprocessing.get_context("spawn")
    processes = [fresh.Process(target=sitting, args=(tmp_path, number)) for number in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    jobs = {f"sitting{number}_{k}" for number in (1, 2) for k in range(4)}
    results = StudyResults.read(tmp_path)
    assert {row["galaxies"] for row in results.rows} == set(results.made_with) == jobs_kept(tmp_path) == jobs
    pd.testing.assert_frame_equal(JobGalaxies(tmp_path, "sitting2_3").read(), galaxies("sdss", 23), check_exact=True)

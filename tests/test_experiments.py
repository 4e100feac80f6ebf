"""Every experiment is composed as the command line composes it, and run for two steps on a tiny simulated field."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.train import train
from tests.composed import composed

EXPERIMENTS = sorted(p.stem for p in (conf_directory() / "experiment").glob("*.yaml"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def zcosmos_like(path: Path, n: int = 60) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"id_zcosmos": np.arange(n) + 700000, "zpec": random.uniform(0.1, 1.2, n), "cc": 4.5})
    table["alpha"], table["delta"] = 150 + 0.01 * np.arange(n), 2.0
    for k, band in enumerate("ugrizjk"):
        table[f"{band}_photzi25"], table[f"e{band}_photzi25"] = 23.0 - 0.3 * k, 0.05
    with gzip.open(path, "wt") as file:
        table.to_csv(file, index=False)
    return path


def sdss_like(path: Path, n: int = 60) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"id": 1, "ra": 180 + 0.01 * np.arange(n), "dec": 30.0})
    table["redshift"] = random.uniform(0.02, 0.2, n)
    for k, band in enumerate("ugriz"):
        table[f"mag_{band}"] = 18.5 - 0.6 * k
    table[["deVRad_r", "expRad_r"]] = 3.0
    table[["deVAB_r", "expAB_r"]] = 0.7
    with gzip.open(path, "wt") as file:
        table.to_csv(file, index=False)
    return path


#: One experiment of each kind; the others differ in bands and fields alone.
KINDS = (
    "sdss_baseline",
    "hsc9b_early_fusion",
    "hsc9b_hybrid",
    "hsc9b_hybrid_measured",
    "xmm_ud_adapt",
    "zcosmos_multimodal",
)
CATALOGUES = {"zcosmos": zcosmos_like, "sdss_gz": sdss_like}


@pytest.mark.parametrize(
    "experiment", [pytest.param(one, marks=() if one in KINDS else pytest.mark.long) for one in EXPERIMENTS]
)
def test_experiment_runs_two_steps(experiment: str, cache: Path, tmp_path: Path) -> None:
    overrides = [f"+experiment={experiment}", f"data.cache={cache}", f"paths.runs={tmp_path}", "trainer.max_steps=2"]
    for name, make in CATALOGUES.items():
        if experiment.startswith(name):
            overrides.append(f"simulation.catalogue={make(tmp_path / f'{name}.csv.gz')}")
            break
    else:
        overrides.append("simulation.n_galaxies=80")
    config = composed(*overrides, "simulation.processes=1", "simulation.neighbours=0")
    folder = train(config)
    metrics = RunFolder(folder.path).read_json("metrics.json")
    assert folder.path.parent.name == experiment
    assert metrics["data"] == ("simulated_from_catalogue" if experiment.startswith(tuple(CATALOGUES)) else "simulated")
    assert metrics["n_test"] > 0
    assert np.isfinite(metrics["sigma_mad"])

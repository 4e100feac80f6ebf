"""Predicting, and training on a store, need no extra; what needs one ends with a sentence that names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photoz_lit import api
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.extras import EXTRAS, extra_of, require_extra
from photoz_lit.faults import sentence_of
from photoz_lit.imaging.photometry import circle
from photoz_lit.labels.settings import SomSettings
from photoz_lit.labels.som_training import train_minisom
from photoz_lit.simulation.filters import filter_curve
from photoz_lit.simulation.spectra import spectral_basis
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(package for packages in EXTRAS.values() for package in packages)
BLOCKED = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules.update(dict.fromkeys({PACKAGES}));"
COMMAND = BLOCKED + "from photoz_lit.__main__ import main; main()"
TINY = ("scale=demo", "scale.width=0.04", "trainer=cpu", "trainer.max_epochs=1", "trainer.progress=false")
PREDICT = """
import numpy as np
from photoz_lit.api import load
from photoz_lit.data.store import open_store

store = open_store("store")
for name in ("network", "forest"):
    (run,) = (path.parent for path in __import__("pathlib").Path(name).glob("*/*/metrics.json"))
    pdfs = load(run, device="cpu").predict(store.images, bands=store.header.bands, catalogue=store.catalogue)
    np.save(f"{name}.npy", pdfs.pdf)
    assert pdfs.to_qp().npdf == len(store)
"""


def called(folder: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=120)


def test_training_and_predicting_need_no_extra(store: CutoutStore) -> None:
    folder = store.path.parent
    done = called(folder, COMMAND, "field=hsc6b", "data.store=store", "paths.runs=network", "network=plain", *TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    forest = ("network=catalogue_forest", "network.trees=10", "field=hsc6b")
    train(composed(*forest, f"data.store={store.path}", f"paths.runs={folder / 'forest'}"))
    done = called(folder, BLOCKED + PREDICT)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("network", "forest"):
        (run,) = (path.parent for path in (folder / name).glob("*/*/metrics.json"))
        pdfs = api.load(run, device="cpu").predict(store.images, bands=store.header.bands, catalogue=store.catalogue)
        np.testing.assert_allclose(np.load(folder / f"{name}.npy"), pdfs.pdf, atol=1e-6)


def test_a_missing_extra_ends_with_one_sentence(store: CutoutStore) -> None:
    made = store.path.with_name("made")
    done = called(store.path.parent, COMMAND, "task=simulate", "field=sdss", "simulation.n_galaxies=9", "store=made")
    assert done.returncode == 2, done.stdout + done.stderr
    needed = "a simulation needs galsim, sedpy, skypy and speclite; pip install 'photoz-lit[sim]'."
    assert done.stderr.splitlines() == [f"photoz_lit: {needed}"]
    assert not made.exists()
    assert not made.with_name("made.partial").exists()


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("photometry_forest", r"needs photutils; pip install 'photoz-lit\[photometry\]'"),
        ("template_fit", r"needs galsim, sedpy, skypy and speclite; pip install 'photoz-lit\[sim\]'"),
    ],
)
def test_an_estimator_is_refused_before_its_run_folder_is_made(
    network: str, sentence: str, store: CutoutStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"network={network} {sentence}"):
        train(composed(f"network={network}", "field=hsc6b", f"data.store={store.path}", f"paths.runs={tmp_path / 'r'}"))
    assert not (tmp_path / "r").exists()


def test_functions_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    spectral_basis.cache_clear()
    with pytest.raises(InputError, match=r"the library of spectra needs galsim and skypy; .*\[sim\]"):
        spectral_basis()
    with pytest.raises(InputError, match=r"filter 'speclite:sdss2010-r' needs speclite; .*\[sim\]"):
        filter_curve("speclite:sdss2010-r")
    with pytest.raises(InputError, match=r"filter 'sedpy:vista_vircam_J' needs sedpy; .*\[sim\]"):
        filter_curve("sedpy:vista_vircam_J")
    with pytest.raises(InputError, match=r"photometry on stamps needs photutils; .*\[photometry\]"):
        circle(2.0, 8)
    start = np.zeros((2, 2, 3))
    with pytest.raises(InputError, match=r"labels.som.trainer=minisom needs minisom; .*\[labels\]"):
        train_minisom(np.zeros((4, 3), np.float32), start, SomSettings.model_construct(passes=1), 0)
    with pytest.raises(InputError, match=r"photoz_lit.rail needs ceci and rail; .*\[rail\]"):
        require_extra("rail", "photoz_lit.rail")


def test_an_import_that_fails_for_want_of_an_extra_is_a_sentence() -> None:
    missing = ModuleNotFoundError("No module named 'galsim.des'", name="galsim.des")
    assert sentence_of(missing) == "this needs galsim; pip install 'photoz-lit[sim]'."
    assert sentence_of(ModuleNotFoundError("No module named 'mine'", name="mine")) is None
    assert (extra_of("rail"), extra_of("numpy")) == ("rail", None)

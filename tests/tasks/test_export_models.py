"""Networks as torch.export and ONNX files: pixels in, the run's PDFs out, without this package."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import photoz_lit
from photoz_lit.data.pixels import turn
from photoz_lit.errors import InputError
from photoz_lit.estimators.exported import CalibrationLayer, _turned
from photoz_lit.evaluation.calibration.pit import PitCalibration
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks import results
from photoz_lit.tasks.export_models import example, exported_run
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store

NETWORK = ("network=plain", "scale.max_epochs=1", "ensemble.members=2", "module.calibration=pit", "module.tta=1")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    store = make_store(folder / "store", n=560)
    places = ("field=hsc6b", f"data.store={store.path}", f"paths.runs={folder / 'runs'}", "data.bands=[g,r,i]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "draw_run", lambda *_: None)
        patch.setattr(results, "write_report", lambda _: None)
        yield train(composed(*places, *NETWORK))


def test_the_layer_is_the_calibration() -> None:
    random = np.random.default_rng(0)
    edges = np.concatenate([np.linspace(0, 2, 41), np.linspace(2, 4, 11)[1:]])
    pdf = random.dirichlet(np.full(50, 0.3), size=30).astype(np.float32)
    for degree, knots, power in ((15, 3, [0.3, -0.4]), (6, 1, [0.0, 0.0]), (1, 1, [-0.5, 0.2]), (1, 1, [0.0, 0.0])):
        weights = random.dirichlet(np.ones(degree), size=knots)
        one = PitCalibration(np.array(power), np.sort(random.uniform(-2, 0, knots)), weights)
        found = CalibrationLayer(one, edges.tolist())(torch.from_numpy(pdf)).numpy()
        np.testing.assert_allclose(found, one.apply(pdf, edges), atol=2e-5)


def test_images_are_turned_as_in_predictions() -> None:
    image = torch.randn(2, 3, 8, 8)
    for symmetry in range(8):
        assert torch.equal(_turned(image, symmetry), turn(image, torch.full((2,), symmetry)))


def test_the_run_as_one_function_gives_its_pdfs(run: RunFolder) -> None:
    model = photoz_lit.load(run.path, device="cpu")
    images, ebv = example(model._config, list(model.bands), 5)
    images[0, 0, :3] = torch.nan
    expected = model.predict(images.numpy(), ebv[:, 0].numpy())
    for mean in ("arithmetic", "harmonic"):
        ensemble = model._config.ensemble.model_copy(update={"mean": mean})
        changed = model._config.model_copy(update={"ensemble": ensemble})
        with torch.no_grad():
            pdf, z_phot = exported_run(changed, run)(images, ebv)
        if mean == "arithmetic":
            np.testing.assert_allclose(pdf, expected.pdf, atol=1e-5)
            np.testing.assert_allclose(z_phot, expected.z_phot, atol=1e-4)
        else:
            assert np.abs(pdf.numpy() - expected.pdf).max() > 1e-6


@pytest.mark.long
def test_files_give_the_pdfs_of_the_run(run: RunFolder) -> None:
    formats = ["torch"]
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
        formats = ["torch", "onnx"]
    perform(composed("task=export", f"run={run.path}", f"task.format={json.dumps(formats)}"))
    target = run.path / "export"
    model = photoz_lit.load(run.path, device="cpu")
    images, ebv = example(model._config, list(model.bands), 5)  # another number of galaxies than it was exported with
    images[0, 0, :3] = torch.nan
    expected = model.predict(images.numpy(), ebv[:, 0].numpy())
    program = torch.export.load(str(target / "photoz_model.pt2")).module()
    pdf, z_phot = (value.detach().numpy() for value in program(images, ebv))
    np.testing.assert_allclose(pdf, expected.pdf, atol=1e-4)
    np.testing.assert_allclose(z_phot, expected.z_phot, atol=1e-3)
    card = (target / "model_card.md").read_text()
    for kind, file in (("torch", "photoz_model.pt2"), ("onnx", "photoz_model.onnx")):
        if kind in formats:
            assert hashlib.sha256((target / file).read_bytes()).hexdigest() in card
    assert "SIMULATED galaxies" in card
    assert run.read_json("provenance.json")["data_hash"] in card
    np.savez(target / "given.npz", images=images.numpy(), ebv=ebv.numpy(), pdf=expected.pdf)
    script = (
        "import sys, numpy as np, onnxruntime\n"
        "g = np.load('given.npz')\n"
        "s = onnxruntime.InferenceSession('photoz_model.onnx')\n"
        "pdf, z = s.run(None, {'images': g['images'], 'ebv': g['ebv']})\n"
        "assert not [n for n in sys.modules if n.startswith(('photoz_lit', 'torch'))]\n"
        "assert np.abs(pdf - g['pdf']).max() < 1e-4, np.abs(pdf - g['pdf']).max()\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], cwd=target, check=True)


def test_what_is_no_network_of_images_is_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=60)
    forest = ("network=catalogue_forest", "network.trees=3", "field=hsc6b", "module.calibration=none")
    run = train(composed(*forest, f"data.store={store.path}", f"paths.runs={tmp_path}"))
    with pytest.raises(InputError, match="network=catalogue_forest is no neural network"):
        perform(composed("task=export", f"run={run.path}", "task.format=[torch]"))
    assert not (run.path / "export").exists()

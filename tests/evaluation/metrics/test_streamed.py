from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import multiprocessing

from photoz_lit.evaluation.metrics.streamed import StreamedMetric
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.fields import load_field
from tests.evaluation.mixtures import EDGES, galaxies, gaussian_pdfs
from tests.evaluation.ranks import metrics_in_batches, one_rank

N = 501  # odd, so that two ranks get different numbers


def update_in_batches(pdf: np.ndarray, z: np.ndarray, batch: int) -> dict[str, float]:
    return metrics_in_batches(torch.tensor(pdf), torch.tensor(z), torch.tensor(EDGES), batch)


@pytest.fixture(scope="module")
def reference() -> dict[str, float]:
    field = load_field("hsc6b").model_copy(update={"z_segments": [(0.0, 2.0, 80), (2.0, 4.0, 20)]})
    pdf, z = gaussian_pdfs(N)
    catalogue = galaxies(z, field).assign(z=z)
    return summarise(predictions_table(pdf, EDGES, catalogue, 0, "i"), pdf, EDGES, field, "simulated")


def test_batches_give_the_functions_values(reference: dict[str, float]) -> None:
    pdf, z = gaussian_pdfs(N)
    for name, value in update_in_batches(pdf, z, 100).items():
        assert value == pytest.approx(reference[name], abs=1e-12), name


@pytest.mark.long
def test_two_processes_give_the_same(tmp_path: Path, reference: dict[str, float]) -> None:
    torch.save([torch.tensor(values) for values in (*gaussian_pdfs(N), EDGES)], tmp_path / "galaxies.pt")
    multiprocessing.start_processes(one_rank, args=(str(tmp_path),), nprocs=2, start_method="spawn")
    for rank in range(2):
        for name, value in torch.load(tmp_path / f"{rank}.pt").items():
            assert value == pytest.approx(reference[name], abs=1e-12), name


def test_galaxies_without_label_do_not_count() -> None:
    pdf, z = gaussian_pdfs(60)
    hidden = z.copy()
    hidden[::3] = np.nan
    keep = np.isfinite(hidden)
    assert update_in_batches(pdf, hidden, 20) == pytest.approx(update_in_batches(pdf[keep], z[keep], 20), abs=1e-12)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_reset_and_empty() -> None:
    for metric in (StreamedMetric("sigma_mad", EDGES), StreamedMetric("crps", EDGES)):
        assert np.isnan(float(metric.compute()))
        pdf, z = gaussian_pdfs(20)
        metric.reset()
        metric.update(torch.tensor(pdf), torch.tensor(z))
        first = float(metric.compute())
        metric.reset()
        metric.update(torch.tensor(pdf), torch.tensor(z))
        assert float(metric.compute()) == first


def test_precision_stays_double_in_a_half_precision_module() -> None:
    pdf, z = gaussian_pdfs(40)
    plain = StreamedMetric("crps", EDGES)
    cast = torch.nn.ModuleList([StreamedMetric("crps", EDGES)]).to(torch.bfloat16)[0]
    for metric in (plain, cast):
        metric.update(torch.tensor(pdf, dtype=torch.float32), torch.tensor(z, dtype=torch.float32))
    assert float(cast.compute()) == float(plain.compute())

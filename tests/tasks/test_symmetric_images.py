"""``tta`` where a run is applied: as the run says, or as the command asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.conftest import make_store


def test_a_run_is_applied_with_its_own_number_of_images_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=80)
    where = ("field=hsc6b", "network=plain", f"data.store={store.path}", f"paths.runs={tmp_path / 'runs'}")
    folder = train(composed(*where, "trainer.max_epochs=1")).path

    def z_phot(*overrides: str) -> pd.Series[float]:
        applied = predicted(composed("task=predict", f"run={folder}", *where, *overrides)).path
        return pd.read_parquet(applied / "predictions.parquet").set_index("object_id")["z_phot"]

    own, eight, one = z_phot(), z_phot("tta=8"), z_phot("tta=1")
    tested = pd.read_parquet(folder / "predictions.parquet").set_index("object_id")["z_phot"]
    np.testing.assert_allclose(own[tested.index], tested, rtol=1e-5)
    np.testing.assert_array_equal(own, eight)
    assert not np.allclose(own, one, rtol=1e-5)
    assert len(list((tmp_path / "runs" / "predict").iterdir())) == 3

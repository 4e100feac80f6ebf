"""What the report of an adaptation holds beside what its parts find: colours, probes, losses of its start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.alignment.colour_aligned import colour_shifts
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.evaluation.mismatch.domain_probe import domain_probe
from photoz_lit.evaluation.mismatch.verdict import largest_shift
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.cnn import VAL_LOSS
from photoz_lit.modules.features import aligned_features

REPORT = "adaptation.json"
FIT = "fit.json"
LOSS_BEFORE, LOSS_AFTER = "val_loss_before", "val_loss_after"


def colour_evidence(sample: Sample, split: AdaptationSplit) -> dict[str, float]:
    """The shift of the targets' colours that counts most [mag], for the verdict; empty where catalogues do not tell."""
    columns = [f"mag_{band}" for band in sample.bands]
    labels_of_target = not (sample.part[split.train] == SOURCE).any()
    if labels_of_target or any(name not in sample.catalogue for name in columns):
        return {}
    shift, error = largest_shift(*colour_shifts(sample, split))
    return {"largest_colour_shift": shift, "largest_colour_shift_error": error}


def held_features(module: AlignedModule, data: AdaptationDataModule, split: AdaptationSplit) -> Galaxies:
    """Features of validation galaxies of source and targets."""
    own = split.validation[data.sample.part[split.validation] == SOURCE]
    return aligned_features(module, data, own, split.target_validation)


def how_it_started(folder: Path) -> dict[str, float]:
    """How often the start in a folder was a dead network, its validation loss and that of one PDF for all galaxies.

    Empty for a start that was made before its report was kept.
    """
    file = folder / FIT
    known: dict[str, float] = json.loads(file.read_text()) if file.is_file() else {}
    return {name: value for name, value in known.items() if name != "epochs"}  # the adaptation has other epochs


def loss_in(checkpoint: dict[str, Any], name: str) -> dict[str, float]:
    """Validation loss of a checkpoint's weights on the labelled field, under a name; empty where none was measured."""
    return {name: checkpoint[VAL_LOSS]} if VAL_LOSS in checkpoint else {}


def probe_auc(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """AUC of a linear probe that tells source features (n, F) from target features (m, F); 0.5 is not at all."""
    return domain_probe(source, target, seed=0).auc

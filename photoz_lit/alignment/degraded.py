"""Source images brought to the target's conditions."""

from __future__ import annotations

import numpy as np

from photoz_lit.alignment.part import Alignment
from photoz_lit.data.degrade import Degradation, degradation
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.imaging.conditions import measured_conditions


class Degraded(Alignment):
    """Source images are blurred and dimmed to the target's seeing, noise and background."""

    @classmethod
    def degradation(cls, sample: Sample, split: AdaptationSplit) -> Degradation:
        """Measure both fields' conditions from pixels of training galaxies."""
        rows = np.concatenate([split.train[sample.part[split.train] == SOURCE], split.target_train])
        source, target = (
            measured_conditions(sample, some)
            for some in (rows[sample.part[rows] == SOURCE], rows[sample.part[rows] != SOURCE])
        )
        return degradation(source, target, sample.field.pixel_scale, sample.stamp_size)

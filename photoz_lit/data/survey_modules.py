"""Batches of the stores of one survey, for use without the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.fields import load_field


class SurveyDataModule(CutoutDataModule):
    """A :class:`CutoutDataModule` on the stores of one survey, for use without the command line.

    Parameters
    ----------
    stores : folders of the stores.
    stamp_size : [pixel].
    bands : names, in order; None takes all that are shared.
    test_fold : the fold that is tested; the next one is for validation.
    options : see :class:`CutoutDataModule`.
    """

    field_name: ClassVar[str]

    def __init__(
        self,
        stores: Sequence[str | Path],
        stamp_size: int = 64,
        bands: Sequence[str] | None = None,
        test_fold: int = 0,
        **options: Any,
    ) -> None:
        opened = [open_store(store) for store in stores]
        sample = load_sample(opened, load_field(self.field_name), stamp_size, bands)
        super().__init__(sample, split_sample(sample, test_fold), **options)


class SDSSDataModule(SurveyDataModule):
    """SDSS main galaxy sample: ugriz, 180 bins on [0, 0.4], outliers from 0.05."""

    field_name = "sdss"


class CFHTLSDataModule(SurveyDataModule):
    """CFHTLS: ugriz, 1000 bins on [0, 4], flux at zero point 30 divided by 1000."""

    field_name = "cfhtls"


class HSC6BandDataModule(SurveyDataModule):
    """HSC-CLAUDS: ugrizy, 380 bins on [0, 4] and 20 on [4, 6]."""

    field_name = "hsc6b"


class HSC9BandDataModule(SurveyDataModule):
    """HSC-CLAUDS with VIRCam: ugrizy and J H Ks, bins as with six bands."""

    field_name = "hsc9b"

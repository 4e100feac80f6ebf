"""Use a finished run from Python: NumPy in and out, on the CPU or a GPU, without Hydra and without Lightning.

``docs/python_api.md`` shows it with an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from photoz_lit.data.array_sample import array_sample
from photoz_lit.data.id_type import typed_ids
from photoz_lit.data.seen_galaxies import NEVER_SEEN
from photoz_lit.errors import InputError
from photoz_lit.estimators.applied import predictor_of
from photoz_lit.evaluation.metrics.summary import galaxy_values, nz_values
from photoz_lit.evaluation.predictions.pdfs import PDFs
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.fields import Field
from photoz_lit.metric import evaluate as evaluate_metrics
from photoz_lit.metric import metrics
from photoz_lit.run_folder import RunFolder, recorded_config
from photoz_lit.tasks.unseen_networks import UnseenNetworks

if TYPE_CHECKING:
    from photoz_lit.data.store import CutoutStore

__all__ = ["Model", "PDFs", "evaluate", "ingest", "load", "simulate"]


class Model:
    """The networks of a finished run with all that belongs to them: members, folds, calibration, symmetric images.

    Parameters
    ----------
    run : its folder.
    device : ``auto``, ``cpu``, ``cuda`` or a torch device.
    batch_size : images that go through a network at once.
    trust : packages with networks of your own that the run names; they are imported.

    Attributes
    ----------
    path : the run's folder.
    bands : names, in the order in which the networks see them.
    data : what the run was trained on: ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """

    def __init__(
        self, run: str | Path, device: str | torch.device = "auto", batch_size: int = 256, trust: Sequence[str] = ()
    ) -> None:
        from photoz_lit.targets import import_trusted

        import_trusted(trust)
        self.path = _folder_of(Path(run))
        self._config = recorded_config(self.path)
        self._source = RunFolder(self.path)
        self.device = _device(device)
        self.bands = tuple(self._config.data.bands or self.field.band_names)
        self.data = str(self._source.read_json("provenance.json").get("data", ""))
        predictor = partial(predictor_of, device=self.device, batch_size=batch_size)
        self._networks = UnseenNetworks(self._config, self._source, predictor=predictor)

    @property
    def field(self) -> Field:
        """The field that the networks were trained for: zero points, pixel scale, redshift grid."""
        return self._config.field

    @property
    def stamp_size(self) -> int:
        """Side of the stamps that the networks see [pixel]."""
        return self._config.scale.stamp_size

    @property
    def z_edges(self) -> NDArray[np.float64]:
        """Edges of the redshift bins, (n_bins + 1,)."""
        return self.field.z_edges

    def __repr__(self) -> str:
        return (
            f"<photoz_lit run {self.path}: {self._config.network.name}, bands {' '.join(self.bands)},"
            f" stamps of {self.stamp_size}×{self.stamp_size} pixels of {self.field.pixel_scale}″,"
            f" {self.z_edges[0]:g} ≤ z ≤ {self.z_edges[-1]:g} in {self.field.n_bins} bins, trained on {self.data} data>"
        )

    def predict(
        self,
        images: ArrayLike,
        ebv: ArrayLike | None = None,
        bands: Sequence[str] | None = None,
        zero_points: Mapping[str, float] | Sequence[float] | float | None = None,
        *,
        pixel_scale: float | None = None,
        catalogue: pd.DataFrame | Mapping[str, Any] | None = None,
        field: str | None = None,
    ) -> PDFs:
        """Redshift PDFs of galaxies from their stamps, as ``task=predict`` makes them.

        Parameters
        ----------
        images : linear flux, (N, bands, height, width), the galaxy in the middle; larger stamps are centre-cropped,
            pixels without a value may be NaN. A memory map is read in blocks.
        ebv : Galactic reddening E(B−V) of each galaxy, (N,), or one for all [mag]; None: 0.
        bands : names of the bands of ``images``, in their order, those of the run and perhaps more; None: the run's.
        zero_points : AB magnitude of a flux of 1 [mag]: by band, in the order of ``bands``, or one for all; None: those
            of the run's field.
        pixel_scale : of ``images`` [arcsec / pixel]; None: that of the run's field.
        catalogue : columns by name, a row per galaxy, for runs that read them (``mag_<band>``). With ``object_id``, or
            ``ra`` and ``dec`` [deg], a cross-validated run predicts its own galaxies by networks that never saw them.
            Whole numbers as ids come back as such.
        field : name of the field that the galaxies are in, for a run that was adapted to it; None: the run's.

        Raises
        ------
        InputError : bands, shape, zero points, pixel scale or catalogue do not fit; the sentence says which.
        """
        pixels = np.asanyarray(images)
        rows = range(len(pixels) if pixels.ndim else 0)
        table = pd.DataFrame(index=rows) if catalogue is None else pd.DataFrame(dict(catalogue))
        if ebv is not None:
            table = table.assign(ebv=_one_each(ebv, len(table)))
        sample = array_sample(
            pixels,
            table,
            self.field,
            self.bands,
            self.stamp_size,
            bands=bands,
            zero_points=zero_points,
            pixel_scale=pixel_scale,
            of_field=field,
        )
        names = typed_ids(sample.catalogue["object_id"], sample.id_type)
        if not len(sample):
            return PDFs(np.empty((0, self.field.n_bins), np.float32), self.z_edges, names)
        known = "object_id" in table or {"ra", "dec"} <= set(table)
        fold = self._networks.folds(sample.catalogue) if known else np.full(len(sample), NEVER_SEEN)
        return PDFs(self._networks.predict(sample, fold), self.z_edges, names)


def load(run_or_file: str | Path, device: str | torch.device = "auto", **options: Any) -> Model:
    """Load a finished run.

    Parameters
    ----------
    run_or_file : a run folder, or a file in one, such as its ``metrics.json``.
    device, options : of :class:`Model`.

    Raises
    ------
    InputError : there is no finished run, or its files are damaged.

    Examples
    --------
    >>> model = load("runs/hsc9b_early_fusion/seed0-1a2b3c4d")  # doctest: +SKIP
    >>> model.predict(images, ebv=0.02).z_phot  # doctest: +SKIP
    """
    return Model(run_or_file, device, **options)


def evaluate(pdfs: PDFs, z: ArrayLike, outlier_threshold: float = 0.15) -> dict[str, float]:
    """Every metric of ``conf/metric`` of PDFs against known redshifts.

    Parameters
    ----------
    pdfs : of N galaxies.
    z : their redshifts, (N,); galaxies with NaN are left out.
    outlier_threshold : absolute Δz from which a galaxy is an outlier.

    Returns
    -------
    metric -> number, in plain units (σ_MAD 0.0079, η a fraction), as in ``metrics.json``.

    Raises
    ------
    InputError : there is not one redshift per PDF, or none is known.
    """
    redshift = np.asarray(z, np.float64)
    if redshift.shape != (len(pdfs),):
        raise InputError(f"z has shape {redshift.shape} for {len(pdfs)} PDFs; give one redshift per PDF.")
    known = np.isfinite(redshift)
    if not known.any():
        raise InputError("z has no known redshift; metrics need at least one.")
    some = pdfs[known]
    rows = pd.DataFrame({"object_id": some.object_id, "z": redshift[known]})
    table = predictions_table(some.pdf, some.z_edges, rows, -1, "")
    values = {
        **galaxy_values(_with_scores(table, some), "z", outlier_threshold),
        **nz_values(some.pdf, some.z_edges, redshift[known]),
    }
    return evaluate_metrics(metrics().values(), values)


def _with_scores(table: pd.DataFrame, pdfs: PDFs) -> pd.DataFrame:
    from photoz_lit.evaluation.metrics.scores import galaxy_scores

    scores = galaxy_scores(pdfs.pdf, pdfs.z_edges, table["z"].to_numpy())
    return table.loc[:, ~table.columns.isin(scores.columns)].join(scores)


def simulate(
    store: str | Path, *, field: str, n_galaxies: int, seed: int = 0, settings: Mapping[str, Any] | None = None
) -> CutoutStore:
    """Simulate a field into a store, as ``task=simulate`` does.

    Parameters
    ----------
    store : its folder, which must not exist.
    field : name of a survey's field (``conf/field``).
    n_galaxies : how many.
    seed : of all randomness.
    settings : further keys of the command line, e.g. ``{"scale.stamp_size": 64, "simulation.z_max": 1.0}``.

    Raises
    ------
    InputError : a key or value is wrong, the store exists, or the disk is full.
    """
    from photoz_lit.composed_config import configured
    from photoz_lit.simulation.simulate import simulate_store

    config = configured([f"field={field}"], {"simulation.n_galaxies": n_galaxies, **(settings or {})})
    return simulate_store(config.field, config.simulation, seed, Path(store))


def ingest(
    store: str | Path, path: str | Path, *, reader: str, field: str, settings: Mapping[str, Any] | None = None
) -> CutoutStore:
    """Read an archive of images into a store, as ``task=ingest`` does.

    Parameters
    ----------
    store : its folder, which must not exist.
    path : file, folder or pattern of the images.
    reader : name in ``conf/ingest``, e.g. ``arrays``, ``fits_mosaic``.
    field : name of the field that the images are of.
    settings : further keys of the command line, e.g. ``{"ingest.catalogue": "table.csv", "ingest.bands": ["g", "r"]}``.

    Raises
    ------
    InputError : a key or value is wrong, or the archive cannot be read.
    """
    from photoz_lit.composed_config import configured
    from photoz_lit.ingest.archive import ingest as ingest_archive

    config = configured([f"field={field}", f"ingest={reader}"], {"ingest.path": str(path), **(settings or {})})
    return ingest_archive(config.ingest, config.field, store)


def _folder_of(path: Path) -> Path:
    """The run folder that a path names, or that the file it names lies in."""
    if path.is_file():
        inside = (parent for parent in path.parents if (parent / "provenance.json").is_file())
        return next(inside, path.parent)
    return path


def _device(asked: str | torch.device) -> torch.device:
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(asked)
    except RuntimeError as error:
        raise InputError(f"device='{asked}' is none; give auto, cpu or cuda.") from error


def _one_each(values: ArrayLike, n: int) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.shape not in ((), (n,)):
        raise InputError(f"ebv has shape {found.shape} for {n} images; give one number each, or one for all.")
    return np.broadcast_to(found, n).copy()

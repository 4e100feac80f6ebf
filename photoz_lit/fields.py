"""A field: its bands, pixel scale, zero points, redshift grid and observing conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field as Entry
from pydantic import ValidationError, model_validator

from photoz_lit.errors import InputError, nearest
from photoz_lit.files import FileName
from photoz_lit.settings import Role, Settings

MOST_BINS = 100_000
Redshift = Annotated[float, Entry(ge=0, le=1100)]
BAND_ORDER = ("u", "g", "r", "i", "z", "y", "j", "h", "k")


def conf_directory() -> Path:
    """Return the folder of the Hydra groups: inside an installed wheel, or beside the package in a checkout."""
    inside = Path(__file__).parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "conf"


class Band(Settings):
    """One band of a field, with the conditions under which it is observed.

    A simulation needs ``filter``, ``seeing`` and ``depth``; real images do not.

    Attributes
    ----------
    zero_point : AB magnitude of one flux unit that the network's pixel stretch expects [mag].
    filter : transmission curve -> share of the exposures, e.g. ``{"speclite:hsc2017-r": 0.5, ...}``.
    seeing : full width at half maximum of the PSF [arcsec].
    moffat_beta : wing slope of the Moffat PSF.
    psf_ellipticity : |e| of the PSF, (1 - q²)/(1 + q²).
    depth : 5 sigma point-source depth in a 2 arcsec aperture [AB mag]; it fixes the sky noise.
    noise_correlation : width (sigma) of the Gaussian kernel that resampling leaves in the noise [pixel].
    gain : electrons per flux unit at ``zero_point``; 0 draws no Poisson noise of the source.
    background : mean sky residual left in the image [sky sigma per pixel].
    zero_point_error : calibration error of this field [mag]; positive makes objects too faint.
    """

    zero_point: float
    filter: dict[str, float]
    seeing: float | None = Entry(gt=0)
    moffat_beta: float = Entry(default=3.0, gt=1)
    psf_ellipticity: float = Entry(default=0.0, ge=0, lt=1)
    depth: float | None
    noise_correlation: float = Entry(default=0.0, ge=0)
    gain: float = Entry(default=0.0, ge=0)
    background: float = 0.0
    zero_point_error: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _unobserved(cls, content: Any) -> Any:
        """A band of real images alone."""
        return {"filter": {}, "seeing": None, "depth": None, **content} if isinstance(content, Mapping) else content

    @property
    def fwhm(self) -> float:
        """Seeing [arcsec] of a band that has one, see :meth:`Field.require`."""
        assert self.seeing is not None
        return self.seeing

    @property
    def limit(self) -> float:
        """Depth [AB mag] of a band that has one, see :meth:`Field.require`."""
        assert self.depth is not None
        return self.depth


class Field(Settings):
    """A survey field: everything a network, a simulation or a metric must know about it.

    Real images need ``name``, ``pixel_scale``, ``bands`` with their zero points, and ``z_segments``. Without them
    ``outlier_threshold`` is 0.15 and ``reference_band`` i, else r, else the one in the middle.

    Attributes
    ----------
    name : name of the field.
    label : the survey's name as papers write it, for figures and pages; its ``name`` where it is "".
    description : one line for ``--help``.
    pixel_scale : [arcsec / pixel].
    bands : band name -> :class:`Band`, in the order in which the network sees them.
    z_segments : redshift grid as ``[[z_lo, z_hi, n_bins], ...]``, contiguous.
    outlier_threshold : |Δz| from which a galaxy is an outlier.
    reference_band : band whose magnitude stands for the galaxy's brightness.
    flux_divisor : linear flux is divided by it before the stretch (CFHTLS: 1000).
    """

    name: FileName
    label: Annotated[str, Role.COSMETIC] = ""
    description: Annotated[str, Role.COSMETIC] = ""
    pixel_scale: float = Entry(ge=1e-3, le=60)
    bands: dict[str, Band]
    z_segments: list[tuple[Redshift, Redshift, Annotated[int, Entry(ge=1, le=MOST_BINS)]]] = Entry(min_length=1)
    outlier_threshold: float = Entry(gt=0)
    reference_band: str
    flux_divisor: float = Entry(default=1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _of_real_images(cls, content: Any) -> Any:
        """What a field for real images may leave out."""
        if not isinstance(content, Mapping) or not isinstance(content.get("bands"), Mapping) or not content["bands"]:
            return content
        names = list(content["bands"])
        reference = next((band for band in ("i", "r") if band in names), names[len(names) // 2])
        return {"outlier_threshold": 0.15, "reference_band": reference, **content}

    @model_validator(mode="after")
    def _consistent(self) -> Field:
        if self.reference_band not in self.bands:
            raise ValueError(f"reference_band '{self.reference_band}' is not among the bands {list(self.bands)}")
        for (_, high, _), (low, _, _) in zip(self.z_segments, self.z_segments[1:], strict=False):
            if high != low:
                raise ValueError(f"z_segments are not contiguous at {high} and {low}")
        if any(high <= low for low, high, _ in self.z_segments):
            raise ValueError("every z_segment needs z_lo < z_hi and at least one bin")
        if self.n_bins > MOST_BINS:
            raise ValueError(f"z_segments have {self.n_bins:,} bins in all; {MOST_BINS:,} is the most")
        return self

    def require(self, keys: Sequence[str], reader: str, bands: Sequence[str] | None = None) -> None:
        """Refuse a field whose bands lack observing conditions that something reads.

        Parameters
        ----------
        keys : ``filter``, ``seeing``, ``depth``.
        reader : what reads them, for the sentence.
        bands : of the field; None for all.

        Raises
        ------
        InputError : names all that are missing.
        """
        names = self.band_names if bands is None else bands
        lacking = {key: [name for name in names if not getattr(self.bands[name], key)] for key in keys}
        parts = [f"'{key}' of {' '.join(without)}" for key, without in lacking.items() if without]
        if parts:
            raise InputError(
                f"field '{self.name}' has no {' and no '.join(parts)}, which {reader} needs; add them to its bands in"
                f" conf/field/{self.name}.yaml."
            )

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(self.bands)

    @cached_property
    def z_edges(self) -> NDArray[np.float64]:
        """Edges of the redshift bins, shape (n_bins + 1,), strictly increasing."""
        parts = [np.linspace(low, high, n + 1)[:-1] for low, high, n in self.z_segments]
        return np.concatenate([*parts, [self.z_segments[-1][1]]])

    @property
    def n_bins(self) -> int:
        """Number of redshift bins."""
        return sum(n for _, _, n in self.z_segments)


def load_field(name: str, directory: Path | None = None) -> Field:
    """Read ``conf/field/<name>.yaml``.

    Raises
    ------
    InputError : the field is unknown or its file is not a valid field.
    """
    folder = (directory or conf_directory()) / "field"
    path = folder / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"unknown field '{name}'{nearest(name, [p.stem for p in folder.glob('*.yaml')])}")
    return parse_field(yaml.safe_load(path.read_text()), str(path))


def field_label(name: str) -> str:
    """Return the name of a field as papers write it, such as ``HSC, 9 bands`` of ``hsc9b``.

    A field that is not among those of this package, or whose file says nothing, keeps its name.
    """
    path = conf_directory() / "field" / f"{name}.yaml"
    known = {one.stem for one in path.parent.glob("*.yaml")}  # the name may come from a file of others
    return str(yaml.safe_load(path.read_text(encoding="utf-8")).get("label") or name) if name in known else name


def parse_field(content: dict[str, Any], where: str) -> Field:
    """Validate the content of a field file; ``where`` names it in the error sentence."""
    try:
        return Field.model_validate(content)
    except ValidationError as error:
        missing = [_key(e["loc"]) for e in error.errors() if e["type"] == "missing"]
        if missing:
            raise InputError(f"{where} has no {', '.join(missing)}; give each a value.") from error
        first = error.errors()[0]
        key = _key(first["loc"]) if first["loc"] else "'field'"
        raise InputError(f"{where}: {key} is wrong: {first['msg']}.") from error


def _key(location: Sequence[int | str]) -> str:
    return f"'{'.'.join(str(part) for part in location)}'"

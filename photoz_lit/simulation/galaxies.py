"""The galaxies that are drawn (``conf/simulation/galaxies``): luminosity functions and spectra of both kinds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import ConfigDict, model_validator
from pydantic import Field as Entry

from photoz_lit.fields import conf_directory
from photoz_lit.settings import Settings

FloatArray = NDArray[np.float64]

KINDS = ("quiescent", "star_forming")


@dataclass(frozen=True)
class EvolvingSchechter:
    """Schechter function in rest-frame B (AB), with luminosity and density evolution.

    M*(z) = m_star - q min(z, q_until); φ*(z) = phi_star 10^(-0.4 p z), falling by exp(-(z - 2)/decay) beyond z = 2.

    Attributes
    ----------
    m_star : characteristic magnitude at z = 0 [AB mag, H0 = 70].
    alpha : faint-end slope.
    phi_star : [Mpc-3].
    q, p : evolution of luminosity and density [mag per unit z].
    q_until : redshift at which brightening stops.
    decay : scale of the decline beyond z = 2.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    m_star: float
    alpha: float
    phi_star: float
    q: float
    p: float
    q_until: float
    decay: float

    def density(self, magnitude: FloatArray, z: FloatArray) -> FloatArray:
        """Galaxies per Mpc³ and mag at absolute ``magnitude`` and redshift ``z`` (broadcast)."""
        x = 10 ** (-0.4 * (magnitude - self.m_star + self.q * np.minimum(z, self.q_until)))
        phi = self.phi_star * 10 ** (-0.4 * self.p * z) * np.exp(-np.clip(z - 2.0, 0.0, None) / self.decay)
        return np.asarray(0.4 * np.log(10) * phi * x ** (self.alpha + 1) * np.exp(-x))


@dataclass(frozen=True)
class KindMix:
    """The spectra of one kind of galaxy: where on the track, with how much scatter, behind how much dust.

    Attributes
    ----------
    colour : mean intrinsic UV - V at M_B = -20.5 and z = 0.5 [mag].
    colour_luminosity : its change per magnitude of M_B (faint is positive).
    colour_redshift : its change per unit redshift, up to z = 1.5.
    colour_scatter : standard deviation about that mean [mag].
    colour_range : limits of the colour [mag].
    weight_scatter : log-normal scatter of each weight about the track [natural log].
    dust_luminosity : change of the track's mean A_V per magnitude of M_B from -20.
    dust_shape : shape of the gamma distribution of A_V below z = 0.15.
    dust_shape_distant : the same beyond z = 0.3, linear in between; None is ``dust_shape``.
    line_scatter : log-normal scatter of the line strengths, common to all groups [dex].
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    colour: float
    colour_luminosity: float
    colour_redshift: float
    colour_scatter: float
    colour_range: tuple[float, float]
    weight_scatter: float
    dust_luminosity: float
    dust_shape: float
    line_scatter: float
    dust_shape_distant: float | None = None


class GalaxyPopulation(Settings):
    """Which galaxies there are.

    Attributes
    ----------
    version : of the simulation that draws these galaxies; results name it.
    luminosity : kind -> luminosity function.
    spectra : kind -> mixture of spectra, dust and lines.
    """

    version: int = Entry(gt=0)
    luminosity: dict[str, EvolvingSchechter]
    spectra: dict[str, KindMix]

    @model_validator(mode="after")
    def _both_kinds(self) -> GalaxyPopulation:
        for name in ("luminosity", "spectra"):
            if set(getattr(self, name)) != set(KINDS):
                raise ValueError(f"{name} must have the kinds {' and '.join(KINDS)}")
        return self


def standard_galaxies() -> GalaxyPopulation:
    """The galaxies of ``conf/simulation/galaxies/standard.yaml``."""
    return GalaxyPopulation.model_validate(_content("standard"))


def earlier_galaxies() -> GalaxyPopulation:
    """Those of versions 4 and 5 of the simulation, ``earlier.yaml`` beside it: of runs that do not say theirs."""
    return GalaxyPopulation.model_validate(_content("earlier"))


@cache
def _content(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        (conf_directory() / "simulation" / "galaxies" / f"{name}.yaml").read_text("utf-8")
    )
    return content

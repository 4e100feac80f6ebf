"""Settings of what differs between fields beyond depth, seeing, background and one zero point per band."""

from __future__ import annotations

from pydantic import Field as Entry
from pydantic import model_validator

from photoz_lit.settings import Settings


class ColourTerm(Settings):
    """A zero point that depends on a source's colour, as of a filter that is not quite the one that is assumed.

    Attributes
    ----------
    slope : magnitude that a source gets fainter per magnitude of colour beyond ``pivot``.
    colour : the bluer and the redder band.
    pivot : colour of sources without an error [mag].
    """

    slope: float
    colour: tuple[str, str]
    pivot: float


class NoiseTail(Settings):
    """A part of the sky noise with a wide kernel, as undetected sources and an imperfect background leave it.

    Attributes
    ----------
    share : of the variance of a pixel.
    sigma : of the wide Gaussian kernel [pixel].
    """

    share: float = Entry(gt=0, lt=1)
    sigma: float = Entry(gt=0)


class StarHalos(Settings):
    """What is left of the light around bright stars, and the ring where too much sky was taken off.

    Attributes
    ----------
    density : bright stars [1 / deg²].
    amplitude : residual at a typical star [sky sigma per pixel].
    scale : on which it falls to 1/e [arcsec]; the ring lies at three times it, half as deep.
    """

    density: float = Entry(gt=0)
    amplitude: float
    scale: float = Entry(gt=0)


class Disturbances(Settings):
    """Disturbances of one field; the defaults are none.

    Attributes
    ----------
    pointing : side of a pointing [deg].
    seeing_scatter : standard deviation of ln(FWHM) from pointing to pointing, in each band.
    patch : side of a patch that is calibrated as one [deg].
    zero_point_scatter : standard deviation of the zero point from patch to patch, in each band [mag].
    colour_terms : by band, see :class:`ColourTerm`.
    noise_tail : see :class:`NoiseTail`; None: one Gaussian kernel, the band's ``noise_correlation``.
    halos : see :class:`StarHalos`; None: no bright stars.
    crowding : factor on the surface density of neighbouring galaxies and stars.
    """

    pointing: float = Entry(default=1.0, gt=0)
    seeing_scatter: float = Entry(default=0.0, ge=0, lt=0.5)
    patch: float = Entry(default=0.2, gt=0)
    zero_point_scatter: float = Entry(default=0.0, ge=0, lt=0.5)
    colour_terms: dict[str, ColourTerm] = {}
    noise_tail: NoiseTail | None = None
    halos: StarHalos | None = None
    crowding: float = Entry(default=1.0, ge=0)

    @model_validator(mode="after")
    def _two_bands(self) -> Disturbances:
        for band, term in self.colour_terms.items():
            if term.colour[0] == term.colour[1]:
                raise ValueError(f"colour_terms.{band}: '{term.colour[0]}' twice is no colour")
        return self

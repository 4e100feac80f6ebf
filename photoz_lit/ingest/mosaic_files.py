"""Find the files of mosaics: images, weights and masks per band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from photoz_lit.errors import InputError
from photoz_lit.ingest.fits_image import find_companions, find_plane
from photoz_lit.ingest.magnitude_systems import System
from photoz_lit.ingest.same_pixels import refuse_same_pixels
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.tile import Tile, open_tile
from photoz_lit.ingest.zero_point import MASK_BITS, header_zero_point
from photoz_lit.settings import Settings


class MosaicOptions(Settings):
    """Which files and which of their planes.

    Attributes
    ----------
    images : pattern below ``ingest.path`` with ``{band}`` in it, or a pattern per band.
    weights, masks : the same for weights (0: no data) and masks; null where there are none.
    image_hdu : name or number; null takes the one HDU whose image is of flux.
    weight_hdu, mask_hdu : HDUs of the weight's and mask's files, or of the image's own where these are null.
    mask_planes : names (``MP_<name>`` in the header) or numbers of the bits that count; empty counts all.
    band_mask_planes : the same of a band alone, where a mask is of all bands.
    flag_radius : a masked or saturated pixel as near as that flags the galaxy [arcsec].
    magnitude_system : AB or Vega, of the headers' zero points; null leaves it to the headers.
    """

    images: str | dict[str, str]
    weights: str | dict[str, str] | None
    masks: str | dict[str, str] | None
    image_hdu: str | int | None
    weight_hdu: str | int | None
    mask_hdu: str | int | None
    mask_planes: list[str | int]
    band_mask_planes: dict[str, list[str | int]] = {}
    flag_radius: float
    magnitude_system: System | None = None


def open_band(
    root: Path, options: MosaicOptions, band: str, given: float | None, bands: Sequence[str] = ()
) -> list[Tile]:
    """Open the tiles of a band, sorted by name.

    Parameters
    ----------
    root : folder of the images.
    options : patterns and HDUs.
    band : name of the band.
    given : zero point that overrides the headers', or None.
    bands : all that are wanted, for the sentence where this one has no image.

    Raises
    ------
    InputError : there is no image, two cover the same pixels, a plane is missing or does not fit, or a WCS or zero
        point is missing.
    """
    weights = files_of(root, options.weights, band)
    masks = files_of(root, options.masks, band)
    others = {*weights, *masks}
    images = [path for path in files_of(root, options.images, band) if path not in others]
    if not images:
        found = {one: files_of(root, options.images, one) for one in bands}
        raise InputError(
            f"{root} has no image of band '{band}' ({pattern_of(options.images, band)}); correct ingest.options.images,"
            f" or name the bands there are: ingest.bands=[…] ({found_instead(root, found)})."
        )
    planes = [find_plane(path, options.image_hdu, flux=True, band=band) for path in images]
    refuse_same_pixels(root, band, planes, not isinstance(options.images, str))
    for kind, files in (("weights", weights), ("masks", masks)):
        if files and len(files) != len(images):
            raise InputError(
                f"band '{band}' has {len(images)} images and {len(files)} {kind}; each image needs its own, in the"
                f" same order by name (ingest.options.{kind})."
            )
    return [
        open_tile_files(path, options, band, given, weights[k] if weights else None, masks[k] if masks else None)
        for k, path in enumerate(images)
    ]


def open_tile_files(
    path: Path, options: MosaicOptions, band: str, given: float | None, weight: Path | None, mask: Path | None
) -> Tile:
    """Open one image with its planes, see :func:`open_band`; a plane without a file may be an HDU of the image's."""
    image = find_plane(path, options.image_hdu, flux=True, band=band)
    own_weight, own_mask = find_companions(path, image, band) if options.image_hdu is None else (None, None)
    weight_file = weight or (path if options.weight_hdu is not None else None)
    mask_file = mask or (path if options.mask_hdu is not None else None)
    own_bits = MASK_BITS.get(band, []) if own_mask is not None and mask_file is None else []
    return open_tile(
        band,
        header_zero_point(image.header, band, path, given, options.magnitude_system),
        image,
        find_plane(weight_file, options.weight_hdu, band=band) if weight_file else own_weight,
        find_plane(mask_file, options.mask_hdu) if mask_file else own_mask,
        options.band_mask_planes.get(band) or options.mask_planes or own_bits,
    )


def image_folder(settings: IngestSettings) -> Path:
    """Return the folder of the images."""
    if not settings.path:
        raise InputError("ingest.path is missing; give the folder of the images: ingest.path=<folder>.")
    root = Path(settings.path)
    if not root.is_dir():
        raise InputError(f"ingest.path={root} is no folder; give the folder of the images.")
    return root


def pattern_of(patterns: str | Mapping[str, str] | None, band: str) -> str | None:
    """Return the pattern of a band, None where there is none."""
    if patterns is None:
        return None
    if isinstance(patterns, str):
        return patterns.replace("{band}", band)
    return patterns.get(band)


def files_of(root: Path, patterns: str | Mapping[str, str] | None, band: str) -> list[Path]:
    """Return the files of a band, sorted by name."""
    pattern = pattern_of(patterns, band)
    return sorted(p for p in root.glob(pattern) if p.is_file()) if pattern else []


def found_instead(root: Path, found: Mapping[str, Sequence[Path]]) -> str:
    """Return a phrase on the files that were found of each band, with an example; where there are none, on others."""
    example = next((files[0] for files in found.values() if files), None)
    if example is not None:
        counts = ", ".join(f"{band} {len(files)}" for band, files in found.items())
        return f"found were {counts}, e.g. {example.relative_to(root).as_posix()}"
    other = next((path for path in sorted(root.rglob("*")) if path.is_file()), None)
    return f"the folder holds e.g. {other.relative_to(root).as_posix()}" if other else "the folder holds no file"

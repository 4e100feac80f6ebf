"""Slips with mosaics, FITS stamps and dust maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.ingest.skies import hsc_header, megacam_header, tan_wcs, vircam_header, write_compressed, write_hsc
from tests.ingest.slips import Slip, Slips, assert_refused, mosaic, rewritten

case = Slips()


@case(r"i\.fits has no WCS \(CTYPE1 and CTYPE2 with RA and Dec\)")
def image_without_wcs(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    rewritten(tmp, lambda header: [header.remove(k) for k in ("CTYPE1", "CTYPE2")])
    return out


@case(r"its header states no zero point .*; give ingest\.zero_points\.i=")
def image_without_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    rewritten(tmp, lambda header: header.remove("PHOTZP"))
    return out


@case(r"MAGZERO is a Vega zero point; give ingest\.zero_points\.i=")
def vega_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, header=vircam_header)
    rewritten(tmp, lambda header: header.set("MAGSYS", "Vega"))
    return out


@case(r"FLUXMAG0 is '-1\.0', no usable number")
def unusable_zero_point(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, header=hsc_header)
    rewritten(tmp, lambda header: header.set("FLUXMAG0", -1.0))
    return out


@case(r"i\.fits ends before its image does; copy it again")
def truncated_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    data = (tmp / "images" / "i.fits").read_bytes()
    (tmp / "images" / "i.fits").write_bytes(data[: len(data) // 2])
    return out


@case(r"i\.fits is no readable FITS file")
def text_instead_of_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    (tmp / "images" / "i.fits").write_text("404 Not Found")
    return out


@case(r"pixels cannot be decoded .*; copy the file again|is no readable FITS file|ends before its image does")
def truncated_compressed_fits(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    wcs = tan_wcs(0.186, (300, 300))
    (tmp / "images" / "i.fits").unlink()
    path = write_compressed(
        tmp / "images" / "i.fits.fz", np.random.default_rng(0).normal(size=(300, 300)), megacam_header(wcs)
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return out


@case(r"HDU .* has 3 axes; an image with 2 is due")
def cube_as_mosaic(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp)
    fits.PrimaryHDU(np.zeros((2, 300, 300), "f4"), megacam_header(tan_wcs(0.186, (300, 300)))).writeto(
        tmp / "images" / "i.fits", overwrite=True
    )
    return out


@case(r"i\.fits has no HDU 'IMAGE'; it has PRIMARY")
def unknown_hdu(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, "ingest.options.image_hdu=IMAGE")


@case(r"the weight of band 'i' is \(299, 300\) pixels and its image .* \(300, 300\); they must be of one grid")
def weight_of_other_shape(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, "ingest.options.weights='w_{band}.fits'")
    fits.PrimaryHDU(np.ones((299, 300), "f4")).writeto(tmp / "images" / "w_i.fits")
    return out


@case(r"band 'i' has 1 images and 2 weights; each image needs its own")
def weights_of_other_tiles(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(tmp, "ingest.options.weights='w_{band}*.fits'")
    for k in range(2):
        fits.PrimaryHDU(np.ones((300, 300), "f4")).writeto(tmp / "images" / f"w_i{k}.fits")
    return out


@case(r"has no mask plane 'SATURATED'; did you mean 'SAT'|has no mask plane 'SATURATED'; ")
def unknown_mask_plane(tmp: Path) -> tuple[str, list[str]]:
    out = mosaic(
        tmp, "ingest.options.image_hdu=IMAGE", "ingest.options.mask_hdu=MASK", "ingest.options.mask_planes=[SATURATED]"
    )
    (tmp / "images" / "i.fits").unlink()
    write_hsc(tmp / "images" / "i.fits", np.zeros((300, 300)), hsc_header(tan_wcs(0.186, (300, 300))))
    return out


def fits_stamps(tmp: Path, *overrides: str) -> tuple[str, list[str]]:
    _, given = mosaic(tmp, *overrides)
    (tmp / "images" / "i.fits").rename(tmp / "images" / "g0_i.fits")
    return "fits_stamps", given


@case(r"pattern 'i\.fits' has no \{object_id\} in it, so all galaxies would share one stamp")
def stamps_without_object(tmp: Path) -> tuple[str, list[str]]:
    return fits_stamps(tmp, "ingest.options.images='{band}.fits'")


@case(r"no stamp is there for any of the 2 galaxies of .*cat\.csv, e\.g\. .*x0_i\.fits")
def stamps_of_other_objects(tmp: Path) -> tuple[str, list[str]]:
    out = fits_stamps(tmp)
    (tmp / "cat.csv").write_text("object_id,ra,dec\nx0,150.1,2.2\nx1,150.1,2.2\n")
    return out


@case(r"g0_i\.fits does not contain the position of object_id 'g0'; is the catalogue its own\?")
def stamp_of_another_place(tmp: Path) -> tuple[str, list[str]]:
    out = fits_stamps(tmp)
    (tmp / "cat.csv").write_text("object_id,ra,dec\ng0,150.2,2.2\n")
    return out


@case(r"has no stamp of band 'z' \(\{object_id\}_z\.fits\)")
def stamps_without_a_band(tmp: Path) -> tuple[str, list[str]]:
    return fits_stamps(tmp, "ingest.bands=[i,z]")


@case(r"ingest\.dust\.path=.*maps is no folder; give the folder with the dust map's files")
def dust_map_not_there(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, f"ingest.dust.path={tmp}/maps")


@case(r"ingest\.dust\.map=dustmaps\.nomap\.SFDQuery needs the library dustmaps; pip install 'photoz-lit\[dust\]'")
def dust_library_not_there(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, f"ingest.dust.path={tmp}", "ingest.dust.map=dustmaps.nomap.SFDQuery")


@case(r"ingest\.dust\.map=nomaps\.sfd\.SFDQuery is not in dustmaps")
def dust_map_of_another_library(tmp: Path) -> tuple[str, list[str]]:
    return mosaic(tmp, f"ingest.dust.path={tmp}", "ingest.dust.map=nomaps.sfd.SFDQuery")


@case.parametrize()
def test_bad_input(tmp_path: Path, sentence: str, slip: Slip) -> None:
    assert_refused(slip, sentence, tmp_path)

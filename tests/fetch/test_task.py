"""``task=fetch`` as it is typed: each service's file gives its addresses, and the printed command reads the folder."""

from __future__ import annotations

import bz2
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from photoz_lit.command_line.choices import choices_of, config_folders
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.fetch.plan import make_plan
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.tasks.task import perform
from tests.composed import composed_as_typed
from tests.fetch.service import Service, content_of, cutout, packed, serving
from tests.ingest.skies import tan_wcs

RA, DEC = 150.1, 2.2
SERVICES = sorted(set(choices_of("fetch", config_folders())) - {"base"})
ADDRESSES = {
    "hips2fits": "https://alasky.cds.unistra.fr/hips-image-services/hips2fits?hips=CDS/P/PanSTARRS/DR1/g&ra=150.100000"
    "&dec=2.200000&width=80&height=80&fov=0.00555556&projection=TAN&coordsys=icrs&rotation_angle=0&format=fits",
    "hsc_pdr3": "https://hsc-release.mtk.nao.ac.jp/das_cutout/pdr3/cgi-bin/cutout?ra=150.100000&dec=2.200000&sw=6.720asec"
    "&sh=6.720asec&type=coadd&image=on&mask=on&variance=off&filter=HSC-G&tract=&rerun=pdr3_wide",
    "legacy_viewer": "https://www.legacysurvey.org/viewer/fits-cutout?ra=150.100000&dec=2.200000&layer=ls-dr10"
    "&pixscale=0.262&size=80&bands=griz",
    "sdss_frames": "https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/752/3/frame-u-000752-3-0373.fits.bz2",
}
NAMES = {
    "hips2fits": "a_g.fits",
    "hsc_pdr3": "a_g.fits",
    "legacy_viewer": "a.fits",
    "sdss_frames": "frame-u-000752-3-0373.fits.bz2",
}
MORE: dict[str, list[str]] = {  # what the user must know
    "hips2fits": ["ingest.zero_points={g: 25, r: 25, i: 25, z: 25, y: 25}"]
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SSP_PDR_USR", "ali")
    monkeypatch.setenv("SSP_PDR_PWD", "open-sesame")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)


def image(**cards: Any) -> bytes:
    """An image of one band around the galaxy."""
    header = tan_wcs(0.168, (120, 120), RA, DEC).to_header()
    header.update(cards)
    return packed(fits.PrimaryHDU(np.random.default_rng(0).normal(0, 0.05, (120, 120)).astype(">f4"), header))


def hsc_image() -> bytes:
    header = tan_wcs(0.168, (80, 80), RA, DEC).to_header()
    pixels = np.random.default_rng(0).normal(0, 0.05, (80, 80)).astype("f4")
    mask = fits.ImageHDU(np.zeros((80, 80), np.int32), header, name="MASK")
    mask.header["MP_BAD"] = 0
    primary = fits.PrimaryHDU()
    primary.header["FLUXMAG0"] = 63095734448.0194
    return packed(primary, fits.ImageHDU(pixels, header, name="IMAGE"), mask)


ANSWERS = {
    "hips2fits": image(),
    "hsc_pdr3": hsc_image(),
    "legacy_viewer": cutout(RA, DEC, "griz"),
    "sdss_frames": bz2.compress(image(BUNIT="nanomaggy")),
}


def table(path: Path, *names: str) -> pd.DataFrame:
    rows = pd.DataFrame({"object_id": names, "ra": RA, "dec": DEC, "z": 0.3, "run": 752, "camcol": 3, "field": 373})
    rows["objID"] = rows["object_id"]
    rows.to_csv(path, index=False)
    return rows


def on_loopback(service: Service, name: str) -> list[str]:
    """Overrides that send a service's addresses to another host, and quickly."""
    url = re.sub(r"^https://[^/]+", service.root, content_of(name)["url"])
    return [f"fetch.url='{url}'", "fetch.requests_per_second=1000", "fetch.back_off=0", "fetch.attempts=1"]


def fetch(service: Service, name: str, *more: str) -> None:
    perform(
        composed_as_typed(
            "task=fetch", f"fetch={name}", "task.catalogue=table.csv", "task.output=cutouts",
            *on_loopback(service, name), *more,
        )
    )  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_addresses_and_names_are_those_of_the_service(name: str, tmp_path: Path) -> None:
    settings = FetchSettings.model_validate(content_of(name))
    first = make_plan(table(tmp_path / "table.csv", "a"), settings).files[0]
    assert first.url == ADDRESSES[name]
    assert first.name == NAMES[name]
    assert settings.requests_per_second <= 3
    assert settings.url.startswith("https://")


@pytest.mark.parametrize("name", SERVICES)
def test_the_printed_command_makes_a_store_of_the_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "table.csv", "a", "b")
    with serving(every=[ANSWERS[name]]) as service:
        fetch(service, name)
        asked = {header.get("Authorization") for header in service.headers}
    said = capsys.readouterr()
    assert "open-sesame" not in said.out + said.err
    assert asked == ({"Basic YWxpOm9wZW4tc2VzYW1l"} if name == "hsc_pdr3" else {None})
    (line,) = [line for line in said.out.splitlines() if line.startswith("python -m photoz_lit task=ingest")]
    words = shlex.split(line.replace("<your field>", "ps1"))[3:]
    perform(composed_as_typed(*words, *MORE.get(name, []), "ingest.stamp_size=32"))
    store = open_store("stores/cutouts")
    assert sorted(store.catalogue["object_id"]) == ["a", "b"]
    assert list(store.header.bands) == content_of(name)["bands"]
    assert np.isfinite(store.images[:]).all()
    assert set(store.header.zero_points.values()) == {{"hsc_pdr3": 27.0, "hips2fits": 25.0}.get(name, 22.5)}


def test_what_the_service_has_not_is_no_error_and_what_failed_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "table.csv", "a", "b", "c")
    with serving() as service:
        base = [f"fetch.url={service.root}/{{object_id}}.fits", "fetch.file='{object_id}.fits'"]
        service.answers |= {"a.fits": [ANSWERS["legacy_viewer"]], "b.fits": [404], "c.fits": [500]}
        failed = r"^legacy_viewer 1 files failed; cutouts/missing\.csv lists what is missing, and the same command asks"
        with pytest.raises(InputError, match=failed):
            fetch(service, "legacy_viewer", *base)
        service.answers["c.fits"] = [ANSWERS["legacy_viewer"]]
        fetch(service, "legacy_viewer", *base)
        said = capsys.readouterr().out
    assert "missing: 1 × no image there (HTTP 404)" in said
    assert "1 of 3 rows lack a file; cutouts/missing.csv lists them." in said
    assert "1 files came, 1 were there before." in said
    assert pd.read_csv("cutouts/missing.csv")["object_id"].to_list() == ["b"]
    with serving() as service, pytest.raises(InputError, match="legacy_viewer has none of the files; others/missing"):
        fetch(service, "legacy_viewer", "task.output=others")


def test_slips_are_answered_before_anything_is_asked(tmp_path: Path) -> None:
    rows = table(tmp_path / "table.csv", "a")
    with serving() as service:
        for more, sentence in (
            (["fetch.bands=[g,Y]"], "legacy_viewer has no band 'Y', it has g r i z"),
            (["fetch.size=1000"], "fetch.size is 1000, and legacy_viewer gives 512 pixels at most"),
            (["fetch.columns.ra=RAJ2000"], "column 'RAJ2000', mapped to 'ra', is not in the catalogue"),
        ):
            with pytest.raises(InputError, match=re.escape(sentence)):
                fetch(service, "legacy_viewer", *more)
        rows.drop(columns="run").to_csv("table.csv", index=False)
        with pytest.raises(InputError, match=r"column 'run'.* is not in the catalogue"):
            fetch(service, "sdss_frames")
        assert service.asked == []
    assert not Path("cutouts").exists()
    with pytest.raises(InputError, match=r"^task=fetch needs fetch=<name>\.$"):
        perform(composed_as_typed("task=fetch", "task.catalogue=table.csv", "task.output=cutouts"))


def test_every_service_of_the_package_is_tested() -> None:
    assert SERVICES == sorted(ADDRESSES) == sorted(ANSWERS)

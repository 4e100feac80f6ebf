"""``task=fetch`` against a service that misbehaves: nothing broken is kept, nothing is lost without a word."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from rich.console import Console

from photoz_lit.errors import InputError
from photoz_lit.fetch import progress
from photoz_lit.fetch.client import Client
from photoz_lit.fetch.fetch import Fetched, fetch_files
from photoz_lit.fetch.plan import make_plan
from photoz_lit.fetch.settings import FetchSettings
from tests.fetch.service import WHOLE, Service, cutout, packed, quick, serving


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def table_of(*names: str, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"object_id": list(names), "ra": 150.1, "dec": 2.2, **columns})


def fetched(settings: FetchSettings, folder: Path, *names: str, again: bool = False, **columns: Any) -> Fetched:
    plan = make_plan(table_of(*names, **columns), settings)
    return fetch_files(plan, settings, folder, again, Console(file=io.StringIO()))


def reasons(result: Fetched) -> dict[str, str]:
    return dict(zip(result.missing["object_id"], result.missing["reason"], strict=True))


def kept(folder: Path) -> set[str]:
    """Files of the folder that are no record."""
    return {path.name for path in folder.iterdir()} - {"fetch.json", "manifest.jsonl", "missing.csv", ".lock"}


BLANK = packed(fits.PrimaryHDU(np.zeros((3, 80, 80), np.float32)))
TWO_IMAGES = packed(
    fits.PrimaryHDU(),
    fits.ImageHDU(np.ones((60, 60), np.float32), name="IMAGE"),
    fits.ImageHDU(np.ones((60, 60), np.int32), name="MASK"),
)
BROKEN: dict[str, tuple[bytes | int | str, str]] = {
    "empty": (b"", "empty answer"),
    "html": (b"<!DOCTYPE html><html>log in</html>", "no FITS file (it begins with '<!DOCTYPE html>"),
    "truncated": ("truncated", "the connection ended before the file did"),
    "cut_off": (WHOLE[:5000], "cut off after 5000 bytes"),
    "cut_at_a_block": (WHOLE[: 2880 * 6], "unreadable FITS file"),
    "cut_in_the_mask": (TWO_IMAGES[: -2880 * 2], "unreadable FITS file"),
    "no_image": (packed(fits.PrimaryHDU()), "FITS file without an image"),
    "slow": ("slow", "no whole answer within 0.4 s"),
    "trickle": ("trickle", "no whole answer within 0.4 s"),
    "reset": ("reset", "no connection"),
    "chunked": ("chunked", "the connection ended before the file did"),
    "redirect": ("redirect", "it redirects without end"),
    "busy_at_odds": ("busy soon", "HTTP 503"),
    "busy_until_yesterday": ("busy Mon, 01 Jan 2024 00:00:00 GMT", "HTTP 503"),
    "server": (500, "HTTP 500"),
    "busy": (503, "HTTP 503"),
    "often": (429, "HTTP 429"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_trouble_that_passes_costs_nothing(tmp_path: Path, kind: str) -> None:
    with serving(a=[BROKEN[kind][0], WHOLE]) as service:
        result = fetched(quick(service), tmp_path / "out", "a")
        assert (result.new, result.failed, len(result.missing)) == (1, 0, 0)
        assert len(service.asked) == 2 or kind == "redirect"
    assert (tmp_path / "out" / "a.fits").read_bytes() == WHOLE
    assert kept(tmp_path / "out") == {"a.fits"}


@pytest.mark.parametrize("kind", BROKEN)
def test_trouble_that_stays_leaves_no_file_and_is_asked_for_again(tmp_path: Path, kind: str) -> None:
    answer, reason = BROKEN[kind]
    with serving(a=[answer], every=[WHOLE]) as service:
        result = fetched(quick(service, attempts=2), tmp_path, "a", "b")
        assert (result.new, result.failed) == (1, 1)
        assert reasons(result)["a"].startswith(reason)
        assert kept(tmp_path) == {"b.fits"}
        service.answers["a.fits"] = [WHOLE]
        del service.asked[:]
        result = fetched(quick(service), tmp_path, "a", "b")
        assert (result.new, result.there, len(service.asked)) == (1, 1, 1)
    assert not (tmp_path / "missing.csv").exists()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(404, "no image there (HTTP 404)"), (BLANK, "blank image: nothing was observed there")],
)
def test_what_a_service_has_not_is_asked_once(tmp_path: Path, answer: bytes | int, reason: str) -> None:
    with serving(a=[answer], every=[WHOLE]) as service:
        for asked in (2, 0):
            result = fetched(quick(service), tmp_path, "a", "b")
            assert len(service.asked) == asked
            assert (result.failed, reasons(result)) == (0, {"a": reason})
            del service.asked[:]
        service.answers["a.fits"] = [WHOLE]
        assert fetched(quick(service), tmp_path, "a", "b", again=True).new == 1
        assert fetched(quick(service), tmp_path, "a", "b").missing.empty


def test_missing_files_stand_in_a_table_with_their_rows(tmp_path: Path) -> None:
    with serving(b=[400], every=[WHOLE]) as service:
        fetched(quick(service), tmp_path, "a", "b", "c", ra=[1.0, 2.0, np.nan])
    table = pd.read_csv(tmp_path / "missing.csv", keep_default_na=False)
    assert table.to_dict("records") == [
        {"row": 1, "object_id": "b", "band": "g r i", "file": "b.fits", "reason": "HTTP 400"},
        {"row": 2, "object_id": "c", "band": "", "file": "", "reason": "no ra in the table"},
    ]


def test_the_manifest_has_checksums_and_a_damaged_file_comes_again(tmp_path: Path) -> None:
    with serving(every=[WHOLE]) as service:
        fetched(quick(service), tmp_path, "a", "b", "c")
        lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
        assert {line["file"] for line in lines} == {"a.fits", "b.fits", "c.fits"}
        assert {line["sha256"] for line in lines} == {hashlib.sha256(WHOLE).hexdigest()}
        damaged = bytearray(WHOLE)
        damaged[-1] ^= 1
        (tmp_path / "a.fits").write_bytes(damaged)
        (tmp_path / "b.fits").write_bytes(WHOLE[:-2880])
        del service.asked[:]
        assert (fetched(quick(service), tmp_path, "a", "b", "c").new, len(service.asked)) == (2, 2)
    assert all((tmp_path / f"{name}.fits").read_bytes() == WHOLE for name in "abc")


def test_what_a_killed_fetch_left_is_no_file(tmp_path: Path) -> None:
    with serving(every=[WHOLE]) as service:
        fetched(quick(service), tmp_path, "a")
        (tmp_path / "b.123.partial.fits").write_bytes(WHOLE[:100])
        with (tmp_path / "manifest.jsonl").open("a") as file:
            file.write('\n{"file": "b.fits", "byt')
        result = fetched(quick(service), tmp_path, "a", "b", "c")
        assert (result.there, result.new) == (1, 2)
        assert kept(tmp_path) == {"a.fits", "b.fits", "c.fits"}
        assert fetched(quick(service), tmp_path, "a", "b", "c").there == 3


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    with serving(every=[WHOLE]) as service:
        fetched(quick(service), tmp_path, "a")
        del service.asked[:]
        with pytest.raises(InputError, match=r"holds files with fetch\.size 80, not 64; choose another task\.output"):
            fetched(quick(service, size=64), tmp_path, "a")
        with pytest.raises(InputError, match=r"holds files with fetch\.bands "):
            fetched(quick(service, bands=["g"]), tmp_path, "a")
        assert service.asked == []


def test_requests_keep_their_distance_and_say_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are judged to the last digit, arrivals roughly: a busy machine delays them."""
    turns: list[float] = []
    take_turn = Client._take_turn

    def noted(client: Client) -> None:
        take_turn(client)
        turns.append(client._next)

    monkeypatch.setattr(Client, "_take_turn", noted)
    with serving(every=[WHOLE]) as service:
        fetched(quick(service, requests_per_second=20), tmp_path, *"abcdef")
        assert len(turns) == len(service.times) == 6
        assert np.diff(turns).min() >= 0.05 - 1e-9
        assert service.times[-1] - service.times[0] > 0.9 * 5 / 20
        assert np.diff(service.times).min() > 0.02
        assert all(header["User-Agent"].startswith("photoz_lit/") for header in service.headers)
        assert service.asked[0] == "/a.fits?ra=150.100000&dec=2.200000&size=80&bands=gri"


def test_back_off_doubles(tmp_path: Path) -> None:
    with serving(a=[503, 503, 503, WHOLE]) as service:
        fetched(quick(service, back_off=0.05, attempts=4), tmp_path, "a")
        waits = np.diff(service.times)
    assert np.all(waits >= [0.05, 0.1, 0.2])


def test_a_wait_that_the_service_asks_for_is_kept(tmp_path: Path) -> None:
    with serving(a=["busy 1", WHOLE]) as service:
        fetched(quick(service), tmp_path / "one", "a")
        assert np.diff(service.times)[0] >= 1.0
    with serving(a=["busy 3600"], every=[WHOLE]) as service:
        result = fetched(quick(service, longest_wait=5), tmp_path / "other", "b", "a", "c")
        assert result.stopped == "HTTP 503, and it wants to be asked again after 3600 s"
        assert reasons(result) == {"a": "not asked for", "c": "not asked for"}
        assert len(service.asked) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_refuses_access_is_asked_no_more(tmp_path: Path, status: int) -> None:
    with serving(every=[status]) as service:
        result = fetched(quick(service), tmp_path, *"abcd")
        assert (len(service.asked), result.failed) == (1, 4)
        assert result.stopped == f"it refuses access (HTTP {status})"


def test_a_service_that_is_down_is_asked_no_more(tmp_path: Path) -> None:
    with serving(every=[500]) as service:
        result = fetched(quick(service, failures_in_a_row=3, attempts=2), tmp_path, *"abcdef")
        assert (len(service.asked), result.failed) == (6, 6)
        assert result.stopped == "3 files in a row failed, the last one with 'HTTP 500'"


def test_an_answer_packed_for_the_journey_is_unpacked(tmp_path: Path) -> None:
    with serving(every=["gzip"]) as service:
        assert fetched(quick(service), tmp_path, "a").new == 1
    assert (tmp_path / "a.fits").read_bytes() == WHOLE


def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    with serving(every=[WHOLE]) as service:
        result = fetched(quick(service, max_megabytes=0.05), tmp_path, "a")
        assert reasons(result) == {"a": "larger than fetch.max_megabytes, 0.05"}
        assert len(service.asked) == 1


def account_of(service: Service, **changes: Any) -> FetchSettings:
    return quick(service, credentials={"user": "SOME_USER", "password": "SOME_PASSWORD"}, **changes)


def test_the_account_comes_from_the_environment_and_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(a=[WHOLE], b=[403]) as service:
        monkeypatch.delenv("SOME_USER", raising=False)
        monkeypatch.setenv("SOME_PASSWORD", "open-sesame")
        with pytest.raises(InputError, match=r"needs an account; set the environment variable SOME_USER\.$"):
            fetched(account_of(service), tmp_path, "a")
        assert service.asked == []
        monkeypatch.setenv("SOME_USER", "ali")
        fetched(account_of(service), tmp_path, "a", "b")
        assert service.headers[0]["Authorization"] == "Basic YWxpOm9wZW4tc2VzYW1l"
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()) + "".join(capfd.readouterr()).encode()
    assert not any(secret in written for secret in (b"open-sesame", b"YWxpOm9wZW4tc2VzYW1l"))
    with pytest.raises(InputError, match="would send a password unencrypted"):
        fetched(account_of(service, url="http://example.invalid/{object_id}"), tmp_path / "other", "a")


def test_a_file_of_several_galaxies_is_fetched_once(tmp_path: Path) -> None:
    with serving(every=[WHOLE]) as service:
        names = {"url": service.root + "/{band}-{run:06d}.fits", "file": "{band}-{run:06d}.fits"}
        columns = {"object_id": "object_id", "ra": "ra", "dec": "dec", "run": "run"}
        settings = quick(service, **names, columns=columns, band_names={"g": "HSC-G", "r": "HSC-R", "i": "I"})
        result = fetched(settings, tmp_path, *"abc", run=[752.0, 752.0, 94.0])
        assert result.new == 6
        asked = {one.strip("/") for one in service.asked}
    assert asked == {f"{band}-{run}.fits" for band in ("HSC-G", "HSC-R", "I") for run in ("000752", "000094")}
    assert kept(tmp_path) == {f"{band}-{run}.fits" for band in "gri" for run in ("000752", "000094")}


def test_ids_that_are_no_names_and_unknown_words_are_refused() -> None:
    with serving() as service:
        settings = quick(service)
        for name in ("../a", "a/b", "", ".."):
            with pytest.raises(InputError, match=r"row 0 of the table: object_id '.*' cannot be the name of a file"):
                make_plan(table_of(name), settings)
        with pytest.raises(InputError, match=r"rows 0 and 1 of the table would both be a\.fits"):
            make_plan(table_of("a", "a", ra=[1.0, 2.0]), settings)
        with pytest.raises(InputError, match=r"fetch\.url: nothing is known as '\{rat\}'; did you mean 'ra'\?"):
            make_plan(table_of("a"), quick(service, url=service.root + "/{rat}"))
        with pytest.raises(InputError, match="is no address"):
            make_plan(table_of("a"), quick(service, url="file:///etc/{object_id}"))
        (one,) = make_plan(table_of("a b&c"), settings).files
        assert "/a%20b%26c.fits?ra=" in one.url
        assert service.asked == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serving(every=[cutout()]) as service, pytest.raises(InputError, match=r"file/out cannot be written"):
        fetched(quick(service), tmp_path / "file" / "out", "a")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    log = io.StringIO()
    with progress.file_progress(Console(file=log, width=120), 100, 20) as advance:
        for _ in range(40):
            now[0] += 0.75
            advance(3)
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0] == "fetching: 34 of 100 files, 3 missing, 50 s left"
    terminal = io.StringIO()
    with progress.file_progress(Console(file=terminal, force_terminal=True, width=120), 2, 0) as advance:
        advance(0)
        advance(1)
    assert "2/2" in terminal.getvalue()
    assert "1 missing" in terminal.getvalue()
    assert os.linesep in terminal.getvalue()

"""A service of images on loopback that misbehaves as it is asked to, and the settings to ask it with."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import yaml
from astropy.io import fits

from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.fields import conf_directory
from tests.ingest.skies import tan_wcs


def cutout(ra: float = 150.1, dec: float = 2.2, bands: str = "gri", size: int = 80, seed: int = 0) -> bytes:
    """A file of the Legacy Survey viewer."""
    header = tan_wcs(0.262, (size, size), ra, dec).to_header()
    header["BANDS"] = bands
    for k, band in enumerate(bands):
        header[f"BAND{k}"] = band
    pixels = np.random.default_rng(seed).normal(0, 0.05, (len(bands), size, size))
    return packed(fits.PrimaryHDU(pixels.astype(">f4"), header))


def packed(*hdus: Any) -> bytes:
    """Bytes of a FITS file."""
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


WHOLE = cutout()


class Service(ThreadingHTTPServer):
    """Answers ``/<name>`` by the next of the behaviours of this name; the last one stays.

    Behaviours: bytes (sent as they are), a status, ``truncated``, ``slow``, ``trickle``, ``chunked``, ``gzip``,
    ``redirect``, ``reset``, ``busy <Retry-After>``.
    """

    daemon_threads = True

    def __init__(self, answers: dict[str, list[bytes | int | str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.times: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.counts: dict[str, int] = defaultdict(int)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def root(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are no error here."""


class Handler(BaseHTTPRequestHandler):
    """One answer."""

    server: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        name = unquote(self.path.partition("?")[0].strip("/"))
        service = self.server
        service.asked.append(self.path)
        service.times.append(time.monotonic())
        service.headers.append(dict(self.headers))
        behaviours = service.answers.get(name, service.answers.get("*", [404]))
        answer = behaviours[min(service.counts[name], len(behaviours) - 1)]
        service.counts[name] += 1
        if isinstance(answer, bytes):
            self._send(200, answer)
        elif isinstance(answer, int):
            self._send(answer, b"<html>something went wrong</html>")
        elif answer == "truncated":
            self._send(200, WHOLE[:5000], len(WHOLE))
            self.close_connection = True
        elif answer == "chunked":
            self._chunked()
        elif answer == "gzip":
            self._send(200, gzip.compress(WHOLE), encoding="gzip")
        elif answer == "redirect":
            self._send(302, b"", location=self.path)
        elif answer == "slow":
            time.sleep(1.0)
            self._send(200, WHOLE)
        elif answer == "trickle":
            self._trickle()
        elif answer == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif answer.startswith("busy"):
            self._send(503, b"", retry_after=answer.partition(" ")[2])
        else:
            raise AssertionError(answer)

    def _send(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header({"encoding": "Content-Encoding"}.get(name, name.replace("_", "-")), value)
        self.end_headers()
        self.wfile.write(body)

    def _chunked(self) -> None:
        """Begin an answer of unknown length and end it in its middle."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n" % 5760 + WHOLE[:5760] + b"\r\n")
        self.close_connection = True

    def _trickle(self) -> None:
        """Send a byte now and then, each in time."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(WHOLE)))
        self.end_headers()
        for k in range(20):
            self.wfile.write(WHOLE[k : k + 1])
            self.wfile.flush()
            time.sleep(0.1)


@contextmanager
def serving(**answers: list[bytes | int | str]) -> Iterator[Service]:
    """Run a service; ``every`` stands for all names that are not given."""
    given = {("*" if name == "every" else f"{name}.fits"): some for name, some in answers.items()}
    with Service(given) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def content_of(name: str) -> dict[str, Any]:
    """A service's file on top of what all share."""
    folder = Path(conf_directory()) / "fetch"
    base = yaml.safe_load((folder / "base.yaml").read_text())
    own = yaml.safe_load((folder / f"{name}.yaml").read_text())
    del own["defaults"]
    return base | own | {"columns": base["columns"] | own.get("columns", {})}


def quick(service: Service, **changes: Any) -> FetchSettings:
    """Settings that ask a service on loopback without patience."""
    content = content_of("legacy_viewer") | {
        "url": service.root + "/{object_id}.fits?ra={ra:.6f}&dec={dec:.6f}&size={size}&bands={bands}",
        "bands": ["g", "r", "i"],
        "requests_per_second": 1000.0,
        "back_off": 0.0,
        "timeout": 0.4,
        "attempts": 3,
    }
    return FetchSettings.model_validate(content | changes)

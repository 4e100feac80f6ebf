"""Asks a service for files: one after the other, not too often, and again after a while where it has trouble."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from photoz_lit import __version__
from photoz_lit.errors import InputError
from photoz_lit.fetch.answer import AbsentError, AnswerError, RefusedError, require_image
from photoz_lit.fetch.settings import Credentials, FetchSettings

_CHUNK = 1 << 16  # bytes
_NOTHING_THERE = (404, 410)
_REFUSED = (401, 403, 407)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StopError(Exception):
    """The service wants no more requests; the message says why."""


class Client:
    """One session with a service.

    Parameters
    ----------
    settings : the service.

    Raises
    ------
    InputError : the environment lacks the account, or its password would travel unencrypted.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"photoz_lit/{__version__}", "Accept-Encoding": "identity"})
        if settings.credentials is not None:
            self._session.auth = account(settings.credentials, settings.url, settings.name)
        self._next = 0.0

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def fetch(self, url: str, path: Path) -> None:
        """Write the file of an address to a path, checked.

        Raises
        ------
        AbsentError : the service has none.
        AnswerError : it did not give a whole one in all attempts.
        StopError : it refuses further requests.
        """
        for attempt in range(1, self.settings.attempts + 1):
            self._take_turn()
            try:
                with path.open("wb") as file:
                    for chunk in self._chunks(url):
                        file.write(chunk)
                require_image(path)
                return
            except (AbsentError, RefusedError):
                raise
            except AnswerError as error:
                if attempt == self.settings.attempts:
                    raise
                self._wait(self.settings.back_off * 2 ** (attempt - 1), error)

    def _take_turn(self) -> None:
        """Wait until the next request is due."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + 1.0 / self.settings.requests_per_second

    def _wait(self, back_off: float, error: AnswerError) -> None:
        longest = self.settings.longest_wait
        if error.wait is not None and error.wait > longest:
            raise StopError(f"{error}, and it wants to be asked again after {error.wait:.0f} s")
        time.sleep(min(longest, max(back_off, error.wait or 0.0)))

    def _chunks(self, url: str) -> Iterator[bytes]:
        """Yield the body of an answer as it comes in; one that only trickles is given up too.

        Raises
        ------
        AnswerError : the status says that there is no file, or the body does not come whole.
        """
        timeout = self.settings.timeout
        end, size = time.monotonic() + timeout, 0
        try:
            with self._session.get(url, stream=True, timeout=timeout) as response:
                _require_ok(response)
                while chunk := response.raw.read1(_CHUNK, decode_content=True):
                    size += len(chunk)
                    if size > self.settings.max_megabytes * 1e6:
                        raise RefusedError(f"larger than fetch.max_megabytes, {self.settings.max_megabytes:g}")
                    if time.monotonic() > end:
                        raise TimeoutError
                    yield chunk
        except (requests.Timeout, ReadTimeoutError, TimeoutError) as error:
            raise AnswerError(f"no whole answer within {timeout:g} s") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise AnswerError(_connection(error)) from error


def account(names: Credentials, url: str, service: str) -> tuple[str, str]:
    """Return user and password from the environment.

    Raises
    ------
    InputError : they are not set, or would travel unencrypted.
    """
    missing = [name for name in (names.user, names.password) if not os.environ.get(name)]
    if missing:
        raise InputError(
            f"{service} needs an account; set the environment variable{'s' * (len(missing) > 1)}"
            f" {' and '.join(missing)}."
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise InputError(f"fetch.url='{url}' would send a password unencrypted; give an address with https://.")
    return os.environ[names.user], os.environ[names.password]


def _require_ok(response: requests.Response) -> None:
    """Raise what an answer's status means."""
    status = response.status_code
    if status == 200:
        return
    if status in _REFUSED:
        raise StopError(f"it refuses access (HTTP {status})")
    if status in _NOTHING_THERE:
        raise AbsentError(f"no image there (HTTP {status})")
    if status in (408, 425, 429) or status >= 500:
        raise AnswerError(f"HTTP {status}", _retry_after(response))
    raise RefusedError(f"HTTP {status}")


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _connection(error: Exception) -> str:
    """Return in words why no answer came; the libraries' own sentences hold addresses in memory."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the service's certificate is not valid"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "the connection ended before the file did"

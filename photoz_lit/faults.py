"""What the system and the libraries refuse, as one sentence: full disks, lost permissions or processes, no memory."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

from photoz_lit.errors import InputError, visible
from photoz_lit.extras import extra_of

INTERRUPTED = "interrupted; what was finished is kept, and the same command goes on from it."
GOES_ON = "what was finished is kept, and the same command goes on from it"

#: What can be done about an error of the system.
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "allow larger files or choose another folder",
    errno.EIO: "look at the disk, or use another one",
    errno.EACCES: "ask for the permission or choose another folder",
    errno.EPERM: "ask for the permission or choose another folder",
    errno.EROFS: "choose a folder that can be written",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOENT: "something else removed it, or its folder is missing",
    errno.EISDIR: "give a file, not a folder",
    errno.ENOTDIR: "give a folder, not a file",
    errno.ELOOP: "remove the link",
    errno.ESTALE: "mount the file system anew",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "end other programs that hold files open",
    errno.EAGAIN: "end other processes or ask for fewer",
    errno.ENOMEM: "end other programs or ask for less",
}
#: How HDF5 names a file and the system's error.
OF_HDF5 = re.compile(r"(?:filename = '(?P<file>[^']*)'.*?)?errno = (?P<errno>\d+)", re.DOTALL)
#: Words of libraries that write without naming the system's error.
UNWRITTEN = re.compile(r"PytorchStreamWriter failed|failed writing|inline_container|encoder error|write error", re.I)
NO_MEMORY = re.compile(
    r"can't allocate memory|out of memory|Storage size calculation overflowed|Unable to allocate", re.I
)
LOST_RANK = re.compile(
    r"gloo|nccl|TCPStore|Connection (closed|reset|refused)|Dist(Network|Backend|Store)Error|process group", re.I
)
LOST_READER = re.compile(r"DataLoader worker .*(exited unexpectedly|killed by signal)")
LOST_WORKER = re.compile(r"process pool was terminated abruptly|process pool is not usable", re.I)


@contextmanager
def telling_faults() -> Iterator[None]:
    """End the process with one sentence where the block raises something that is no bug: exit code 2, or 130 of Ctrl-C.

    Other errors pass through: a traceback is for bugs.
    """
    usual, sys.excepthook = sys.excepthook, _show
    try:
        yield
    except KeyboardInterrupt:
        fail(INTERRUPTED, code=130)
    except BrokenPipeError:  # `photoz_lit … | head`: nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        if any(OF_HDF5.search(str(one)) for one in _with_causes(error)):
            _end_without_hdf5(sentence)
        fail(sentence)
    finally:
        sys.excepthook = usual


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback, but not of what HDF5 prints again when it lets go of a file that it could not write."""
    if not OF_HDF5.search(str(error)):
        sys.__excepthook__(kind, error, trace)


def fail(sentence: str, code: int = 2) -> NoReturn:
    """Print a sentence and end the process."""
    print(f"photoz_lit: {visible(sentence)}", file=sys.stderr)
    sys.exit(code)


def _end_without_hdf5(sentence: str) -> NoReturn:
    """Print a sentence and end the process as it is: HDF5, asked to let go of what it could not write, may crash."""
    print(f"photoz_lit: {visible(sentence)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


def sentence_of(error: BaseException) -> str | None:
    """Return what happened and what to do about it, or None where the error is a bug.

    Parameters
    ----------
    error : whose causes count too: a library that cannot write a file may not name the error of the system.
    """
    for one in _with_causes(error):
        if isinstance(one, InputError):
            return str(one)
        found = _of_missing_extra(one) or _of_system(one) or _of_library(one)
        if found is not None:
            return found
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _of_system(error: BaseException) -> str | None:
    """Sentence of an :class:`OSError`, or of what HDF5 raises, which names the system's error in its text alone."""
    number, file = getattr(error, "errno", None), getattr(error, "filename", None)
    if number is None and (named := OF_HDF5.search(str(error))):
        number, file = int(named["errno"]), named["file"]
    if not isinstance(error, OSError | RuntimeError) or number not in REMEDIES:
        return None
    place = "a file" if file is None else str(file)
    return f"{place} cannot be read or written ({os.strerror(number)}); {REMEDIES[number]}; {GOES_ON}."


def _of_missing_extra(error: BaseException) -> str | None:
    """Sentence of an import that failed for want of an extra."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    extra = extra_of(package) if isinstance(error, ModuleNotFoundError) else None
    return None if extra is None else f"this needs {package}; pip install 'photoz-lit[{extra}]'."


def _of_library(error: BaseException) -> str | None:
    """Sentence of what torch, Lightning or a pool of processes say without naming an error of the system."""
    text = f"{type(error).__name__}: {error}"
    first = next(iter(str(error).splitlines()), "").strip().rstrip(".")
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and NO_MEMORY.search(text)):
        return f"there is not enough memory ({first or 'MemoryError'}); give smaller sizes or batches."
    if not isinstance(error, RuntimeError):
        return None
    if LOST_READER.search(text):
        return f"a process that reads batches was ended, as for want of memory; give fewer data.num_workers; {GOES_ON}."
    if LOST_WORKER.search(text):
        return f"a worker process was ended, as for want of memory; give fewer processes; {GOES_ON}."
    if LOST_RANK.search(text):
        return f"another process of this training ended or cannot be reached ({first[:160]}); {GOES_ON}."
    if UNWRITTEN.search(text):
        return f"a file cannot be written ({first[:160]}); free some space or choose another folder; {GOES_ON}."
    return None

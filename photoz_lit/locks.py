"""One process at a time: a lock file with what is written."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file; the system frees it when the process ends, however it ends.

    Parameters
    ----------
    path : the lock file; it and its folder are made if missing, and the file stays. On file systems that know no
        locks nothing is held.
    waiting : is called once where another process, or another thread, holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666), "r+") as file:  # empties no file
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS_HERE:
                raise
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # said outright: forked loaders of data share the open file

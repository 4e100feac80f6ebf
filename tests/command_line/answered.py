"""How a process of its kind answers command lines that are wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

#: What takes seconds to load and no answer needs.
HEAVY = ("torch", "astropy", "sklearn", "matplotlib")


def answered(commands: Sequence[list[str]]) -> list[str]:
    """Sentences with which commands end in one process, each with code 2 and before anything heavy is loaded."""
    code = (
        "import sys\nfrom photoz_lit.__main__ import main\n"
        f"for command in {list(commands)!r}:\n"
        "    sys.argv = ['photoz_lit']\n"
        "    try:\n        main(command)\n"
        "    except SystemExit as stop:\n"
        f"        print(stop.code, [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    ends = done.stdout.splitlines()
    wrong = [(command, end) for command, end in zip(commands, ends, strict=False) if end != "2 []"]
    assert (wrong[:1], len(ends)) == ([], len(commands)), done.stderr[-2000:]
    sentences = done.stderr.splitlines()
    assert len(sentences) == len(commands)
    return sentences

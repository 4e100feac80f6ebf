"""Version of the distribution that is built: the last release, and how many commits lie behind it, from git tags."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent


def version(root: Path = ROOT) -> str:
    """Return ``0.1.0`` at the tag v0.1.0, ``0.1.0.post3+gabc1234`` three commits behind it.

    An sdist keeps the version in its PKG-INFO. Without git or tags it is the last release, ``photoz_lit.__version__``.

    Raises
    ------
    ValueError : the tag and ``photoz_lit.__version__`` are of different releases.
    """
    release = re.findall(r'^__version__ = "(.+)"$', (root / "photoz_lit" / "__init__.py").read_text(), re.MULTILINE)[0]
    kept = root / "PKG-INFO"
    if kept.is_file():
        return re.findall(r"^Version: (.+)$", kept.read_text(), re.MULTILINE)[0]
    tag, commits, commit = described(root) or (release, "0", "")
    if tag != release and commits == "0":
        raise ValueError(f"the tag is v{tag} and photoz_lit/__init__.py says {release}; make them agree.")
    return release if commits == "0" else f"{tag}.post{commits}+{commit}"


def described(root: Path) -> tuple[str, str, str] | None:
    """Return the last tag's release, the commits since and the commit (``g…``); None where git knows no tag."""
    if not (root / ".git").exists():  # an unpacked archive in another project's repository
        return None
    command = ["git", "describe", "--tags", "--long", "--match", "v[0-9]*"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    tag, commits, commit = done.stdout.strip().rsplit("-", 2)
    return tag.removeprefix("v"), commits, commit

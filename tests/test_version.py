"""The distribution's version comes from git tags; that in the ids of runs does not change with a commit."""

import subprocess
from pathlib import Path

import pytest

from build_version import version


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "photoz_lit").mkdir()
    (tmp_path / "photoz_lit" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@x.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "commit", "--allow-empty", "-m", "c")


def test_tags_and_commits_behind_them(project: Path) -> None:
    git(project, "init")
    commit(project)
    assert version(project) == "0.1.0"  # no tag yet
    git(project, "tag", "v0.1.0")
    assert version(project) == "0.1.0"
    commit(project)
    assert version(project).startswith("0.1.0.post1+g")
    git(project, "tag", "v0.2.0")
    with pytest.raises(ValueError, match=r"the tag is v0.2.0 and photoz_lit/__init__.py says 0.1.0"):
        version(project)


def test_without_git_it_is_the_release_or_that_of_the_sdist(project: Path) -> None:
    assert version(project) == "0.1.0"
    (project / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: photoz-lit\nVersion: 0.1.0.post7+gabc\n")
    assert version(project) == "0.1.0.post7+gabc"

"""A command line with any slip runs or ends with one sentence and exit code 2."""

from pathlib import Path

import pytest

from tests.conftest import make_store
from tests.reliability.commands import commands, count


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "run").mkdir()
    (folder / "run" / "metrics.json").write_text("{}")
    return {"STORE": str(make_store(folder / "store", n=80).path), "RUN": str(folder / "run")}


@pytest.mark.parametrize(
    ("number", "seed"), [(6, 1), *(pytest.param(200, seed, marks=pytest.mark.long) for seed in range(100, 110))]
)
def test_a_slip_is_one_sentence(
    number: int, seed: int, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, bad = count(number, seed, places)
    assert bad == []
    assert sum(found.values()) == number
    assert not (tmp_path / "a").exists()


def test_the_same_seed_makes_the_same_commands() -> None:
    assert list(commands(50, 3, {})) == list(commands(50, 3, {}))
    assert len({" ".join(words) for words in commands(2000, 0, {})}) > 1900

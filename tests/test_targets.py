"""What a ``_target_`` may name."""

import sys
from pathlib import Path

import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.dust import fill_ebv
from photoz_lit.ingest.settings import DustSettings
from photoz_lit.modules.cnn import BaselineCNN, PhotoZModule
from photoz_lit.networks.family import Family
from photoz_lit.networks.plain import Plain
from photoz_lit.run_folder import run_folder
from photoz_lit.targets import find_class, find_task, import_trusted
from photoz_lit.tasks import nz
from photoz_lit.tasks.overrides_of_jobs import overrides_of_jobs
from tests.composed import composed, composed_study


def test_classes_of_the_package_are_found() -> None:
    assert find_class("photoz_lit.modules.BaselineCNN", PhotoZModule, "module", "module._target_") is BaselineCNN
    assert find_class("photoz_lit.networks.plain.Plain", Family, "family", "network._target_") is Plain
    assert find_task("photoz_lit.tasks.nz.run") is nz.run
    assert find_task("research.realism.run").__module__ == "research.realism"


@pytest.mark.parametrize(
    "path",
    [
        "os.system", "subprocess.Popen", "builtins.eval", "torch.nn.Linear", "photoz_lit.processes.Processes",
        "photoz_lit.networks.plain.np", "photoz_lit.targets.import_module", "photoz_lit.networks.heads.Heads",
        "", "photoz_lit", "photoz_lit..x", "x", "..", "photoz_lit.nothing.Here",
    ],
)  # fmt: skip
def test_nothing_else_is(path: str) -> None:
    with pytest.raises(InputError, match="family"):
        find_class(path, Family, "family", "network._target_")
    with pytest.raises(InputError, match=r"task\._target_"):
        find_task(path)


@pytest.mark.parametrize(
    "path",
    [
        "photoz_lit.tasks.train.train",
        "photoz_lit.tasks.study.subprocess",
        "photoz_lit.tasks.nothing.run",
        "research.nothing.run",
    ],
)
def test_a_task_is_a_function_run_of_its_module(path: str) -> None:
    with pytest.raises(InputError, match=r"correct task\._target_"):
        find_task(path)


def test_a_package_from_elsewhere_is_imported_where_the_command_line_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_families.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from photoz_lit.networks.plain import Plain\nclass Mine(Plain):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_families", raising=False)
    with pytest.raises(InputError, match=r"trust=\[my_families\]"):
        find_class("my_families.Mine", Family, "family", "network._target_")
    assert not (tmp_path / "ran").exists()
    import_trusted(["my_families"])
    assert (tmp_path / "ran").exists()
    assert issubclass(find_class("my_families.Mine", Family, "family", "network._target_"), Plain)
    with pytest.raises(InputError, match="trust=no_such_package cannot be imported"):
        import_trusted(["no_such_package"])


def test_trust_changes_no_run_and_reaches_the_jobs_of_a_study(tmp_path: Path) -> None:
    assert run_folder(composed("trust=my_families"), "0") == run_folder(composed(), "0")
    assert 'trust=["a","b"]' in overrides_of_jobs(composed_study("study=width", "trust=[a,b]"))


def test_a_dust_map_is_one_of_dustmaps(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not in dustmaps"):
        fill_ebv(*(3 * [__import__("numpy").array([float("nan")])]), DustSettings(path=str(tmp_path), map="os.system"))

"""What a command line asks for, and the sentences on one that cannot be read."""

from pathlib import Path

import pytest

import photoz_lit
from photoz_lit.__main__ import main
from photoz_lit.command_line.arguments import read_arguments
from photoz_lit.errors import InputError


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith("photoz_lit: ")
    assert len(text.splitlines()) == 1
    assert not any(word in text for word in ("mismatched", "viable", "extraneous", "token recognition", "<EOF>"))
    return text.removeprefix("photoz_lit: ").strip()


@pytest.mark.parametrize("nothing", [[], ["-m"], ["--help"], ["-h"]])
def test_a_command_line_that_asks_for_nothing_gets_help(
    nothing: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(nothing)
    assert "python -m photoz_lit" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_overrides_alone_or_options_of_hydra_ask_for_something() -> None:
    assert not read_arguments(["field=hsc9b", "network=plain"]).asks_for_nothing
    assert not read_arguments(["--cfg", "job"]).asks_for_nothing
    assert read_arguments(["--cfg", "job", "seed=1", "--config-dir=tests"]).overrides == ("seed=1",)
    assert read_arguments(["--config-dir", "tests"]).config_dir == Path("tests")


def test_help_lists_every_kind_of_choice_and_loses_no_bracket(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    own = tmp_path / "ingest"
    own.mkdir()
    (own / "mine.yaml").write_text("# My reader [x].\n_target_: mine.Mine\n")
    main(["--help", "--config-dir", str(tmp_path)])
    text = capsys.readouterr().out
    words = ("train ", "hsc9b_early_fusion", "gain_by_survey", "cosmos_ud", "lam_npz", "pasquet", "guided_paired")
    assert all(word in text for word in words)
    assert "task=mismatch source=<store> targets=[<store>,...] [run=<run>]" in text
    assert "[bench.full=true]" in text
    assert "My reader [x]." in text
    assert "  base " not in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"photoz_lit {photoz_lit.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hlp"], "unknown option '--hlp'; did you mean '--help'?"),
        (["train"], "'train' is no key=value; did you mean task=train?"),
        (["task=[null]"], "'task=[null]': a choice of task is a name, one of bench, "),
        (["+experiment=-0.0"], "+experiment=-0.0: a choice of experiment is a name, one of cfhtls"),
        (["~field", "txask=train"], "~field: field cannot be left out; choose one of "),
        (["--cfg", "task=train"], "--cfg needs job or hydra or all behind it."),
        (["--cfg", "jo", "seed=1"], "--cfg jo: it takes job, hydra, all."),
        (["--experimental-rerun"], "--experimental-rerun needs a value behind it."),
        (["width", "seed=1"], "'width' is no key=value; did you mean task=study study=width?"),
        (["=3"], "'=3' is no key=value; --help shows what can be given."),
        (["--config-dir=/nowhere", "seed=1"], "--config-dir /nowhere: there is no such folder."),
        (
            ["task=ingest", "store=a,b"],
            'store=a,b is several values, as only a sweep (-m) takes them, a text with commas as "store=\'a,b\'".',
        ),
        (["modality.order=1,2"], "modality.order=1,2 is several values, as only a sweep (-m) takes them, a list as "
                                 "'modality.order=[1,2]'."),
        (["trainer.max_epochs=3)"], "'trainer.max_epochs=3)' cannot be read: '3)' is no value that"),
        (["data.label_weights={spec: 1"], "'data.label_weights={spec: 1' cannot be read: a bracket or a quote"),
        (["data.label_weights.my s=1"], "'data.label_weights.my s=1' cannot be read: a key has letters, digits"),
        (["experiment=hsc9b_erly_fusion"], "unknown experiment 'hsc9b_erly_fusion'; did you mean"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(arguments, capsys).startswith(sentence)


def test_an_option_without_a_dash_is_no_option() -> None:
    with pytest.raises(InputError, match="unknown option '-x'"):
        read_arguments(["-x"])

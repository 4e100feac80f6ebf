"""What a study's jobs take over from its own command line, and the refusal of all that they would not."""

from __future__ import annotations

from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

from photoz_lit.command_line.reach import leaves
from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.tasks.job_settings import composed

#: Sections of the config that are of the study itself, and keys beside them that its jobs take over.
NOT_OF_JOBS = {"task", "study", "paths", "logger"}
PASSED_ON = ("trust", "simulation.catalogue", "data.cache", "trainer.devices", "trainer.threads", "trainer.progress")


def inherited(config: Config) -> list[str]:
    """What a study's jobs take over from its own command line: where things lie, and on what they run."""
    trainer = config.trainer
    catalogue = config.simulation.catalogue
    return [
        *([f"trust=[{','.join(config.trust)}]"] if config.trust else []),
        *([] if catalogue is None else [quoted("simulation.catalogue", catalogue)]),
        quoted("paths.runs", config.paths.runs),
        quoted("data.cache", config.data.cache),
        f"trainer={trainer.name}",
        f"trainer.devices={str(trainer.devices).replace(' ', '')}",
        f"trainer.threads={'null' if trainer.threads is None else trainer.threads}",
        "trainer.progress=false",
        *_logger(config),
    ]


def require_passed_on(config: Config) -> None:
    """Refuse what was given to the study and would reach none of its jobs.

    Raises
    ------
    InputError : names the first such key.
    """
    usual = composed(["task=study", f"trainer={config.trainer.name}", f"logger={config.logger.name}"])
    given, default = (
        leaves(one.model_dump(mode="json", by_alias=True, exclude=NOT_OF_JOBS)) for one in (config, usual)
    )
    common = [] if config.study is None else config.study.common
    for key, value in given.items():
        if key not in PASSED_ON and default.get(key) != value:
            override = f"{key.removesuffix('.name')}={str(value).replace(chr(39), '')}"  # no quotes within quotes
            raise InputError(
                f"a study's jobs do not get {override}; give it to all of them, as in"
                f' "study.common={[*common, override]}".'
            )


def quoted(key: str, path: str | Path) -> str:
    """Override in quotes: a comma, as in the job ``order-1,2``, is a sweep without them."""
    return f"{key}={QuotedString(str(path), Quote.single).with_quotes()}"


def _logger(config: Config) -> list[str]:
    """W&B where the study asks for it: its jobs make one group."""
    if config.logger.name == "csv" or config.study is None:
        return []
    entity = "null" if config.logger.entity is None else config.logger.entity
    return [
        f"logger={config.logger.name}",
        f"logger.project={config.logger.project}",
        f"logger.group={config.study.name}",
        f"logger.entity={entity}",
    ]

"""``engine=slurm``: an array of long-lived jobs through submitit, which share the tiles by files in a folder."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from photoz_lit.config_errors import checked
from photoz_lit.engines.engine import Engine
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Failed, KeptWorker, Made, Outcome, Stopped, Tiles
from photoz_lit.errors import InputError
from photoz_lit.files import write_json
from photoz_lit.settings import Settings

FOLDER = ".jobs"
SHARED = ("name", "timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb")  # the others are Slurm's alone
ROUNDS = 3  # a tile whose job was lost in two of them is not tried again
KINDS: dict[str, type[Outcome]] = {"made": Made, "failed": Failed, "stopped": Stopped}


class SlurmOptions(Settings):
    """Options of ``engine=slurm``; what ``sbatch`` knows goes through as it is, null leaves it to the cluster.

    Attributes
    ----------
    cluster : ``slurm``, or ``local`` for jobs on this machine.
    poll : between looks at what the jobs have made [s].
    """

    cluster: Literal["slurm", "local"] = "slurm"
    poll: float = 5.0
    name: str = "photoz_lit"
    timeout_min: int = 720
    cpus_per_task: int | None = 1
    gpus_per_node: int | None = None
    mem_gb: float | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: list[str] | None = None
    additional_parameters: dict[str, Any] | None = None


class SlurmEngine(Engine):
    """Submits ``engine.workers`` jobs that make tile after tile; tiles of a lost job are made in a next round."""

    def __init__(self, settings: EngineSettings, place: EnginePlace) -> None:
        super().__init__(settings, place)
        self.options = checked(SlurmOptions, settings.options, "engine.options.")
        self.folder = place.folder / FOLDER
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise InputError("engine=slurm needs submitit; pip install 'photoz-lit[slurm]'.") from error

    def outcomes(self, tiles: Tiles, numbers: Sequence[int]) -> Iterator[Outcome]:
        """Outcomes, see :class:`~photoz_lit.engines.engine.Engine`.

        Raises
        ------
        InputError : the cluster takes no jobs, or its jobs end before their first tile.
        """
        left, deaths = list(numbers), dict.fromkeys(numbers, 0)
        for _ in range(ROUNDS):
            if not left:
                return
            jobs = _Jobs(self, tiles, left)
            try:
                yield from jobs.outcomes()
                left = jobs.left()
                begun = jobs.begun()
            finally:
                jobs.end()
            if len(left) == len(jobs.numbers) and not begun:
                yield Stopped(f"the jobs of engine=slurm end before their first {tiles.name}: {jobs.reason()}")
                return
            for number in begun & set(left):
                deaths[number] += 1
                if deaths[number] > 1:
                    yield Failed(number, "the jobs that took it ended without a result")
                    left.remove(number)
        yield from (Failed(number, "no job took it in time") for number in left)


class _Jobs:
    """One array of jobs and the folder in which they say what they do."""

    def __init__(self, engine: SlurmEngine, tiles: Tiles, numbers: Sequence[int]) -> None:
        self._poll, self._folder = engine.options.poll, engine.folder
        self._open = dict.fromkeys(numbers)
        self.numbers = list(numbers)
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier sitting
        (self._folder / "claims").mkdir(parents=True)
        count = min(engine.settings.workers, len(numbers))
        write_json(self._folder / "tiles.json", {"numbers": self.numbers, "jobs": count})
        self._read = dict.fromkeys(range(count), 0)
        self._submitted = _executor(engine).map_array(
            work, [tiles] * count, [str(self._folder)] * count, list(range(count))
        )

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes as the jobs write them, until all tiles have one or all jobs have ended."""
        while self._open:
            ended = all(job.done() for job in self._submitted)
            for outcome in self._written():
                if isinstance(outcome, Stopped):
                    yield outcome
                elif outcome.number in self._open:
                    del self._open[outcome.number]
                    yield outcome
            if ended:
                return
            if self._open:
                time.sleep(self._poll)

    def _written(self) -> Iterator[Outcome]:
        """Outcomes in the lines that jobs wrote since the last look; a line that is not whole yet waits."""
        for rank, read in self._read.items():
            path = _results(self._folder, rank)
            if path.exists() and path.stat().st_size > read:
                with path.open("rb") as file:
                    file.seek(read)
                    text = file.read()
                whole = text[: text.rfind(b"\n") + 1]
                self._read[rank] = read + len(whole)
                for line in whole.splitlines():
                    kind, content = json.loads(line)
                    yield KINDS[kind](**content)

    def left(self) -> list[int]:
        """Tiles without an outcome."""
        return list(self._open)

    def begun(self) -> set[int]:
        """Tiles that a job took."""
        return {int(path.name) for path in (self._folder / "claims").iterdir()}

    def reason(self) -> str:
        """What the first job says of its end."""
        try:
            self._submitted[0].result()
        except Exception as error:  # submitit's errors have no common root
            return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return f"see {self._folder}"

    def end(self) -> None:
        """End jobs that still run, and remove their folder where nothing is left to look at."""
        for job in self._submitted:
            if not job.done():
                job.cancel(check=False)
        if not self._open:
            shutil.rmtree(self._folder, ignore_errors=True)


def work(tiles: Tiles, folder: str, rank: int) -> None:
    """Make tiles that no other job has taken, one after another, in a job of the cluster."""
    place, kept = Path(folder), KeptWorker(tiles)
    shared = json.loads((place / "tiles.json").read_text())
    numbers = shared["numbers"]
    start = rank * len(numbers) // shared["jobs"]  # jobs begin far from each other, and meet at the end
    with _results(place, rank).open("a", encoding="utf-8") as results:
        for number in [*numbers[start:], *numbers[:start]]:
            if not _claimed(place, number):
                continue
            outcome = kept.attempt(number)
            kind = next(name for name, one in KINDS.items() if isinstance(outcome, one))
            results.write(json.dumps([kind, asdict(outcome)]) + "\n")
            results.flush()
            if isinstance(outcome, Stopped):
                return


def _claimed(folder: Path, number: int) -> bool:
    """Take a tile for this job; one file system gives it to one job alone."""
    try:
        os.close(os.open(folder / "claims" / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    return True


def _results(folder: Path, rank: int) -> Path:
    return folder / f"results_{rank:05d}.jsonl"


def _executor(engine: SlurmEngine) -> Any:
    """The executor of submitit with the options of the jobs."""
    import submitit

    options = engine.options
    given = options.model_dump(exclude={"cluster", "poll"}, exclude_none=True)
    if options.cluster == "local":
        given = {name: value for name, value in given.items() if name in SHARED}
    try:
        executor = submitit.AutoExecutor(folder=engine.folder.parent / ".log" / "%j", cluster=options.cluster)
    except RuntimeError as error:
        raise InputError(f"engine=slurm: {error}; run it where sbatch is, or with engine=local.") from error
    executor.update_parameters(**{name if name in SHARED else f"slurm_{name}": value for name, value in given.items()})
    return executor

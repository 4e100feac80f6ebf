"""The seam of engines: tiles in, outcomes out, in whatever order they come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Failed, Made, Outcome, Stopped, Tiles
from photoz_lit.errors import InputError
from photoz_lit.targets import find_class

NAMED = 5  # tiles that a sentence names


class Engine(ABC):
    """Makes tiles on workers.

    A tile whose worker is lost is made again. One that cannot be made, or whose workers are lost twice, is an outcome
    :class:`~photoz_lit.engines.tiles.Failed`, and all others are made.

    Parameters
    ----------
    settings : section ``engine``.
    place : where it runs.
    """

    def __init__(self, settings: EngineSettings, place: EnginePlace) -> None:
        self.settings = settings
        self.place = place

    @abstractmethod
    def outcomes(self, tiles: Tiles, numbers: Sequence[int]) -> Iterator[Outcome]:
        """Outcome of each tile, as soon as it is known; few are in memory at a time.

        Raises
        ------
        InputError : the workers cannot be reached, or are lost as a whole.
        """


def engine_of(settings: EngineSettings, place: EnginePlace) -> Engine:
    """Engine that the config names.

    Raises
    ------
    InputError : it cannot be imported, is none, or its options are wrong.
    """
    kind = find_class(settings.target, Engine, "engine", "engine._target_")  # type: ignore[type-abstract]  # a concrete one comes back
    return kind(settings, place)


def made_tiles(engine: Engine, tiles: Tiles, numbers: Sequence[int]) -> Iterator[Made]:
    """Tiles that an engine makes.

    Parameters
    ----------
    engine : makes them.
    tiles, numbers : the work, and which of its tiles.

    Raises
    ------
    InputError : when nothing more can be made, at once; after all others are made, names those that cannot be.
    """
    failed: list[Failed] = []
    for outcome in engine.outcomes(tiles, numbers):
        if isinstance(outcome, Stopped):
            raise InputError(outcome.reason)
        if isinstance(outcome, Failed):
            failed.append(outcome)
        else:
            yield outcome
    if failed:
        raise InputError(_sentence(tiles.name, sorted(failed, key=lambda one: one.number), len(numbers)))


def _sentence(name: str, failed: list[Failed], total: int) -> str:
    listed = "; ".join(f"{name} {one.number}: {one.reason.rstrip('.')}" for one in failed[:NAMED])
    more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    them = "it" if len(failed) == 1 else "them"
    return (
        f"{len(failed)} of {total} {name}s could not be made ({listed}{more}); the others are whole, and the same"
        f" command tries {them} again."
    )

"""``task=fetch``: stamps from a public service, for a table of positions."""

from __future__ import annotations

from rich.console import Console

from photoz_lit.command_line.quoting import shell_quoted, typed
from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.tasks.options import FetchOptions


def run(config: Config, options: FetchOptions) -> None:
    """Fetch the stamps of ``task.catalogue`` from ``fetch`` into ``task.output``.

    Raises
    ------
    InputError : the table does not fit the service, the environment lacks its account, files failed (the same command
        asks for them again), or none came.
    """
    from photoz_lit.fetch.fetch import fetch_files
    from photoz_lit.fetch.plan import make_plan, read_positions

    settings = config.fetch
    assert settings is not None  # the task needs it
    console = Console()
    plan = make_plan(read_positions(options.catalogue, options.table, settings), settings)
    files, least = len(plan.files), len(plan.files) / settings.requests_per_second
    console.print(
        f"{len(plan.table):,} rows, {files:,} files of {shown(settings.name)}; with"
        f" {settings.requests_per_second:g} requests"
        f" per second this takes {least / 60:.0f} min or more.",
        highlight=False,
    )
    fetched = fetch_files(plan, settings, options.output, options.again, console)
    console.print(f"{fetched.new:,} files came, {fetched.there:,} were there before.", highlight=False)
    for reason, count in fetched.missing["reason"].value_counts().items():
        console.print(f"missing: {count:,} × {shown(reason)}", highlight=False)
    table = options.output / "missing.csv"
    if len(fetched.missing):
        rows = fetched.missing["row"].nunique()
        console.print(f"{rows:,} of {len(plan.table):,} rows lack a file; {shown(table)} lists them.", highlight=False)
    if fetched.stopped or fetched.failed:
        why = f"stopped: {fetched.stopped}" if fetched.stopped else f"{fetched.failed:,} files failed"
        raise InputError(
            f"{settings.name} {why}; {table} lists what is missing, and the same command asks for it again."
        )
    if not fetched.new + fetched.there:
        raise InputError(f"{settings.name} has none of the files; {table} says why for each row.")
    console.print("Read it with:")
    console.print(reading_command(settings, options), markup=False, highlight=False, soft_wrap=True)


def reading_command(settings: FetchSettings, options: FetchOptions) -> str:
    """Return the command that makes a store of the folder."""
    words = ["task=ingest", *settings.read_with, typed("ingest.path", options.output)]
    words.append(typed("ingest.catalogue", options.catalogue))
    if options.table is not None:
        words.append(typed("ingest.table", str(options.table)))
    for target in ("object_id", "ra", "dec"):
        source = settings.columns.get(target)
        if source is None or (isinstance(source, str) and source != target):
            words.append(typed(f"ingest.columns.{target}", "null" if source is None else source))
    if not settings.all_bands_in_one:
        words.append(shell_quoted(f"ingest.bands=[{','.join(settings.bands)}]"))
    if settings.zero_point is not None:
        points = ", ".join(f"{band}: {settings.zero_point:g}" for band in settings.bands)
        words.append(shell_quoted(f"ingest.zero_points={{{points}}}"))
    if not any(word.startswith("field=") for word in words):
        words.append("field=<your field>")
    return f"python -m photoz_lit {' '.join(words)} {typed('store', f'stores/{options.output.name}')}"

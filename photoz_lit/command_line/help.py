"""``--help``: tasks, experiments, studies, fields, readers, networks and adaptations, one line each."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from photoz_lit.command_line.choices import choices_of, config_folders, description_of

USAGE = """[bold]photoz_lit[/bold]: galaxy photometric redshifts from multi-band images

  python -m photoz_lit experiment=<name> \\[key=value ...]      train and evaluate
  python -m photoz_lit task=<task> \\[key=value ...]            any other task
  python -m photoz_lit task=<task> --help                     the keys that a task takes
  python -m photoz_lit -m experiment=<name> key=a,b,c         sweep: one job per combination
  python -m photoz_lit --cfg job experiment=<name>            print the whole config
  python -m photoz_lit --version
"""
#: Group -> title of its list. A ``base`` is what the other choices of a group share, no choice itself.
LISTED = {
    "task": "tasks",
    "experiment": "experiments",
    "study": "studies",
    "field": "fields (field=)",
    "ingest": "readers of archives (ingest=)",
    "network": "networks, and rivals on magnitudes (network=)",
    "adapt": "ways to adapt to another field (adapt=)",
}


def print_help(config_dir: Path | None = None) -> None:
    """Print how commands look, and the choices of every group that a user chooses from."""
    console = Console()
    console.print(USAGE, highlight=False)
    folders = config_folders(config_dir)
    for group, title in LISTED.items():
        table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 2))
        for name, path in choices_of(group, folders).items():
            if name != "base":
                table.add_row(escape(name), escape(description_of(path, group)))
        if table.row_count:
            console.print(table, highlight=False)
            console.print()

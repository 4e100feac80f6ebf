"""``--help``: tasks, experiments, studies, fields, readers, networks and adaptations, one line each."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from photoz_lit.command_line.choices import choices_of, config_folders, description_of, read_choice
from photoz_lit.console import NamesTable
from photoz_lit.errors import InputError
from photoz_lit.tasks.task import Task, marked

USAGE = """[bold]photoz_lit[/bold]: galaxy photometric redshifts from multi-band images

  python -m photoz_lit experiment=<name> \\[key=value ...]      train and evaluate
  python -m photoz_lit task=<task> \\[key=value ...]            any other task
  python -m photoz_lit --help <task>                          the keys that a task takes
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
    "fetch": "services of images (fetch=)",
    "network": "networks, and rivals on magnitudes (network=)",
    "adapt": "ways to adapt to another field (adapt=)",
}


def print_help(config_dir: Path | None = None) -> None:
    """Print how commands look, the choices of every group that a user chooses from, and the options of tasks."""
    console = Console()
    console.print(USAGE, highlight=False)
    folders = config_folders(config_dir)
    for group, title in LISTED.items():
        table = NamesTable(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 2))
        for name, path in choices_of(group, folders).items():
            if name != "base":
                table.add_row(name, description_of(path, group))
                if group == "task" and (options := options_of(path)):
                    table.add_row("", Text(options, style="dim"))
        if table.row_count:
            console.print(table, highlight=False)
            console.print()


def options_of(path: Path) -> str:
    """Options of a task in short, as ``options: run=<run folder>, drop``; "" where it has none."""
    content = read_choice(path)
    try:
        task = Task.of(content)
    except (InputError, KeyError):  # of the user's own, whose package is not trusted here
        return ""
    kinds = dict(marked(task.options))
    shown = [
        f"{task.spelt(name)}=<{kinds[name]}>" if name in kinds else task.spelt(name)
        for name in task.options.model_fields
    ]
    return f"options: {', '.join(shown)}" if shown else ""

"""``task=report``: write ``report.html`` of each run, and one over all of them."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.evaluation.comparison.runs import find_runs
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.evaluation.report.runs_report import write_runs_report
from photoz_lit.tasks.options import ReportOptions


def run(config: Config, options: ReportOptions) -> None:  # noqa: ARG001
    """Write the reports of ``task.runs`` (or ``task.run``) from what lies in the run folders."""
    console = Console()
    folders = find_runs(options.runs or options.run)
    for folder in folders:
        console.print(f"Report: [bold]{shown(write_report(folder))}[/bold]")
    if len(folders) > 1:
        together = Path(os.path.commonpath([folder.resolve() for folder in folders])) / "report.html"
        console.print(f"All runs: [bold]{shown(write_runs_report(folders, together))}[/bold]")

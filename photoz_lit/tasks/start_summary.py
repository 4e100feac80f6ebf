"""The summary printed before a training starts: scale, data, split, what is fitted, and about how long it will take."""

from __future__ import annotations

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.estimators.estimator import Description
from photoz_lit.networks.settings import NetworkSettings
from photoz_lit.printed import DATA_MARK
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.training_data import TrainingData

FEW = 5000  # labelled galaxies


def print_start(
    console: Console, config: Config, data: TrainingData, description: Description, folder: RunFolder
) -> None:
    """Print the start summary of a run."""
    sample = data.evaluated
    table = NamesTable(title=f"{shown(config.experiment.name)}", title_justify="left", show_header=False)
    table.add_row("scale", f"{config.scale.name}: {sample.stamp_size}×{sample.stamp_size} pixels")
    table.add_row("data", f"{DATA_MARK[sample.data]}, field {sample.field.name}, bands {' '.join(sample.bands)}")
    table.add_row("galaxies", ", ".join(_counts(data)))
    for name, text in description.lines.items():
        table.add_row(name, text)
    table.add_row("run folder", str(folder.path))
    console.print(table)
    for sentence in small_sample(config, data):
        console.print(f"[yellow]Note:[/yellow] {shown(sentence)}", highlight=False)
    if description.details is not None:
        console.print(description.details)


def small_sample(config: Config, data: TrainingData) -> list[str]:
    """Return what to expect of a network, and what to try instead, where the user's own store has few labels."""
    labelled = int(data.evaluated.labelled.sum())
    if not config.data.stores or labelled >= FEW or not isinstance(config.network, NetworkSettings):
        return []
    advice = []
    if config.module.init is None:
        advice.append("module.init=<run> begins with the weights of another run")
    if config.scale.name != "demo":
        advice.append("scale=demo trains a narrow network, in minutes")
    sample = data.evaluated
    observed = all(sample.field.bands[band].seeing and sample.field.bands[band].depth for band in sample.bands)
    forest, read = ("photometry", "on the stamps") if observed else ("catalogue", "of the catalogue")
    advice.append(f"network={forest}_forest fits a forest to magnitudes {read}, in seconds")
    return [
        f"{labelled:,} labelled galaxies are few for a network: from scratch it may be no better than a forest, and its"
        f" metrics come from {len(data.first.test):,} test galaxies; cv.folds=5 tests all. Compare: {'; '.join(advice)}"
        " (docs/fine_tune.md)."
    ]


def _counts(data: TrainingData) -> list[str]:
    """Galaxies per use (training, validation, test), and how many are left out."""
    split, sample = data.first, data.evaluated
    unlabelled = 0 if data.adapted else int((~sample.labelled).sum())
    counts = [(len(split.train), "to train"), (len(split.validation), "to validate"), (len(split.test), "to test")]
    if data.aligned:
        counts.append((len(split.images_only[0]), "of the target to adapt to"))
    left_out = ((unlabelled, "without a redshift left out"), (sample.lacking, "that lack a band left out"))
    counts += [(n, why) for n, why in left_out if n]
    return [f"{n} {what}" for n, what in counts]

"""What ``task=bench`` prints."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box

from photoz_lit.console import NamesTable, shown

#: Network -> number of bands -> its row of ``bench.json``.
Networks = Mapping[str, Mapping[str, Mapping[str, float]]]


#: Heading of a column -> what stands there, and how it is written.
Columns = Mapping[str, tuple[str, str]]
SPEEDS: Columns = {
    "GFLOP\n/image": ("gflop_per_image", ".3f"),
    "train\nimg/s": ("train_img_s", ".1f"),
    "×\nplain": ("speedup_train", ".1f"),
    "MFU": ("mfu", ".0%"),
    "infer\nimg/s": ("infer_img_s", ".1f"),
    " ×\nplain": ("speedup_infer", ".1f"),
    " MFU": ("mfu_infer", ".0%"),
}
#: What a training step spends its time on; the last is a share of its operations.
SHARES: Columns = {
    "waits\nfor data": ("data_wait", ".1%"),
    "Muon": ("muon_share", ".0%"),
    "parallel\nbranches": ("parallel_time_share", ".0%"),
    "their\nFLOP": ("parallel_flop_share", ".0%"),
}


def networks_table(networks: Networks, title: str, columns: Columns) -> NamesTable:
    """Figures of the networks, one row for each and its number of bands."""
    table = NamesTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("network", no_wrap=True)
    for heading in ("bands", *columns):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, by_bands in networks.items():
        for n_bands, row in by_bands.items():
            table.add_row(name, n_bands, *(format(row[key], style) for key, style in columns.values()))
    return table


def branches_line(branches: dict[str, dict[str, float]]) -> str:
    """What the parallel stems take as a loop and as grouped convolutions."""
    parts = [f"{n} bands {t['loop_ms']:.0f} ms / {t['grouped_ms']:.0f} ms" for n, t in branches.items()]
    return "treyer's parallel stems, loop / grouped convolutions: " + ", ".join(parts)


def ensembles_line(ensembles: dict[str, dict[str, float]], members: int) -> str:
    """What the gradients of an ensemble take one by one and with stacked weights."""
    parts = [f"{shown(name)} {t['one_by_one_ms']:.0f} ms / {t['stacked_ms']:.0f} ms" for name, t in ensembles.items()]
    return f"gradients of {members} networks, one by one / weights stacked: " + ", ".join(parts)

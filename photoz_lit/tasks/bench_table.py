"""What ``task=bench`` prints."""

from __future__ import annotations

from rich import box

from photoz_lit.console import NamesTable, shown


def speed_table(networks: dict[str, dict[str, dict[str, float]]], title: str) -> NamesTable:
    """Speeds of the networks, one row for each and its number of bands."""
    table = NamesTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("network", no_wrap=True)
    per_image, train, infer, shares = "GFLOP\n/image", "train\nimg/s", "infer\nimg/s", ("time\n∥", "FLOP\n∥")
    for heading in ("bands", per_image, train, "×\nplain", "MFU", "data\nwait", "Muon", infer, "×\nplain", *shares):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, by_bands in networks.items():
        for n_bands, row in by_bands.items():
            table.add_row(
                name,
                n_bands,
                f"{row['gflop_per_image']:.3f}",
                f"{row['train_img_s']:.1f}",
                f"{row['speedup_train']:.1f}",
                f"{row['mfu']:.0%}",
                f"{row['data_wait']:.1%}",
                f"{row['muon_share']:.0%}",
                f"{row['infer_img_s']:.1f}",
                f"{row['speedup_infer']:.1f}",
                f"{row['parallel_time_share']:.0%}",
                f"{row['parallel_flop_share']:.0%}",
            )
    table.caption = "data wait, Muon, ∥ (parallel branches): shares of a training step's time; FLOP: of its operations"
    return table


def branches_line(branches: dict[str, dict[str, float]]) -> str:
    """What the parallel stems take as a loop and as grouped convolutions."""
    parts = [f"{n} bands {t['loop_ms']:.0f} ms / {t['grouped_ms']:.0f} ms" for n, t in branches.items()]
    return "treyer's parallel stems, loop / grouped convolutions: " + ", ".join(parts)


def ensembles_line(ensembles: dict[str, dict[str, float]], members: int) -> str:
    """What the gradients of an ensemble take one by one and with stacked weights."""
    parts = [f"{shown(name)} {t['one_by_one_ms']:.0f} ms / {t['stacked_ms']:.0f} ms" for name, t in ensembles.items()]
    return f"gradients of {members} networks, one by one / weights stacked: " + ", ".join(parts)

"""``task=predict task.output=<folder>``: predictions of a store of any length, in shards, resumed after any stop."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.id_type import record_of
from photoz_lit.data.store import open_images
from photoz_lit.data.streamed_sample import StreamedSample, stream_sample
from photoz_lit.engines.engine import Engine, engine_of, made_tiles
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.hats_catalogue import require_hats, write_hats
from photoz_lit.evaluation.predictions.manifest import Manifest
from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns
from photoz_lit.evaluation.predictions.shard_files import FORMATS, ShardFormat, shard_file
from photoz_lit.ingest.streamed_mosaics import StreamedMosaics, stream_mosaics
from photoz_lit.processes import ended_by_sigterm
from photoz_lit.progress import counted
from photoz_lit.provenance import provenance
from photoz_lit.rows import RowCount, record
from photoz_lit.run_folder import RunFolder, config_of_run, write_config
from photoz_lit.setting_roles import identity
from photoz_lit.tasks.options import PredictOptions
from photoz_lit.tasks.prediction_cache import digest_of
from photoz_lit.tasks.prediction_identity import versions_and_networks
from photoz_lit.tasks.prediction_shard import ShardPlan
from photoz_lit.tasks.unseen_networks import UnseenNetworks

LIST = ".galaxies.arrow"  # of the galaxies, while they are predicted
BYTES_BESIDE_PDF = 150  # of a galaxy in a file


def predict_in_shards(config: Config, options: PredictOptions, folder: Path) -> Manifest:
    """Predict every galaxy of ``data.store`` into shards in a folder, those that are missing there.

    Parameters
    ----------
    config, options : of the task.
    folder : ``task.output``.

    Raises
    ------
    InputError : the folder holds something else or shards made of something else, another process writes into it, or
        the disk is full; what is there stays.
    """
    console, source = Console(), RunFolder(options.run)
    if "hats" in options.format:
        require_hats()
    trained, gpus = _applied(config, options)
    if config.data.mosaics is None:
        for path in config.data.stores:  # what is no store is refused before anything is written
            open_images(path)
    columns = PdfColumns(options.pdf, trained.field.z_edges)
    manifest = Manifest(folder, {}, {})
    manifest.require_ours()

    def refuse() -> None:
        raise InputError(f"{folder}: another process writes shards there; wait for its end, or give a new task.output.")

    # Lightning's handler of SIGTERM alone lets a prediction go on to its end
    with ended_by_sigterm(), RunFolder(folder).only_writer(refuse):
        RunFolder(folder).make()
        networks = UnseenNetworks(trained, source, options.drop)
        try:
            galaxies = _galaxies(config, trained, folder / LIST, networks)
            made_of = _made_of(config, options, trained, galaxies, gpus)
            manifest.made_of = made_of
            damaged = manifest.take_up()
            if damaged:
                console.print(f"Shards {_listed(damaged)} differ from the manifest or are gone; they are made anew.")
            formats = _shard_formats(options)
            plan = ShardPlan(folder, trained, source, options.drop, galaxies, columns, formats, options.shard, made_of)
            manifest.about = {
                "data": galaxies.data,
                "galaxies": len(galaxies),
                "pdf": options.pdf,
                **columns.grid,
                **record(galaxies.rows),
            }
            engine = engine_of(_engine(config, options), EnginePlace(folder=folder, gpus=tuple(gpus)))
            _make(console, config, plan, manifest, engine)
            if "hats" in options.format:
                _gather(plan, manifest, options.margin)
        finally:
            _tidy(folder)
        made = provenance(trained, galaxies.data, galaxies.data_hash)
        about = {"run": str(source.path), "drop": options.drop, "threads": trained.trainer.threads}
        RunFolder(folder).write_json("provenance.json", {**made, **about, **record(galaxies.rows)})
        write_config(folder, trained)
    _say(console, galaxies.rows, manifest, options)
    return manifest


def _applied(config: Config, options: PredictOptions) -> tuple[Config, list[str]]:
    """Config of the run with the trainer that each process applies it on, and the GPUs for several processes."""
    trainer = config.trainer
    if trainer.devices not in (1, "auto") or trainer.num_nodes != 1:
        raise InputError(
            "task.output predicts on one device per process; give engine.workers instead of trainer.devices or"
            " trainer.num_nodes."
        )
    on_gpu = trainer.accelerator == "gpu" or (trainer.accelerator == "auto" and torch.cuda.is_available())
    gpus = [str(number) for number in range(torch.cuda.device_count())] if on_gpu else []
    threads = trainer.threads or 1
    applied = trainer.model_copy(update={"devices": 1, "strategy": "auto", "progress": False, "threads": threads})
    return config_of_run(options.run, config).model_copy(update={"trainer": applied}), gpus


def _galaxies(
    config: Config, trained: Config, file: Path, networks: UnseenNetworks
) -> StreamedSample | StreamedMosaics:
    """Galaxies of the stores, or of the mosaics, listed in a file."""
    data, bands = config.data, tuple(trained.data.bands or trained.field.band_names)
    size = trained.scale.stamp_size
    further = (file, data.select, data.missing_bands, networks.folds)
    if data.mosaics is None:
        return stream_sample([open_images(path) for path in data.stores], trained.field, size, bands, *further)
    # the reader cuts what the network sees; what the user gives stays
    settings = {"path": data.mosaics, "bands": list(bands), "stamp_size": size}
    return stream_mosaics(config.ingest.model_copy(update=settings), trained.field, size, bands, *further)


def _made_of(
    config: Config,
    options: PredictOptions,
    trained: Config,
    galaxies: StreamedSample | StreamedMosaics,
    gpus: list[str],
) -> dict[str, Any]:
    """What shapes every byte of the shards, as the manifest keeps it."""
    return {
        **versions_and_networks(RunFolder(options.run)),
        "stores": galaxies.data_hash,
        "settings": {
            **options.model_dump(mode="json", include={"drop", "pdf", "shard"}),
            "format": _shard_formats(options),
            "data.select": config.data.select,
            "data.missing_bands": config.data.missing_bands,
            "tta": trained.images_per_galaxy,
            "threads": trained.trainer.threads,  # the last bits of a PDF depend on them
            "config": digest_of(identity(trained)),
            **record_of(galaxies.id_type),
        },
        "processor": "gpu" if gpus else "cpu",
    }


def _shard_formats(options: PredictOptions) -> list[ShardFormat]:
    """Formats of the shards; a HATS catalogue is made from those in Parquet."""
    kinds: list[ShardFormat] = [kind for kind in options.format if kind != "hats"]
    return kinds if "hats" not in options.format or "parquet" in kinds else ["parquet", *kinds]


def _gather(plan: ShardPlan, manifest: Manifest, margin: float) -> None:
    """Write the HATS catalogue of all shards, where it is not there already with this margin."""
    if manifest.hats is None or manifest.hats.get("margin", 0.0) != margin:
        shards = [plan.folder / shard_file("parquet", number) for number in range(plan.n_shards)]
        manifest.hats = write_hats(plan.folder, shards, plan.columns, margin)
        manifest.write()


def _engine(config: Config, options: PredictOptions) -> EngineSettings:
    """Section ``engine``, with the workers that the former spelling ``task.processes`` may give."""
    if options.processes is None:
        return config.engine
    return config.engine.model_copy(update={"workers": options.processes})


def _make(console: Console, config: Config, plan: ShardPlan, manifest: Manifest, engine: Engine) -> None:
    """Make the shards that are missing, and count each in the manifest as soon as it is whole."""
    missing = [number for number in range(plan.n_shards) if number not in manifest.shards]
    _require_space(plan, len(missing))
    manifest.write()
    with counted("shards", console, config.trainer.progress) as progress:
        bar = progress.add_task("predicting", total=plan.n_shards, completed=plan.n_shards - len(missing))
        try:
            for made in made_tiles(engine, plan, missing):
                manifest.add(made.number, made.entry)
                progress.advance(bar)
        except BaseException:
            with suppress(InputError):  # the first error is the one to tell of; the journal has what was added
                manifest.write()
            raise
    manifest.write()


def _require_space(plan: ShardPlan, shards: int) -> None:
    """Refuse to begin where the disk has no room for the shards that are missing."""
    galaxies = min(shards * plan.size, len(plan.galaxies))
    needed = galaxies * (4 * plan.columns.size + BYTES_BESIDE_PDF) * len(plan.formats)
    free = shutil.disk_usage(plan.folder).free
    if needed > free:
        raise InputError(
            f"{plan.folder} needs {needed / 1e9:.2f} GB more and its disk has {free / 1e9:.2f} GB free; make room, give"
            " another task.output, or task.pdf=quantiles."
        )


def _tidy(folder: Path) -> None:
    """Remove the list of galaxies, and what a stopped process left half written."""
    (folder / LIST).unlink(missing_ok=True)
    for place in {kind[0] for kind in FORMATS.values()}:
        for path in (folder / place).glob("shard_*.partial.*"):
            path.unlink(missing_ok=True)


def _say(console: Console, rows: RowCount, manifest: Manifest, options: PredictOptions) -> None:
    console.print(rows.line(), highlight=False)
    without = sum(entry["without_pdf"] for entry in manifest.shards.values())
    if without:
        console.print(f"{without} galaxies have no PDF: the network's output is not finite, as where a pixel is NaN.")
    if manifest.hats is not None and manifest.hats["without_position"]:
        console.print(f"{manifest.hats['without_position']} galaxies have no position and are in the shards alone.")
    places = ", ".join(f"{FORMATS[kind][0]}/" if kind != "hats" else "hats/" for kind in options.format)
    console.print(
        f"{rows.used:,} galaxies predicted in {len(manifest.shards)} shards: [bold]{shown(manifest.folder)}[/bold]"
        f" ({places}, manifest.json)"
    )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")

"""Weights & Biases: one run per job, offline unless a key is set, never a prompt; the CSV stays the truth."""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger, WandbLogger
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.errors import InputError
from photoz_lit.evaluation.plots.montage import montage
from photoz_lit.files import plain
from photoz_lit.run_folder import RunFolder

if TYPE_CHECKING:
    import wandb


class MemberLogger(WandbLogger):
    """Lightning's W&B logger with paths as names: ``fold_0/member_0/val_loss``."""

    LOGGER_JOIN_CHAR = "/"


class WandbRun:
    """The W&B run of one job; does nothing where ``logger`` is not wandb, and on every rank but the first.

    Parameters
    ----------
    config : of the job.
    folder : its run folder; the run's id follows from it, so that a resumed job goes on in the same run.
    label : what tells the jobs of a group apart, where ``logger.job_type`` does not say it.
    """

    def __init__(self, config: Config, folder: RunFolder, label: str) -> None:
        self.config = config
        self.label = label
        self.folder = folder
        self.run: Any = None
        if config.logger.name != "wandb" or not is_main_process():
            return
        require_wandb(config)
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        # Tables with pictures are staged here until `wandb sync`: they stay with the run, not in the home folder.
        os.environ.setdefault("WANDB_DATA_DIR", str((folder.path / "wandb").resolve()))
        if not os.environ.get("WANDB_API_KEY"):
            self.run = self._start("offline")
            return
        try:
            if not answers():
                raise wandb.errors.CommError("no connection")
            self.run = self._start("online")
        except wandb.errors.Error as error:
            reason = " ".join(str(error).split()).rstrip(".")
            Console().print(f"W&B cannot be reached ({shown(reason)}); this run is kept offline, for `wandb sync`.")
            wandb.teardown()  # else the id counts as in use
            self.run = self._start("offline")

    def _start(self, mode: Literal["online", "offline"]) -> Any:
        """Begin the run, or go on with it, under the id that follows from the run folder."""
        import wandb

        config, folder = self.config, self.folder
        name = f"{config.experiment.name}-{folder.path.name}"
        return wandb.init(
            project=config.logger.project,
            entity=config.logger.entity,
            group=config.logger.group,
            job_type=config.logger.job_type or self.label,
            name=name,
            id=re.sub(r"[/\\#?%:]", "-", name),
            resume="allow",
            mode=mode,
            dir=str(folder.path),
            config=config.model_dump(mode="json", by_alias=True),
            tags=[config.field.name, config.scale.name, config.network.name],
            settings=wandb.Settings(console="off", init_timeout=30),
        )

    def loggers(self, fold: int, member: int) -> list[Logger]:
        """Lightning loggers of one member: its curves stand under ``fold_<k>/member_<m>`` on an epoch axis."""
        if self.run is None:
            return []
        prefix = f"fold_{fold}/member_{member}"
        self.run.define_metric(f"{prefix}/epoch")
        self.run.define_metric(f"{prefix}/*", step_metric=f"{prefix}/epoch")
        return [MemberLogger(experiment=self.run, prefix=prefix)]

    def finish(self, metrics: dict[str, Any], predictions: pd.DataFrame, pdf: NDArray[Any], sample: Sample) -> None:
        """Add the final metrics, the plots and the worst galaxies, and close the run."""
        if self.run is None:
            return
        import wandb

        self.run.summary.update({f"test/{name}": value for name, value in plain(metrics).items() if value is not None})
        plots = sorted((self.folder.path / "plots").glob("*.png"))
        self.run.log({f"plots/{path.stem}": wandb.Image(str(path)) for path in plots})
        self.run.log({"worst_galaxies": worst_galaxies(predictions, pdf, sample, self.config.logger.worst)})
        self.run.finish()
        self.run = None


def answers(patience: float = 5.0) -> bool:
    """Whether something answers where W&B is looked for; W&B's own client tries for more than a minute.

    Parameters
    ----------
    patience : for how long it is waited [s], the look-up of the name included.
    """
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # it is the proxy that answers
    address = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    found = threading.Event()

    def look() -> None:
        port = address.port or (80 if address.scheme == "http" else 443)
        with suppress(OSError), socket.create_connection((address.hostname, port), timeout=patience):
            found.set()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(patience)
    return found.is_set()


def require_wandb(config: Config) -> None:
    """Say what to install where ``logger=wandb`` is asked and the optional library is not there.

    Raises
    ------
    InputError : wandb cannot be imported.
    """
    if config.logger.name == "wandb" and find_spec("wandb") is None:
        raise InputError("logger=wandb needs the library wandb; pip install 'photoz-lit[wandb]', or leave logger=csv.")


def worst_galaxies(predictions: pd.DataFrame, pdf: NDArray[Any], sample: Sample, n: int) -> wandb.Table:
    """Table of the test galaxies of largest |Δz|, with colour stamp and PDF."""
    import wandb

    delta = ((predictions["z_phot"] - predictions["z"]) / (1 + predictions["z"])).to_numpy()
    worst = predictions.assign(delta_z=delta).iloc[np.argsort(-np.abs(delta))[:n]]
    row_of = pd.Series(np.arange(len(sample)), index=sample.catalogue["object_id"]).groupby(level=0).first()
    columns = ["object_id", "z", "z_phot", "z_lo68", "z_hi68", "delta_z", "mag", "z_source"]
    table = wandb.Table(columns=[*columns, "stamp_and_pdf"])
    for position in worst.index:
        galaxy = worst.loc[[position]]
        flux = sample.flux(row_of.loc[galaxy["object_id"]].to_numpy())
        picture = montage(flux, sample.bands, pdf[[position]], sample.field.z_edges, galaxy, sample.data, columns=1)
        canvas = FigureCanvasAgg(picture)
        canvas.draw()  # type: ignore[no-untyped-call]
        rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        values = [plain(galaxy[name].iloc[0]) for name in columns]
        table.add_data(*values, wandb.Image(rgba))
    return table

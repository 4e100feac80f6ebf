"""``task=labels`` on files as a user has them, and on a simulated field."""

import json

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from photoz_lit.data.store import StoreHeader
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.labels.mock import four_photo_z, spectroscopic_sample
from photoz_lit.labels.settings import ConsensusSettings, LabelSourceSettings
from photoz_lit.labels.sources import read_source
from photoz_lit.tasks import labels as labels_task
from photoz_lit.tasks.task import perform
from tests.composed import composed

SMALL_MAP = ("labels.som.rows=8", "labels.som.columns=8", "labels.som.trainer=batch")


@pytest.fixture(scope="module")
def files(make_field, tmp_path_factory):
    """A photometric catalogue, a spectroscopic one with other names, and COSMOS2020's two files, on one field."""
    folder = tmp_path_factory.mktemp("catalogues")
    truth = make_field(3000, seed=6)
    random = np.random.default_rng(0)
    truth.drop(columns="z_true").to_csv(folder / "photometry.csv", index=False)
    spectra = spectroscopic_sample(truth, random)
    spectra["CC"] = np.where(np.arange(len(spectra)) % 5 == 0, 2.1, 4.5)
    spectra = spectra.rename(columns={"ra": "RAJ", "dec": "DEJ", "z": "zpec"}).drop(columns=["object_id", "z_quality"])
    Table.from_pandas(spectra).write(folder / "spectra.fits")
    photo_z = four_photo_z(truth, random)
    common = {
        "ID": np.arange(len(truth)),
        "ALPHA_J2000": truth["ra"],
        "DELTA_J2000": truth["dec"] + 0.1 / 3600,
        "FLAG_COMBINED": 0,
        "lp_type": np.where(np.arange(len(truth)) % 50 == 0, 1, 0),
    }
    for name in ("classic", "farmer"):
        columns = {"lp_zPDF": photo_z[f"{name}_lephare"], "ez_z_phot": photo_z[f"{name}_eazy"], "MODEL_FLAG": 0}
        columns["HSC_i_MAG_AUTO" if name == "classic" else "HSC_i_MAG"] = truth["mag_i"]
        Table.from_pandas(pd.DataFrame({**common, **columns})).write(folder / f"{name}.fits")
    return folder


def overrides(files):
    return [
        "task=labels",
        f"labels.target={files / 'photometry.csv'}",
        "labels.target_select='mag_i < 24.5'",
        f"labels.sources=[{{name: zcosmos, tier: spec, path: {files / 'spectra.fits'}, select: 'CC >= 3',"
        " columns: {ra: RAJ, dec: DEJ, z: zpec}}]",
        f"labels.cosmos2020.classic={files / 'classic.fits'}",
        f"labels.cosmos2020.farmer={files / 'farmer.fits'}",
        *SMALL_MAP,
    ]


def test_real_files_become_a_label_set(files, tmp_path, capsys):
    perform(composed(*overrides(files), f"store={tmp_path / 'labels'}"))
    table = pd.read_parquet(tmp_path / "labels" / "labels.parquet")
    assert set(table["z_source"]) == {"zcosmos", "cosmos2020"}
    ids = set(pd.read_csv(files / "photometry.csv")["object_id"])
    assert set(table["object_id"]) <= ids  # labels carry the ids of the target catalogue
    report = json.loads((tmp_path / "labels" / "report.json").read_text())
    assert report["data"] == "real"
    assert report["labels_left_out"]["zcosmos"]["not secure by 'CC >= 3'"] > 0
    assert report["labels_left_out"]["cosmos2020"]["stars"] == 60
    record = json.loads((tmp_path / "labels" / "provenance.json").read_text())
    counts = {"all": record["rows"], **record["rows_of"]}
    assert set(counts) == {"all", "labels.target", "labels.sources, zcosmos", "labels.sources, cosmos2020"}
    for count in counts.values():
        assert count["read"] == count["used"] + sum(count["left_out"].values())
    assert counts["labels.target"]["read"] == 3000
    assert counts["labels.sources, cosmos2020"]["left_out"]["stars"] == 60
    assert counts["all"]["used"] == len(table)
    read = [count["read"] for name, count in counts.items() if name.startswith("labels.sources")]
    assert counts["all"]["read"] == sum(read)
    out = capsys.readouterr().out.replace("\n", " ")
    assert "outside target_select" in out
    assert f"{sum(read):,} labels read, {len(table):,} used; left out: " in out


def test_codes_in_a_source_are_refused_until_the_user_says_what_they_are(files, tmp_path):
    path = files / "photometry.csv"
    table = pd.read_csv(path)
    z = np.random.default_rng(0).uniform(0.1, 3.0, len(table))
    z[:60] = 5.5
    table.assign(z=z).to_csv(tmp_path / "z.csv", index=False)
    settings = LabelSourceSettings(name="s", tier="spec", path=str(tmp_path / "z.csv"))
    with pytest.raises(InputError, match=r"5\.5 in 60 of 3,000 rows.*'labels\.missing=\[5\.5\]'"):
        read_source(settings, ConsensusSettings())
    source = read_source(settings, ConsensusSettings(), missing=(5.5,))
    assert source.counts["without a redshift"] == 60
    assert source.counts["kept"] == 2940
    assert read_source(settings, ConsensusSettings(), allow=(5.5,)).counts["kept"] == 3000


def test_a_target_without_ids_is_numbered_and_called_so(files, tmp_path, capsys):
    photometry = pd.read_csv(files / "photometry.csv").drop(columns="object_id")
    photometry.to_csv(tmp_path / "photometry.csv", index=False)
    given = [o.replace(str(files / "photometry.csv"), str(tmp_path / "photometry.csv")) for o in overrides(files)]
    perform(composed(*given, f"store={tmp_path / 'labels'}"))
    assert "has no column of ids: object_id is the row number" in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "labels" / "report.json").read_text())["object_id"] == "row number, from 0"


def test_simulated_field_needs_no_file_and_a_store_can_be_the_target(make_field, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(labels_task, "simulate_catalogue", lambda *_: make_field(1500, seed=8))
    simulated = ["task=labels", "field=hsc6b", *SMALL_MAP]
    perform(composed(*simulated, f"store={tmp_path / 'simulated'}"))
    assert json.loads((tmp_path / "simulated" / "report.json").read_text())["data"] == "simulated"
    assert "deep field is simulated" in capsys.readouterr().out
    labels = pd.read_parquet(tmp_path / "simulated" / "labels.parquet")
    bands = tuple("ugrizy")
    header = StoreHeader(
        data="simulated",
        field="hsc6b",
        bands=bands,
        pixel_scale=0.168,
        flux_unit="count",
        zero_points=dict.fromkeys(bands, 27.0),
        n_galaxies=len(labels),
        height=4,
        width=4,
    )
    store = write_store(tmp_path / "store", header, np.zeros(header.shape, np.float32), labels)
    sources = (
        f"labels.sources=[{{name: spec, tier: spec, path: {store.path}, match: id, select: 'z_source == \"spec\"'}},"
        f" {{name: photo, tier: photo, path: {store.path}, match: id, select: 'z_source == \"cosmos2020\"'}}]"
    )
    again = ["task=labels", f"labels.target={store.path}", sources, "labels.som.rows=4", "labels.som.columns=4"]
    perform(composed(*again, f"store={tmp_path / 'again'}"))
    assert json.loads((tmp_path / "again" / "report.json").read_text())["data"] == "simulated"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            ["labels.sources=[]", "labels.cosmos2020.classic=''", "labels.cosmos2020.farmer=''"],
            "no catalogue of labels",
        ),
        (["labels.target=''"], "labels.sources are given without a target"),
        (["labels.target_select='mag_i < 5'"], "none of 3000 rows is left"),
        (["labels.target_columns={mag_i: imag}"], "'imag'"),
        (["labels.som.rows=900"], "cannot fill 7200 cells"),
        (["labels.som.bands=[u,g,q]"], "no magnitude 'mag_q'"),
    ],
)
def test_bad_input_gives_a_sentence_and_leaves_nothing(files, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        perform(composed(*overrides(files), *changes, f"store={tmp_path / 'labels'}"))
    assert not list(tmp_path.iterdir())


def test_existing_folder_is_not_touched(files, tmp_path):
    (tmp_path / "labels").mkdir()
    with pytest.raises(InputError, match="exists already"):
        perform(composed(*overrides(files), f"store={tmp_path / 'labels'}"))

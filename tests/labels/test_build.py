"""The whole chain on a toy field whose truth is known, its folder on disk, and real catalogues as files."""

import json

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.sampling_weights import sampling_weights
from photoz_lit.errors import InputError
from photoz_lit.labels.build import build_labels
from photoz_lit.labels.folder import write_label_set
from photoz_lit.labels.mock import PHOTO_Z, deep_field, four_photo_z, spectroscopic_sample
from photoz_lit.labels.settings import ConsensusSettings, LabelSourceSettings, LabelsSettings, SomSettings
from photoz_lit.labels.som import load_som
from photoz_lit.labels.sources import read_source, read_target

SOM = SomSettings(rows=14, columns=14, trainer="batch")


@pytest.fixture(scope="module")
def simulated(make_field):
    return deep_field(make_field(40_000), seed=2)


@pytest.fixture(scope="module")
def labels(simulated):
    return build_labels(simulated.photometry, simulated.sources, LabelsSettings(som=SOM), "simulated", 0, "z_true")


def test_merge_is_closer_to_the_target_than_spectra_and_raw_labels(labels):
    ks = {name: row["mean"] for name, row in labels.report["feature_ks"].items()}
    assert ks["SOM merge"] < 0.25 * ks["spec only"]
    assert ks["SOM merge"] < ks["all labels"]
    assert labels.report["feature_ks"]["SOM merge"]["i"] < 0.05
    variation = {name: row.get("total_variation") for name, row in labels.report["n_of_z"].items()}
    assert variation["merge + KDE"] < variation["SOM merge"] < variation["all labels"]
    assert labels.report["coverage"]["any"] > 0.95


def test_labels_and_target_are_disjoint_and_true_redshifts_stay_behind(labels, simulated):
    in_target = simulated.photometry.loc[simulated.photometry["in_target"], "object_id"]
    assert not set(labels.catalogue["object_id"]) & set(in_target)
    assert labels.catalogue["object_id"].is_unique
    assert not [name for name in labels.catalogue if "true" in name]
    assert labels.catalogue["weight"].mean() == pytest.approx(1.0)


def test_weights_are_made_again_from_the_recipe_in_the_table(labels):
    catalogue = labels.catalogue
    everyone = np.arange(len(catalogue))
    np.testing.assert_allclose(sampling_weights(catalogue, everyone), catalogue["weight"], rtol=1e-9)
    some = everyone[::2]
    made = sampling_weights(catalogue, some)
    assert made.mean() == pytest.approx(1)
    assert not np.allclose(made, catalogue["weight"].iloc[some])  # of these galaxies alone
    assert np.corrcoef(made, catalogue["weight"].iloc[some])[0, 1] > 0.7


def test_every_label_is_accounted_for(labels, simulated):
    left_out = labels.report["labels_left_out"]
    for source in simulated.sources:
        counts = left_out[source.name]
        assert sum(counts.values()) == sum(n for reason, n in source.counts.items() if reason != "kept") + len(
            source.table
        )
    assert sum(labels.report["merge"].values()) == sum(counts["kept"] for counts in left_out.values())


def test_folder_holds_tables_map_report_and_plots(labels, tmp_path):
    folder = write_label_set(labels, tmp_path / "labels")
    table = pd.read_parquet(folder / "labels.parquet")
    assert {"object_id", "z", "z_source", "z_quality", "weight", "cell"} <= set(table)
    again = load_som(folder / "som.npz").place(table)
    np.testing.assert_array_equal(again, table["cell"])
    report = json.loads((folder / "report.json").read_text())
    assert report["data"] == "simulated"
    names = {path.stem for path in (folder / "plots").glob("*.png")}
    assert {f"map_{kind}" for kind in ("occupation", "median_z", "spread", "source", "coverage")} <= names
    assert {"n_of_z_raw_smooth", "n_of_z_before_after", "features_before_after", "cell_agreement"} <= names
    with pytest.raises(InputError, match="exists already"):
        write_label_set(labels, folder)


def test_target_with_nan_colours_is_placed_where_it_can_and_counted(simulated):
    photometry = simulated.photometry.copy()
    rows = np.flatnonzero(photometry["in_target"])
    photometry.loc[rows[:50], "mag_u"] = np.nan
    photometry.loc[rows[:7], [f"mag_{band}" for band in "ugrizyj"]] = np.nan
    result = build_labels(photometry, simulated.sources, LabelsSettings(som=SOM), "simulated")
    assert result.report["map"]["target_with_missing_features"] == 50
    assert result.report["map"]["target_not_placed"] == 7
    coverage = result.report["coverage"]
    assert coverage["any"] + coverage["none"] + coverage["unplaced"] == pytest.approx(1.0)


def test_constant_feature_and_large_map_are_refused(simulated):
    flat = simulated.photometry.assign(mag_u=simulated.photometry["mag_g"])
    with pytest.raises(InputError, match="'u-g' is constant"):
        build_labels(flat, simulated.sources, LabelsSettings(som=SOM), "simulated")
    huge = LabelsSettings(som=SomSettings(rows=200, columns=100))
    with pytest.raises(InputError, match="cannot fill 20000 cells"):
        build_labels(simulated.photometry, simulated.sources, huge, "simulated")


def test_sources_are_read_from_files(tmp_path):
    spectra = tmp_path / "spectra.csv"
    pd.DataFrame(
        {
            "ID": ["a", "b", "c", "d", "e"],
            "RA": [150.0, 150.1, 150.2, 150.3, 150.4],
            "DEC": 2.0,
            "ZSPEC": [0.5, -99.0, 0.7, 0.0, 0.9],
            "Q": [4, 4, 1, 3, 3],
        }
    ).to_csv(spectra, index=False)
    columns = {"object_id": "ID", "ra": "RA", "dec": "DEC", "z": "ZSPEC", "z_quality": "Q"}
    source = read_source(
        LabelSourceSettings(name="deep", tier="spec", path=str(spectra), columns=columns, select="Q >= 3"),
        ConsensusSettings(),
    )
    assert source.table["z"].tolist() == [0.5, 0.9]
    assert source.counts == {
        "not secure by 'Q >= 3'": 1,
        "without a redshift": 1,
        "with z outside (0, 12)": 1,
        "kept": 2,
    }


def test_consensus_source_and_target_are_read_from_files(make_field, tmp_path):
    path = tmp_path / "photo.parquet"
    table = make_field(40, seed=4)
    table[["p1", "p2"]] = table[["z_true"]].to_numpy() * [1.0, 1.02]
    table.loc[0, "p1"] = -99.0
    table.loc[1, "p2"] += 3.0
    table.to_parquet(path)
    settings = LabelSourceSettings(name="two", tier="photo", path=str(path), photo_z=["p1", "p2"])
    source = read_source(settings, ConsensusSettings())
    assert source.counts["without 2 valid photo-z"] == 1
    assert source.counts["whose photo-z disagree"] == 1
    assert len(source.table) == 38
    target, data, counts = read_target(str(path), {}, "mag_i <= 24")
    assert data == "real"
    assert target["in_target"].sum() == counts["kept"] == (table["mag_i"] <= 24).sum()
    assert "z" not in target
    with pytest.raises(InputError, match="none of 40 rows is left"):
        read_target(str(path), {}, "mag_i < 5")
    table.assign(p3=-99.0).to_parquet(path)
    empty_column = settings.model_copy(update={"photo_z": ["p1", "p3"]})
    with pytest.raises(InputError, match="'p3' has no valid redshift in any of its 40 rows"):
        read_source(empty_column, ConsensusSettings())


def test_mock_spectra_are_biased_and_photo_z_errors_correlate(make_field):
    truth = make_field(30_000, seed=5)
    random = np.random.default_rng(0)
    spectra = spectroscopic_sample(truth, random)
    chosen = truth["object_id"].isin(spectra["object_id"])
    assert truth.loc[chosen, "mag_i"].median() < truth["mag_i"].median() - 1.5
    faint = truth["mag_i"].between(21.8, 22.4)
    red = truth["mag_g"] - truth["mag_r"] > 1.2
    assert chosen[faint & red].mean() < 0.85 * chosen[faint & ~red].mean()
    photo_z = four_photo_z(truth, random)
    delta = (photo_z.to_numpy() - truth[["z_true"]].to_numpy()) / (1 + truth[["z_true"]].to_numpy())
    good = (np.abs(delta) < 0.15).all(1)
    correlation = pd.DataFrame(delta[good], columns=list(PHOTO_Z)).corr().to_numpy()[np.triu_indices(4, 1)]
    assert correlation.min() > 0.45
    assert correlation.max() < 0.9
    assert (photo_z == -99).to_numpy().any()
    bright = truth["mag_i"] < 22
    assert (np.abs(delta[~bright]) > 0.15).mean() > 2 * (np.abs(delta[bright]) > 0.15).mean()

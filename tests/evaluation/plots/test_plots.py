from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from photoz_lit.errors import InputError
from photoz_lit.evaluation.plots import montage, pit, redshift, style, training
from photoz_lit.evaluation.plots.nz import rebin
from photoz_lit.evaluation.plots.run import distributions, draw_run
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.evaluation.report.label_names import redshift_axis
from photoz_lit.fields import load_field
from tests.evaluation.mixtures import galaxies, gaussian_pdfs

FIELD = load_field("hsc9b")
BANDS = FIELD.band_names


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, pd.DataFrame]:
    pdf, z = gaussian_pdfs(120, edges=FIELD.z_edges)
    catalogue = galaxies(z, FIELD)
    catalogue.loc[:9, "z"] = np.nan
    return pdf, predictions_table(pdf, FIELD.z_edges, catalogue, 0, "i")


def stamps(rows: np.ndarray) -> np.ndarray:
    """Round blobs in noise, red ones and blue ones."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16] - 7.5
    slope = np.where(rows % 2, 0.2, -0.2)[:, None] * np.arange(len(BANDS))
    blob = 100 * 10 ** slope[:, :, None, None] * np.exp(-(x**2 + y**2) / 8)
    return blob + random.normal(size=blob.shape)


def words(figure: Figure) -> str:
    texts = [t.get_text() for axis in figure.axes for t in axis.texts]
    title = figure.get_suptitle()
    return " ".join([title, *texts])


@pytest.mark.parametrize(
    ("data", "mark"),
    [("simulated", "simulated"), ("simulated_from_catalogue", "simulated from catalogue"), ("real", "")],
)
def test_every_figure_carries_the_mark(data: str, mark: str, sample: tuple[np.ndarray, pd.DataFrame]) -> None:
    pdf, table = sample
    known = table[table["z"].notna()]
    z, z_phot = known["z"].to_numpy(), known["z_phot"].to_numpy()
    rows = np.arange(4)
    figures = [
        redshift.redshift_plane(z, z_phot, 0.15, data),
        redshift.residual_trends(z, z_phot, known["mag"].to_numpy(), "i", 0.15, data),
        pit.pit_histogram(known["pit"].to_numpy(), data),
        training.training_curve(pd.DataFrame({"epoch": [0, 1], "train_loss": [2.0, 1.0]}), data),
        montage.montage(stamps(rows), BANDS, pdf[rows], FIELD.z_edges, table.iloc[rows], data),
    ]
    assert [figure.get_suptitle() for figure in figures] == [mark] * len(figures)


def test_redshift_plane_prints_the_metrics() -> None:
    z = np.linspace(0.1, 1, 100)
    text = words(redshift.redshift_plane(z, z + 0.01 * (1 + z), 0.15, "real"))
    assert "= 0.0000" in text  # σ_MAD of a constant shift
    assert "+0.0100" in text


def test_residuals_show_every_point_and_error_bar_of_both_columns() -> None:
    """The faint end scatters ten times as much as any bin of redshift: an axis shared with these would hide it."""
    random = np.random.default_rng(0)
    n = 2400
    z, mag = random.uniform(0.1, 1, n), random.uniform(18, 25, n)
    delta = random.normal(0, np.where(mag > 24.3, 0.12, 0.004))
    delta[mag < 20] = np.clip(delta[mag < 20], -0.1, 0.1)  # a bright end without outliers
    figure = redshift.residual_trends(z, z + delta * (1 + z), mag, "i", 0.15, "real")
    for axis in figure.axes:
        (bars,) = axis.containers
        _, _, (segments,) = bars
        ends = np.concatenate([path.vertices[:, 1] for path in segments.get_paths()])
        low, high = axis.get_ylim()
        assert high > ends.max()
        assert low < ends.min()
    widths = figure.axes[3].containers[0].lines[0].get_ydata()
    assert max(widths) > 8 * np.median(widths)
    eta = figure.axes[5].containers[0]
    empty = np.asarray(eta.lines[0].get_ydata()) == 0
    assert empty.any()
    heights = np.array([np.ptp(path.vertices[:, 1]) for path in eta.lines[2][0].get_paths()])
    assert (heights > 0).all()  # a bin of η = 0 has an error too


def test_wilson_interval_of_an_outlier_fraction() -> None:
    n, k = 200, 6  # closed form (Wilson 1927) at one sigma
    share, centre = k / n, (k / n + 1 / (2 * n)) / (1 + 1 / n)
    half = np.sqrt(share * (1 - share) / n + 1 / (4 * n**2)) / (1 + 1 / n)
    below, above = redshift.wilson_error(k, n)
    assert below == pytest.approx(100 * (share - centre + half), rel=1e-4)
    assert above == pytest.approx(100 * (centre + half - share), rel=1e-4)
    assert redshift.wilson_error(0, n) == (0.0, pytest.approx(100 / (n + 1), rel=1e-4))
    assert redshift.wilson_error(n, n)[1] == 0.0


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        (["spec", "spec"], r"$z_\mathrm{spec}$"),
        (["truth"], r"$z_\mathrm{true}$"),
        (["spec", "cosmos2020", "cosmos2020"], "$z$ of the labels (cosmos2020, spec)"),
        (["a", "b", "c", "d", "e"], "$z$ of the labels (a, b, c, d, …)"),
        (["", ""], "$z$ of the labels"),
    ],
)
def test_axis_of_redshifts_says_what_the_labels_are(sources: list[str], name: str) -> None:
    assert redshift_axis(sources) == name
    z = np.linspace(0.1, 1, 100)
    plane = redshift.redshift_plane(z, z, 0.15, "real", label=name)
    trends = redshift.residual_trends(z, z, z + 20, "i", 0.15, "real", label=name)
    assert plane.axes[1].get_xlabel() == trends.axes[4].get_xlabel() == name


def test_all_figures_are_drawn(tmp_path: Path, sample: tuple[np.ndarray, pd.DataFrame]) -> None:
    pdf, table = sample
    before = dict(mpl.rcParams)
    curve = pd.DataFrame(
        {"epoch": [0, 0, 1, 1], "train_loss": [3, np.nan, 2, np.nan], "val_loss": [np.nan, 4, np.nan, 3],
         "val_sigma_mad": [np.nan, 0.1, np.nan, 0.05], "fold": 0, "member": 0}
    )  # fmt: skip
    files = draw_run(tmp_path, table, pdf, FIELD, "simulated", "title", stamps, BANDS, curve)
    assert {f.name for f in tmp_path.iterdir()} == {f.name for f in files}
    assert {f.stem for f in files} == {"redshift", "residuals", "pit", "nz", "montage", "training"}
    for file in files:
        image = imread(file)
        assert min(image.shape[:2]) > 300
        assert image[..., :3].std() > 0.01
    assert dict(mpl.rcParams) == before


def test_unlabelled_galaxies_get_the_figures_that_need_no_label(
    tmp_path: Path, sample: tuple[np.ndarray, pd.DataFrame]
) -> None:
    pdf, table = sample
    files = draw_run(tmp_path, table.assign(z=np.nan), pdf, FIELD, "real")
    assert {f.stem for f in files} == {"nz"}


def test_composites_show_colour_and_take_the_bands_there_are() -> None:
    rows = np.arange(6)
    images = montage.colour_composites(stamps(rows), BANDS)
    assert list(images) == ["optical", "near-infrared"]
    centre = images["optical"][:, 8, 8].astype(float)
    assert (centre[1::2, 0] > centre[1::2, 2]).all()  # rising with wavelength: red
    assert (centre[::2, 0] < centre[::2, 2]).all()
    assert list(montage.colour_composites(stamps(rows)[:, :5], BANDS[:5])) == ["optical"]
    single = montage.colour_composites(stamps(rows)[:, 2:3], ["r"])["optical"]
    np.testing.assert_array_equal(single[..., 0], single[..., 2])


def test_montage_chooses_the_worst_and_some_others(sample: tuple[np.ndarray, pd.DataFrame]) -> None:
    _, table = sample
    rows = montage.choose_galaxies(table, 12)
    assert len(set(rows)) == 12
    delta = ((table["z_phot"] - table["z"]) / (1 + table["z"])).abs()
    assert set(delta.nlargest(4).index) == set(rows[-4:])
    assert len(montage.choose_galaxies(table[:5], 12)) == 5


def test_nz_counts_agree_with_numpy(sample: tuple[np.ndarray, pd.DataFrame]) -> None:
    pdf, table = sample
    stacked, point, reference, edges = distributions(table, pdf, FIELD.z_edges)
    known = table["z"].notna()
    np.testing.assert_array_equal(point, np.histogram(table["z_phot"][known], edges)[0])
    np.testing.assert_array_equal(reference, np.histogram(table["z"][known], edges)[0])
    inside = FIELD.z_edges[1:] <= edges[-1]
    assert stacked.sum() >= pdf[known][:, inside].sum()
    np.testing.assert_allclose(
        rebin(np.array([2.0, 6.0]), np.array([0.0, 1, 2]), np.array([0, 0.5, 1.5, 2])), [1, 4, 3]
    )


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_written(_figure: Figure, path: Path, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", half_written)
    (tmp_path / "x.png").write_bytes(b"old")
    with pytest.raises(InputError, match="free some space"):
        style.save(style.new_figure(2, 2, "real"), tmp_path / "x.png")
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
    assert (tmp_path / "x.png").read_bytes() == b"old"

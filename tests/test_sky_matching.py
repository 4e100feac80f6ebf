"""Matching on the sky against astropy's, at the poles, across RA = 0 and without positions."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky

from photoz_lit.sky_matching import SkyIndex, groups, mutual_nearest, separations

ARCSEC = 1 / 3600
PLACES = {
    "equator": (10.0, 0.0), "meridian": (0.0, 20.0), "other side": (180.0, -45.0), "north pole": (0.0, 90.0),
    "near the pole": (123.0, 89.999), "south pole": (77.0, -90.0),
}  # fmt: skip


def around(place: tuple[float, float], n: int, seed: int, reach: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """Positions within ``reach`` arcsec of a place, RA between 0 and 360."""
    random = np.random.default_rng(seed)
    centre = SkyCoord(*place, unit="deg")
    moved = centre.directional_offset_by(random.uniform(0, 360, n) * u.deg, reach * random.random(n) ** 0.5 * u.arcsec)
    return moved.ra.deg, moved.dec.deg


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_as_astropy_does(place: tuple[float, float]) -> None:
    ra, dec = around(place, 300, 0)
    other_ra, other_dec = around(place, 200, 1)
    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    nearest, distance, _ = here.match_to_catalog_sky(there)
    row, separation = SkyIndex(other_ra, other_dec).nearest(ra, dec, 1.0)
    near = distance.arcsec <= 1.0
    assert 20 < near.sum() < 300
    np.testing.assert_array_equal(row, np.where(near, nearest, -1))
    np.testing.assert_allclose(separation[near], distance.arcsec[near], atol=1e-8)
    assert np.isinf(separation[~near]).all()
    left, right, _, _ = search_around_sky(here, here, 1.0 * u.arcsec)
    expected = {(int(a), int(b)) for a, b in zip(left, right, strict=True) if a < b}
    assert {tuple(pair) for pair in SkyIndex(ra, dec).pairs(1.0)} == expected
    np.testing.assert_allclose(
        separations(ra[:200], dec[:200], other_ra, other_dec), here[:200].separation(there).arcsec, atol=1e-8
    )


def test_the_radius_is_kept_to_a_millionth_of_an_arcsecond() -> None:
    for place in PLACES.values():
        centre = SkyCoord(*place, unit="deg")
        for angle in (10.0, 100.0, 250.0):
            inside, outside = (centre.directional_offset_by(angle * u.deg, r * u.arcsec) for r in (1 - 1e-6, 1 + 1e-6))
            index = SkyIndex([place[0]], [place[1]])
            assert index.nearest([inside.ra.deg], [inside.dec.deg], 1.0)[0][0] == 0
            assert index.nearest([outside.ra.deg], [outside.dec.deg], 1.0)[0][0] == -1
            for other, n_pairs in ((inside, 1), (outside, 0)):
                assert len(SkyIndex([place[0], other.ra.deg], [place[1], other.dec.deg]).pairs(1.0)) == n_pairs


def test_match_is_mutual_nearest() -> None:
    # Two objects near one counterpart: only the nearer one has it.
    left, right = mutual_nearest([10.0, 10.0], [0.0, 0.4 * ARCSEC], [10.0, np.nan], [0.3 * ARCSEC, 0.0], 0.6)
    assert left.tolist() == [1]
    assert right.tolist() == [0]


def test_groups_by_position_by_label_and_by_chain() -> None:
    ra = np.array([10.0, 10.0, 20.0, np.nan, 30.0, np.nan, 10.0])
    dec = np.array([0.0, 0.5 * ARCSEC, 0.0, np.nan, 0.0, np.nan, 1.0 * ARCSEC])
    number = groups([0, 1, 2, 2, -1, -1, 3], ra, dec, 0.6)
    assert number[0] == number[1] == number[6]
    assert number[2] == number[3]
    assert len(set(number)) == 4
    assert len(set(groups([0, -1, 0], [10.0, 20.0, 30.0], [0.0, 0.0, 0.0], 0.6))) == 2


def test_nothing_to_match() -> None:
    for empty in (SkyIndex([], []), SkyIndex([np.nan], [np.nan])):
        assert empty.nearest([1.0, np.nan], [1.0, 0.0], 5.0)[0].tolist() == [-1, -1]
        assert empty.pairs(5.0).shape == (0, 2)
    assert SkyIndex([1.0], [1.0]).nearest([], [], 1.0)[0].shape == (0,)
    assert groups([], [], [], 1.0).shape == (0,)

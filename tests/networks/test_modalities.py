import pytest

from photoz_lit.errors import InputError
from photoz_lit.networks.modalities import modalities_of, neighbours
from photoz_lit.networks.settings import ModalitySettings

# The published table for u g r i z y j h k: (size, order) -> modalities.
TABLE = {
    (2, 1): "ug gr ri iz zy yj jh hk",
    (3, 1): "ugr gri riz izy zyj yjh jhk",
    (4, 1): "ugri griz rizy izyj zyjh yjhk",
    (2, 2): "ur gi rz iy zj yh jk",
    (3, 2): "urz giy rzj iyh zjk",
    (4, 2): "urzj giyh rzjk",
    (2, 3): "ui gz ry ij zh yk",
    (3, 3): "uij gzh ryk",
    (1, 1): "u g r i z y j h k",
}


@pytest.mark.parametrize(("size", "order"), TABLE)
def test_modalities_of_nine_bands_are_the_published_table(size: int, order: int) -> None:
    found = modalities_of(ModalitySettings(size=size, order=order), "ugrizyjhk")
    assert " ".join("".join(modality) for modality in found) == TABLE[size, order]


@pytest.mark.parametrize(
    ("bands", "size", "order", "expected"),
    [
        ("ugriz", 2, 1, "ug gr ri iz"),
        ("ugriz", 3, 2, "urz"),
        ("ugriz", 4, 1, "ugri griz"),
        ("ugrizy", 2, 3, "ui gz ry"),
        ("ugrizjk", 3, 3, "uik"),
        ("grizy", 2, 4, "gy"),
        ("zg", 2, 1, "zg"),
    ],
)
def test_the_rule_holds_for_other_band_lists(bands: str, size: int, order: int, expected: str) -> None:
    assert " ".join("".join(modality) for modality in neighbours(bands, size, order)) == expected


def test_several_orders_stand_side_by_side_and_single_bands_come_once() -> None:
    both = modalities_of(ModalitySettings(size=2, order=[1, 2]), "ugriz")
    assert ["".join(m) for m in both] == ["ug", "gr", "ri", "iz", "ur", "gi", "rz"]
    single = modalities_of(ModalitySettings(size=1, order=[1, 2, 3]), "ugri")
    assert ["".join(m) for m in single] == ["u", "g", "r", "i"]


def test_explicit_sets_are_taken_as_they_are() -> None:
    settings = ModalitySettings(size=3, sets=[["g", "u"], ["i", "z", "y"]])
    assert modalities_of(settings, "ugrizy") == [("g", "u"), ("i", "z", "y")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ModalitySettings(size=4, order=3), ["size 4", "order 3", "10 bands", "there are 9"]),
        (ModalitySettings(size=2, order=[1, 9]), ["order 9", "10 bands"]),
        (ModalitySettings(size=0), ["size 0"]),
        (ModalitySettings(size=2, order=0), ["order 0"]),
        (ModalitySettings(size=2, order=[]), ["order", "empty"]),
        (ModalitySettings(sets=[]), ["sets", "empty"]),
        (ModalitySettings(sets=[["u", "x"]]), ["'x'"]),
        (ModalitySettings(sets=[["u", "u"]]), ["twice"]),
        (ModalitySettings(sets=[[]]), ["at least one band"]),
        (ModalitySettings(sets=[["u"], ["u"]]), ["same set twice"]),
    ],
)
def test_what_the_bands_cannot_fill_is_said(settings: ModalitySettings, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        modalities_of(settings, "ugrizyjhk")
    assert all(word in str(error.value) for word in words)

"""Values of a catalogue enter the dense part scaled, marked where missing, and do not make the image idle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from photoz_lit.networks.catalogue_inputs import CatalogueInputs, number_of_values
from photoz_lit.networks.heads import Heads
from photoz_lit.networks.multimodal import PhotoZNetwork, build_network
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings
from tests.networks.builders import batch, choice


def built(inputs: object, bands: str = "gri", width: float = 0.1, **changes: object) -> PhotoZNetwork:
    torch.manual_seed(0)
    content = choice("network", "plain", width=width, catalogue_inputs=inputs, **changes)
    return build_network(
        NetworkSettings.model_validate(content),
        ModalitySettings.model_validate(choice("modality", "all_bands")),
        FusionSettings.model_validate(choice("fusion", "early")),
        list(bands),
        32,
        10,
    )


@pytest.mark.parametrize(
    ("inputs", "apertures", "values"),
    [
        ([], [1.0], 0),
        (["mag_g", "mag_err_g", "size", "mag_r", "mag_i"], [1.0], 7),  # and two colours
        (["size"], [1.0], 1),
        ("size", [1.0], 1),
        ("measured", [1.0], 3),  # two colours and a magnitude
        ("measured", [0.5, 1.0, 2.0], 7),  # four colours, a magnitude, two differences from it
    ],
)
def test_values_are_counted(inputs: object, apertures: list[float], values: int) -> None:
    network = built(inputs, catalogue_apertures=apertures)
    settings = NetworkSettings.model_validate(
        choice("network", "plain", width=0.1, catalogue_inputs=inputs, catalogue_apertures=apertures)
    )
    assert number_of_values(settings, 3) == values
    beside = 0 if network.heads.catalogue is None else network.heads.catalogue.outputs
    assert beside == 2 * values


def test_values_are_scaled_by_the_training_galaxies_and_marked_where_missing() -> None:
    inputs = CatalogueInputs(2, 0.0)
    known = torch.tensor([[20.0, 1.0], [22.0, torch.nan], [24.0, 3.0]])
    inputs.standardise(known)
    mean, scale = torch.tensor([22.0, 2.0]), torch.tensor([np.sqrt(8 / 3), 1.0])
    torch.testing.assert_close(inputs.mean, mean)
    torch.testing.assert_close(inputs.scale, scale.float())
    again = CatalogueInputs(2, 0.0)
    again.load_state_dict(inputs.state_dict())
    found = again(torch.tensor([[22.0, 4.0], [torch.nan, torch.inf]]), torch.zeros(2, 5))
    torch.testing.assert_close(found, torch.tensor([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]))
    torch.testing.assert_close(again(None, torch.zeros(1, 5)), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))


def test_a_share_of_the_training_galaxies_is_seen_without_them() -> None:
    torch.manual_seed(0)
    inputs = CatalogueInputs(3, 0.25)
    missing = inputs(torch.ones(4000, 3), torch.zeros(4000, 1))[:, 3:]
    assert (missing == missing[:, :1]).all()  # all values of a galaxy, or none
    assert missing[:, 0].mean().item() == pytest.approx(0.25, abs=0.03)
    assert not inputs.eval()(torch.ones(4000, 3), torch.zeros(4000, 1))[:, 3:].any()


def test_networks_on_images_alone_are_as_before() -> None:
    plain = NetworkSettings.model_validate(choice("network", "plain", width=0.1))
    record = plain.model_dump(mode="json", by_alias=True)
    older = {name: value for name, value in record.items() if not name.startswith("catalogue")}
    assert NetworkSettings.model_validate(older) == plain
    network = built([])
    assert network.heads.catalogue is None
    assert not [name for name in network.state_dict() if "catalogue" in name]
    image, ebv = batch(network, 32)
    torch.testing.assert_close(network(image, ebv).logits, network(image, ebv, catalogue=torch.ones(3, 4)).logits)


def test_measured_ones_are_recorded() -> None:
    settings = NetworkSettings.model_validate(
        choice(
            "network",
            "plain",
            width=0.1,
            catalogue_inputs="measured",
            catalogue_apertures=[1, 2],
            catalogue_dropout=0.5,
        )
    )
    record = settings.model_dump(mode="json", by_alias=True)
    assert (record["catalogue_inputs"], record["catalogue_apertures"]) == ("measured", [1, 2])
    assert NetworkSettings.model_validate(record) == settings
    assert settings.catalogue_columns == ()


def correlation(network: PhotoZNetwork, image: Tensor, ebv: Tensor, catalogue: Tensor | None, z: Tensor) -> float:
    network.eval()
    with torch.no_grad():
        found = network(image, ebv, catalogue=catalogue).z_point
    return float(np.corrcoef(found.numpy(), z.numpy())[0, 1])


def test_images_still_count_beside_a_catalogue() -> None:
    """Half of a redshift is seen in the image alone, half in the catalogue alone: the network reads both."""
    draw = torch.Generator().manual_seed(3)
    seen, listed = torch.rand(1024, generator=draw), torch.rand(1024, generator=draw)
    z, ebv = 0.5 * (seen + listed), torch.zeros(1024, 1)
    x = torch.arange(32) - 15.5
    blob = torch.exp(-(x[:, None] ** 2 + x[None] ** 2) / 20)
    image = seen[:, None, None, None] * blob + 0.1 * torch.randn(1024, 2, 32, 32, generator=draw)
    catalogue = (22 + 2 * listed)[:, None]
    network = built(["mag_g"], "gr", 0.25, pdf_head=[])
    assert network.heads.catalogue is not None
    network.heads.catalogue.standardise(catalogue[:768])
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(120):
        rows = torch.randint(0, 768, (64,), generator=draw)
        found = network(image[rows], ebv[rows], catalogue=catalogue[rows]).z_point
        loss = (found - z[rows]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert torch.isfinite(loss), step
    test = slice(768, 1024)
    own = (image[test], ebv[test], catalogue[test], z[test])
    both = correlation(network, *own)
    shuffled = correlation(network, image[test].flip(0), *own[1:])
    alone = correlation(network, image[test], ebv[test], None, z[test])
    assert both > 0.9
    assert shuffled < both - 0.2
    assert alone > 0.5


def test_heads_take_the_catalogue_beside_the_trunk() -> None:
    settings = NetworkSettings.model_validate(choice("network", "plain", width=0.1))
    heads = Heads(4, 10, settings, CatalogueInputs(2, 0.0))
    first = heads.features[0]
    assert isinstance(first, torch.nn.Linear)
    assert first.in_features == 4 + 1 + 2 * 2
    one = heads(torch.zeros(3, 4), torch.zeros(3, 1), torch.zeros(3, 2)).logits
    other = heads(torch.zeros(3, 4), torch.zeros(3, 1), torch.ones(3, 2)).logits
    assert one.shape == (3, 10)
    assert not torch.equal(one, other)

import torch

from photoz_lit.alignment.feature_memory import FeatureMemory
from photoz_lit.alignment.gradient_reversal import reverse_gradient
from photoz_lit.alignment.pairs import Galaxies
from tests.alignment.builders import adversary_of


def batch_of(first: int, n: int = 4, requires_grad: bool = False) -> Galaxies:
    torch.manual_seed(first)
    features = torch.randn(n, 3, requires_grad=requires_grad)
    return Galaxies(features, torch.full((n, 1), 22.0), torch.arange(n) % 2, torch.arange(first, first + n))


def test_the_last_batches_are_kept_without_their_graph() -> None:
    memory = FeatureMemory(2)
    for first in (0, 10, 20):
        memory.keep(batch_of(first, requires_grad=True))
    everything, judged = memory.joined_by(batch_of(30))
    assert everything.number.tolist() == [*range(10, 14), *range(20, 24), *range(30, 34)]
    assert judged.tolist() == [8, 9, 10, 11]
    assert not everything.features.requires_grad
    torch.testing.assert_close(everything.features[4:8], batch_of(20).features)


def test_without_memory_there_is_the_batch_alone() -> None:
    memory = FeatureMemory(0)
    memory.keep(batch_of(0))
    everything, judged = memory.joined_by(batch_of(10))
    assert everything.number.tolist() == [10, 11, 12, 13]
    assert judged.tolist() == [0, 1, 2, 3]


def test_a_checkpoint_restores_it() -> None:
    memory, again = FeatureMemory(3), FeatureMemory(3)
    for first in (0, 10):
        memory.keep(batch_of(first))
    again.restore(memory.state(), torch.device("cpu"))
    for mine, other in zip(again.state(), memory.state(), strict=True):
        assert mine.keys() == other.keys()
        assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_only_the_batch_at_hand_gets_a_gradient_and_its_partners_are_remembered() -> None:
    memory = FeatureMemory(4)
    for first in (0, 100, 200):
        memory.keep(batch_of(first, n=20))
    batch = batch_of(300, n=6, requires_grad=True)
    torch.manual_seed(0)
    adversary = adversary_of("paired", 3, hidden=8, partners=8)
    everything, judged = memory.joined_by(batch.detached())
    features = reverse_gradient(batch.features, 1.0)
    random = torch.Generator().manual_seed(1)
    adversary(everything.with_features(judged, features), judged, random).loss.backward()
    assert batch.features.grad is not None
    assert (batch.features.grad != 0).any(dim=1).all()
    alone = adversary_of("paired", 3, hidden=8, partners=8)
    alone.load_state_dict(adversary.state_dict())
    random = torch.Generator().manual_seed(1)
    assert alone(batch.detached(), random=random).loss != alone(everything, judged, random).loss

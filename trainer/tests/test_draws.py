import math

import pytest
import torch

from minillm import draws


def grid(rows: int = 512, steps: int = 256, seed: int = 1) -> torch.Tensor:
    return draws.uniform(seed, draws.stream("test"), torch.arange(rows)[:, None], torch.arange(steps))


def test_draws_are_uniform():
    counts = torch.histc(grid().flatten(), bins=64, min=0.0, max=1.0)
    expected = counts.sum() / 64
    chi_square = ((counts - expected) ** 2 / expected).sum().item()
    assert abs(chi_square - 63) < 5 * math.sqrt(2 * 63)


@pytest.mark.parametrize("lag", [1, 2, 7])
@pytest.mark.parametrize("axis", [0, 1])
def test_neighbouring_rows_and_positions_are_not_correlated(axis: int, lag: int):
    made = grid() - 0.5
    size = made.shape[axis]
    product = made.narrow(axis, 0, size - lag) * made.narrow(axis, lag, size - lag)
    assert abs(product.mean().item()) < 5 / 12 / math.sqrt(product.numel())  # a product of two has standard deviation 1/12


def test_pairs_of_neighbours_fill_the_square_evenly():
    made = grid()
    cells = (made[:, :-1] * 16).long() * 16 + (made[:, 1:] * 16).long()
    counts = torch.bincount(cells.flatten(), minlength=256).double()
    expected = counts.sum() / 256
    assert abs(((counts - expected) ** 2 / expected).sum().item() - 255) < 5 * math.sqrt(2 * 255)


def test_seeds_and_streams_share_nothing():
    rows, steps = torch.arange(100)[:, None], torch.arange(100)
    made = [
        draws.uniform(seed, stream, rows, steps) - 0.5
        for seed, stream in [(1, draws.stream("a", 1)), (2, draws.stream("a", 1)), (1, draws.stream("a", 2)), (1, draws.stream("b", 1))]
    ]
    for i in range(len(made)):
        for j in range(i):
            assert abs((made[i] * made[j]).mean().item()) < 5 / 12 / 100


def test_a_draw_depends_on_its_names_alone():
    rows = torch.tensor([5, 900, 3])
    stream = draws.stream("rollout", 7)
    together = draws.uniform(3, stream, rows[:, None], torch.arange(9))
    for i, row in enumerate(rows):
        for t in range(9):
            assert draws.uniform(3, stream, row[None], t).item() == together[i, t].item()


def test_draws_lie_inside_the_open_interval_for_any_names():
    extreme = torch.tensor([0, -1, 2**62, -(2**63), 2**63 - 1])
    made = torch.stack([draws.uniform(seed, stream, extreme, 2**31) for seed in (0, 2**63 + 5) for stream in (0, 2**63 - 1)])
    assert made.dtype == torch.float64
    assert 0.0 < made.min() <= made.max() < 1.0


def test_draws_are_the_same_forever():
    """Checkpoints, samples and resumed runs rely on these very numbers."""
    made = draws.uniform(10, draws.stream("rollout", 3), torch.tensor([0, 41]), 2)
    assert made.tolist() == GOLDEN


GOLDEN = [0.6149770168411063, 0.22091752535654685]

"""From frozen features to a head, and from there to fine-tuning, on networks small enough to do by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engines.contract import Strategy
from engines.training import heads, strategies, transfer
from engines.training.activation_cache import Cached
from engines.training.devices import seed_everything
from engines.training.settings import TrainSettings
from engines.training.strategies import schedule
from tests.training import toys
from tests.training.toys import Counted, Notebook, Rows

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = TrainSettings(
    epochs=5, batch_size=8, views=1, label_smoothing=0.1, weight_decay=0.02, device="cpu", mixed_precision="no"
)


def test_the_head_learns_from_the_cache_what_it_would_learn_through_the_network(tmp_path: Path) -> None:
    """The loop anybody would write, every epoch through the frozen network, gives the same losses."""
    run, examples = Notebook(tmp_path), toys.rows(22, classes=3)
    learnt = transfer.learn(toys.lesson(run, examples, None, SETTINGS, classes=3), Strategy.FEATURES)

    network = toys.staged(classes=3).eval()
    with torch.no_grad():
        features = network.run(examples.inputs, 0, 2)
    shift, scale = features.mean(0), features.std(0).clamp_min(1e-3)
    head = nn.Linear(5, 3)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.AdamW(
        [{"params": [head.weight], "weight_decay": 0.02}, {"params": [head.bias], "weight_decay": 0.0}]
    )
    weight = transfer.class_weights(examples.labels, 3)
    losses, step = [], 0
    for epoch in range(5):
        order, total = torch.randperm(22, generator=seed_everything(3, "head", epoch)), 0.0
        for indices in order.split(8):
            with torch.no_grad():
                seen = network.run(examples.inputs[indices], 0, 2)
            logits, labels = head((seen - shift) / scale), examples.labels[indices]
            summed = F.cross_entropy(logits, labels, weight=weight, label_smoothing=0.1, reduction="sum")
            for group in optimiser.param_groups:
                group["lr"] = 5e-4 * schedule(step, 15)
            optimiser.zero_grad()
            (summed / len(indices)).backward()
            optimiser.step()
            step += 1
            total += summed.item()
        losses.append(total / 22)
    assert [row["train_loss"] for row in run.epochs("head")] == pytest.approx(losses, abs=1e-5)
    with torch.no_grad():
        by_hand = head((features - shift) / scale)
        torch.testing.assert_close(learnt.network(examples.inputs), by_hand, atol=1e-5, rtol=1e-5)
    assert learnt.trainable == 5 * 3 + 3


def test_what_lies_below_the_boundary_runs_once(tmp_path: Path) -> None:
    given = toys.rows(22)
    examples = Counted(given.inputs, given.labels)
    transfer.learn(toys.lesson(Notebook(tmp_path / "one"), examples, None, SETTINGS), Strategy.FEATURES)
    probe = [0]  # one example tells the shape, where nothing is known yet
    assert examples.seen == probe + list(range(22))
    examples.seen.clear()
    second = Notebook(tmp_path / "two")
    transfer.learn(toys.lesson(second, examples, None, replace(SETTINGS, learning_rate=0.1)), Strategy.FEATURES)
    assert examples.seen == []
    assert any("known from an earlier run" in data.get("title", "") for _, data in second.events)


def test_other_weights_or_data_are_other_activations(tmp_path: Path) -> None:
    lesson = toys.lesson(Notebook(tmp_path), toys.rows(8), None, SETTINGS)
    network = toys.staged()
    strategies.apply(network, Strategy.FEATURES, SETTINGS)
    names = {
        transfer.cached_behind_boundary(one, network, examples).identity
        for one in (lesson, replace(lesson, weights="others"))
        for examples in (toys.rows(8), toys.rows(8, identity="other rows"))
    }
    assert len(names) == 4


def test_variants_of_an_example_share_its_label(tmp_path: Path) -> None:
    examples = toys.rows(6, noise=0.3, variation="noise")
    network = toys.staged()
    strategies.apply(network, Strategy.FEATURES, SETTINGS)
    lesson = toys.lesson(Notebook(tmp_path), examples, None, SETTINGS)
    seen = transfer.cached_behind_boundary(lesson, network, examples, views=3)
    assert seen.activations.shape == (6, 3, 5)
    with torch.no_grad():
        torch.testing.assert_close(seen.plain(torch.arange(6)), network.run(examples.inputs, 0, 2))
    drawn = seen.varied(torch.full((50,), 2), torch.Generator().manual_seed(0))
    assert len(drawn.unique(dim=0)) == 3
    assert transfer.cached_behind_boundary(lesson, network, toys.rows(6), views=3).activations.shape == (6, 1, 5)


def test_partial_leaves_everything_below_as_it_was(tmp_path: Path) -> None:
    before = toys.staged().model.state_dict()
    lesson = toys.lesson(Notebook(tmp_path), toys.rows(22), toys.rows(6, seed=1), SETTINGS)
    learnt = transfer.learn(lesson, Strategy.PARTIAL)
    after = learnt.network.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        "second.0.weight",
        "second.0.bias",
        "second.1.weight",
        "second.1.bias",
        "head.weight",
        "head.bias",
    }
    assert learnt.trainable == (5 * 5 + 5) + 10 + (5 * 2 + 2)


@pytest.mark.parametrize(("strategy", "statistics_move"), [(Strategy.FULL, False), (Strategy.SCRATCH, True)])
def test_batch_norm_statistics_move_only_from_scratch(
    tmp_path: Path, strategy: Strategy, statistics_move: bool
) -> None:
    before = toys.staged(seed=0 if strategy is Strategy.FULL else 1).model.state_dict()
    learnt = transfer.learn(toys.lesson(Notebook(tmp_path), toys.rows(22), None, SETTINGS), strategy)
    after = learnt.network.model.state_dict()
    assert torch.equal(before["first.1.running_mean"], after["first.1.running_mean"]) is not statistics_move
    assert not torch.equal(before["first.0.weight"], after["first.0.weight"])


def test_fine_tuning_starts_from_a_fitted_head(tmp_path: Path) -> None:
    run = Notebook(tmp_path)
    examples, checks = toys.rows(40), toys.rows(10, seed=1)
    transfer.learn(toys.lesson(run, examples, checks, SETTINGS), Strategy.FULL)
    assert {row["series"] for row in run.epochs("head")} == {"aside"}
    assert {row["series"] for row in run.epochs("fine-tuning")} == {"transfer"}
    fitted, begun = run.epochs("head"), run.epochs("fine-tuning")[0]
    assert begun["train_loss"] < fitted[0]["train_loss"]


def test_refit_fits_the_head_anew_on_everything_for_the_best_number_of_epochs(tmp_path: Path) -> None:
    run = Notebook(tmp_path)
    learnt = transfer.learn(toys.lesson(run, toys.rows(22), toys.rows(6, seed=1), SETTINGS), Strategy.FEATURES)
    assert len(run.epochs("refit")) == learnt.progress.best_epoch
    plain = Notebook(tmp_path / "plain")
    lesson = toys.lesson(plain, toys.rows(22), toys.rows(6, seed=1), replace(SETTINGS, refit=False))
    transfer.learn(lesson, Strategy.FEATURES)
    assert plain.epochs("refit") == []


def test_only_the_chosen_examples_are_learnt_from(tmp_path: Path) -> None:
    """Whether they are picked from the cache or were all there ever was."""
    examples, chosen = toys.rows(22), torch.tensor([0, 1, 4, 7, 9, 12])
    few = replace(examples.subset(chosen), identity="few")
    losses = []
    for strategy in (Strategy.FEATURES, Strategy.SCRATCH):
        for name, rows, picked in (("all", examples, chosen), ("few", few, None)):
            run = Notebook(tmp_path / strategy / name)
            transfer.learn(toys.lesson(run, rows, None, SETTINGS), strategy, chosen=picked)
            losses.append([row["train_loss"] for row in run.epochs()])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert losses[2] == pytest.approx(losses[3], abs=1e-6)


def test_logits(tmp_path: Path) -> None:
    lesson = toys.lesson(Notebook(tmp_path), toys.rows(22), None, SETTINGS)
    learnt = transfer.learn(lesson, Strategy.FEATURES)
    new = toys.rows(9, seed=4, identity="new")
    with torch.no_grad():
        expected = learnt.network.eval()(new.inputs).numpy()
    assert transfer.logits(lesson, learnt, new) == pytest.approx(expected, abs=1e-5)


def test_the_held_out_logits_are_those_of_a_head_that_has_not_learnt_from_them(tmp_path: Path) -> None:
    """With a refit the head that is kept has; without one the two are the same head."""
    training, validation = toys.rows(22), toys.rows(8, seed=5, identity="validation")
    found = {}
    for refit in (True, False):
        run = Notebook(tmp_path / str(refit))
        lesson = toys.lesson(run, training, validation, replace(SETTINGS, refit=refit))
        learnt = transfer.learn(lesson, Strategy.FEATURES)
        assert learnt.held_out is not None
        found[refit] = learnt.held_out.numpy(), transfer.logits(lesson, learnt, validation)
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-6)
    assert found[False][0] == pytest.approx(found[False][1], abs=1e-5)
    assert found[True][0] != pytest.approx(found[True][1], abs=1e-3)


@pytest.mark.parametrize("strategy", [Strategy.PARTIAL, Strategy.FULL, Strategy.LORA, Strategy.SCRATCH])
def test_whatever_learns_more_than_the_head_is_held_out_as_it_is(strategy: Strategy, tmp_path: Path) -> None:
    validation = toys.rows(8, seed=5, identity="validation")
    lesson = toys.lesson(Notebook(tmp_path), toys.rows(22), validation, SETTINGS)
    learnt = transfer.learn(lesson, strategy)
    assert learnt.held_out is not None
    assert learnt.held_out.numpy() == pytest.approx(transfer.logits(lesson, learnt, validation), abs=1e-5)
    alone = transfer.learn(toys.lesson(Notebook(tmp_path / "alone"), toys.rows(22), None, SETTINGS), strategy)
    assert alone.held_out is None


# --- the arithmetic -------------------------------------------------------------------------------


def test_fold() -> None:
    head = nn.Linear(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[2.0, 4.0], [0.0, 6.0]]))
        head.bias.copy_(torch.tensor([1.0, 2.0]))
    shift, scale = torch.tensor([10.0, 1.0]), torch.tensor([2.0, 4.0])
    raw = torch.tensor([[12.0, 5.0], [10.0, 1.0]])
    expected = head((raw - shift) / scale).detach()
    assert expected.tolist() == [[7, 8], [1, 2]]
    heads.fold(head, shift, scale)
    assert head.weight.tolist() == [[1, 1], [0, 1.5]]
    assert head.bias.tolist() == [-10, 0.5]
    torch.testing.assert_close(head(raw).detach(), expected)


def test_standardisation() -> None:
    activations = torch.tensor([[[1.0, 5.0], [3.0, 5.0]], [[1.0, 5.0], [3.0, 5.0]]])  # (N 2, V 2, D 2)
    shift, scale = heads.standardisation(activations)
    assert shift.tolist() == [2, 5]
    assert scale.tolist() == [pytest.approx((4 / 3) ** 0.5), pytest.approx(1e-3)]  # a constant divides by no zero


def test_class_weights() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    weights = transfer.class_weights(labels, 3)
    assert weights.tolist() == [pytest.approx(2 / 3), 2, 0]
    assert weights[labels].mean() == pytest.approx(1)
    assert transfer.class_weights(torch.tensor([0, 1, 2, 0, 1, 2]), 3).tolist() == [1, 1, 1]


def test_every_class_has_the_same_say(tmp_path: Path) -> None:
    """One wrong in a class of one weighs as much as three wrong in a class of three; a batch changes nothing."""
    examples = Rows(torch.zeros(4, 4), torch.tensor([0, 0, 0, 1]))
    settings = replace(SETTINGS, label_smoothing=0.0)
    loss = toys.lesson(Notebook(tmp_path), examples, None, settings).loss(examples.labels)
    logits = torch.log(torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5]]))
    nll = -torch.log(torch.tensor([0.9, 0.5]))
    assert float(loss(logits, examples.labels)) == pytest.approx(float(nll.mean()))
    assert float(loss(logits[3:], examples.labels[3:])) == pytest.approx(2 * float(nll[1]))
    unweighed = toys.lesson(Notebook(tmp_path), examples, None, replace(settings, balance=False)).loss(examples.labels)
    assert float(unweighed(logits, examples.labels)) == pytest.approx(float((3 * nll[0] + nll[1]) / 4))


def test_cached_examples_join_and_split() -> None:
    one = Cached(torch.arange(6.0).view(3, 1, 2), torch.tensor([0, 1, 0]), "one")
    both = one.joined(Cached(torch.full((1, 1, 2), 9.0), torch.tensor([1]), "other"))
    assert both.labels.tolist() == [0, 1, 0, 1]
    assert both.plain(torch.tensor([3, 0])).tolist() == [[9, 9], [0, 1]]
    part = both.subset(torch.tensor([3, 1]))
    assert (part.labels.tolist(), part.plain(torch.tensor([1])).tolist()) == ([1, 1], [[2, 3]])
    assert both.subset(torch.arange(4)) is both
    assert part.identity != both.identity


def test_of_five_examples_a_class_no_standard_deviation_is_taken() -> None:
    """One number for all features, which keeps the classes as far apart as they were; with a sixth, one each."""
    activations = torch.tensor([[1.0, 10.0], [3.0, 10.0], [2.0, 12.0], [2.0, 8.0], [2.0, 10.0]]).unsqueeze(1)
    shift, scale = heads.scaling(activations, torch.tensor([0, 0, 0, 0, 0]))
    assert shift.tolist() == [2.0, 10.0]
    assert scale.tolist() == pytest.approx([(1 + 1 + 2 + 2 + 0) / 5 / 2**0.5] * 2)
    six = activations[[0, 1, 2, 3, 4, 4]]
    shift, scale = heads.scaling(six, torch.tensor([0] * 6))
    assert scale.tolist() == six.flatten(0, 1).std(0).tolist()

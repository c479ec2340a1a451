"""Conformance: what every method promises, for every file in methods/ and every task it claims."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from raskd_bench import catalog
from raskd_bench.errors import BenchError, IncompatibleTrial
from raskd_bench.method import Method, Setting, load_method, shuffled_batches
from raskd_bench.spec.rules import rule_of

NAMES = catalog.names("method")
CARDS = {name: catalog.find("method", name) for name in NAMES}
PAIRS = [(name, task) for name in NAMES for task in sorted(CARDS[name].tasks)]
TRIPLES = [(*pair, family) for pair in PAIRS for family in sorted(CARDS[pair[0]].backbones)]


class OperationCounter(TorchDispatchMode):
    """Counts operations; one that waits for the device to read a number (`.item()`) fails."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "the loss reads a number"
        self.count += 1
        return func(*args, **(kwargs or {}))


def assert_same_state(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(state) == list(expected)
    for name, value in expected.items():
        assert torch.equal(state[name], value), name


@pytest.mark.parametrize(("name", "task", "family"), TRIPLES)
def test_it_trains_and_every_parameter_gets_a_gradient(new_rig, name, task, family) -> None:
    rig = new_rig(name, task=task, backbone=family)
    parameters = dict(rig.method.named_parameters(prefix="method"))
    parameters |= dict(rig.student.named_parameters(prefix="student"))
    without = set(parameters)
    steps = 0
    for terms in rig.train():
        steps += 1
        for term, value in terms.items():
            assert value.shape == (), term
            assert value.isfinite(), term
        without -= {key for key, value in parameters.items() if value.grad is not None}
    assert steps >= 3
    assert without == set()
    assert all(value.isfinite().all() for value in parameters.values())


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_it_builds_upon_the_baselines_student(new_rig, name, task) -> None:
    baseline = new_rig("cross_entropy", task=task, seed=3).student.state_dict()
    rig = new_rig(name, task=task, seed=3)
    assert_same_state(rig.student.state_dict(), baseline)
    for _ in rig.train(epochs=1):
        pass
    after = {key: value.shape for key, value in rig.student.state_dict().items()}
    assert after == {key: value.shape for key, value in baseline.items()}
    assert rig.student.training


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_same_seed_gives_the_same_losses(new_rig, name, task) -> None:
    def losses(seed: int) -> list[dict[str, float]]:
        return [
            {term: value.item() for term, value in terms.items()}
            for terms in new_rig(name, task=task, seed=seed).train()
        ]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_it_leaves_the_teacher_alone(new_rig, name, task) -> None:
    rig = new_rig(name, task=task)
    if rig.setting.teacher is None:
        assert not rig.method.needs_teacher
        return
    network = rig.setting.teacher.student
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for _ in rig.train():
        pass
    assert_same_state(network.state_dict(), before)
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    owned = {id(tensor) for tensor in (*rig.method.parameters(), *rig.method.buffers())}
    assert owned.isdisjoint(id(tensor) for tensor in network.state_dict(keep_vars=True).values())


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_the_loss_reads_no_number_and_has_no_loop_over_images(new_rig, name, task) -> None:
    counts = []
    for batch_size in (4, 8):
        rig = new_rig(name, task=task, batch_size=batch_size)
        for _ in rig.train(epochs=1):
            pass
        batch = rig.batch(epoch=1)
        with OperationCounter() as counter:
            rig.loss(batch)
        counts.append(counter.count)
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_the_loss_works_without_values(new_rig, name, task) -> None:
    """On the meta device whatever needs a value on the host fails, and so does a copy to it."""
    rig = new_rig(name, task=task).to("meta")
    batch = rig.batch()
    batch = batch._replace(
        views=tuple(type(view)(*(tensor.to("meta") for tensor in view)) for view in batch.views),
        ids=batch.ids.to("meta"),
    )
    for _ in range(2):
        terms = rig.loss(batch)
        torch.stack(list(terms.values())).sum().backward()
        assert {value.device.type for value in terms.values()} == {"meta"}


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_losses_stay_in_float32_under_autocast(new_rig, start, name, task) -> None:
    rig = new_rig(name, task=task)
    rig.method.start_epoch(start)
    for _ in range(2):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms = rig.loss()
        for term, value in terms.items():
            assert value.dtype == torch.float32, term
            assert value.isfinite(), term


@pytest.mark.parametrize("name", NAMES)
def test_its_sampler_depends_on_the_generator_only(new_rig, name) -> None:
    method = new_rig(name).method
    labels = np.arange(23, dtype=np.int64) % 5
    first, second = (method.sample(labels, 4, np.random.default_rng(9)) for _ in range(2))
    assert len(first) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.int64
        assert set(one) <= set(range(23))


@pytest.mark.parametrize("name", NAMES)
def test_its_defaults_survive_a_record(name) -> None:
    defaults = CARDS[name].defaults
    kept = json.loads(json.dumps(defaults))
    assert kept == defaults
    again, fresh = vars(load_method(name, kept)), vars(load_method(name, {}))
    assert {key: again[key] for key in defaults} == {key: fresh[key] for key in defaults}
    assert {key: fresh[key] for key in defaults} == defaults


@pytest.mark.parametrize("name", NAMES)
def test_its_hyper_parameters_can_be_checked_by_the_suites_reader(name) -> None:
    for parameter in CARDS[name].parameters:
        assert not parameter.required, f"{parameter.name} has no default"
        rule = rule_of(parameter.annotation)
        assert rule is not None, f"{parameter.name}: {parameter.annotation} is not checkable"
        assert rule.broken_by(parameter.default) is None


@pytest.mark.parametrize("name", NAMES)
def test_it_cites_its_paper_and_starts_with_its_equation(name) -> None:
    card = CARDS[name]
    assert card.constants["paper"]
    assert card.title
    assert card.description.startswith("L = ")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_its_card_says(name) -> None:
    method = load_method(name, {})
    assert isinstance(method, Method)
    assert method.tasks == CARDS[name].tasks
    assert method.backbones == CARDS[name].backbones
    assert (method.needs_teacher is True) == CARDS[name].needs_teacher
    assert (method.needs_teacher == "self") == CARDS[name].teaches_itself
    assert method.tasks <= set(catalog.TASKS)
    assert method.backbones <= set(catalog.BACKBONES)


def test_batches_are_a_shuffle_without_the_incomplete_one() -> None:
    batches = shuffled_batches(11, 4, np.random.default_rng(0))
    assert [len(batch) for batch in batches] == [4, 4]
    assert len(set(np.concatenate(batches))) == 8


def test_a_batch_is_never_larger_than_the_split() -> None:
    (batch,) = shuffled_batches(3, 8, np.random.default_rng(0))
    assert sorted(batch) == [0, 1, 2]


def test_a_module_is_refused_as_teacher() -> None:
    with pytest.raises(AssertionError, match="register"):
        Setting(2, 4, (1,), (1,), 1, torch.nn.Identity, teacher=torch.nn.Identity())


def test_a_users_own_file_is_loaded(tmp_path: Path) -> None:
    _write(tmp_path / "mine.py", "self.strength = strength")
    method = load_method("./mine.py:Mine", {"strength": 0.5}, tmp_path)
    assert isinstance(method, Method)
    assert method.strength == 0.5


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "mine.py", "raise ValueError('strength is too large')")
    with pytest.raises(IncompatibleTrial, match=r"mine\.py:Mine: cannot be made .* too large"):
        load_method("./mine.py:Mine", {"strength": 9.0}, tmp_path)


def test_a_class_that_is_no_method_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine(dict):\n    pass\n")
    with pytest.raises(IncompatibleTrial, match="is not a raskd_bench"):
        load_method("./mine.py:Mine", {}, tmp_path)


def test_an_unknown_hyper_parameter_is_refused() -> None:
    with pytest.raises(IncompatibleTrial, match=r"kd\.py:KD: cannot be made .*'strength'"):
        load_method("kd", {"strength": 1.0})


def test_a_misspelt_name_is_corrected() -> None:
    with pytest.raises(BenchError, match="did you mean 'ps_kd'"):
        load_method("pskd", {})


def _write(path: Path, body: str) -> None:
    path.write_text(
        "from raskd_bench.method import Method\n\n\n"
        "class Mine(Method):\n"
        '    """L = 0."""\n\n'
        "    def __init__(self, *, strength: float = 0.1) -> None:\n"
        "        super().__init__()\n"
        f"        {body}\n"
    )

"""Seeds of a method in one process: a Record each, and one by one where that must be."""

from .test_runner import METHODS, run

TOGETHER = "seeds_together: 2"


def found(outcome):
    return sorted((record.label, record.seed, record.status) for record in outcome.ran)


def test_each_seed_has_its_record(tmp_path):
    outcome, show = run(tmp_path, "[cross_entropy, cs_kd]", seeds=(0, 1, 2), more=TOGETHER)
    labels = ("cross_entropy", "cs_kd")
    assert found(outcome) == [(label, seed, "done") for label in labels for seed in (0, 1, 2)]
    stacked = {(r.label, r.seed) for r in outcome.ran if r.seeds_together == 2}
    if show.said:  # it depends on the host whether a stack is faster
        assert "cross_entropy on resnet8: its seeds run one by one: a step of 2" in show.said[0]
        assert stacked == set()
    else:
        assert stacked == {("cross_entropy", 0), ("cross_entropy", 1)}
    names = {plan.trial.file_name for plan in show.plans}
    assert {path.name for path in outcome.folder.glob("*.json")} == names
    again, _ = run(tmp_path, "[cross_entropy, cs_kd]", seeds=(0, 1, 2), more=TOGETHER)
    assert (len(again.ran), again.resumed) == (0, 6)


def test_a_method_that_declares_what_it_does_not_do_runs_one_by_one(tmp_path):
    method = f"{{name: '{METHODS}:Twice', label: twice}}"
    outcome, show = run(tmp_path, f"[{method}]", seeds=(0, 1, 2), more=TOGETHER)
    assert found(outcome) == [("twice", seed, "done") for seed in (0, 1, 2)]
    assert [record.seeds_together for record in outcome.ran] == [None] * 3
    (text,) = show.said
    assert text.startswith("twice on resnet8: its seeds run one by one: together: failed: ")
    assert "seeds_together is for methods with one forward a step" in text


def test_a_student_that_cannot_be_stacked_runs_one_by_one(tmp_path):
    path = "{name: timm/vit_tiny_patch16_224, img_size: 8, patch_size: 4, depth: 1}"
    outcome, show = run(tmp_path, "[cross_entropy]", seeds=(0, 1), more=TOGETHER, student=path)
    assert [record.status for record in outcome.ran] == ["done", "done"]
    assert "mixes channels otherwise than by convolutions" in show.said[0]

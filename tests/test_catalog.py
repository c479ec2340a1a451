"""Cards: what the catalogue reads from source files, without importing them."""

import sys
from pathlib import Path

import pytest

from raskd_bench import catalog
from raskd_bench.catalog import NoSuchName

SOURCE = '''\
"""A method of the user.

More about it.
"""

from typing import ClassVar, Literal

from raskd_bench.method import Method, Positive


class Base(Method):
    """The equation."""

    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    backbones = frozenset({"cnn"})
    needs_teacher = True

    def __init__(self, warm, *, tau: Positive = 0.5, mode: Literal["a", "b"] = "a") -> None:
        super().__init__()


class Child(Base):
    needs_teacher: ClassVar[bool] = False


class Free(Method):
    def __init__(self, **options: float) -> None:
        super().__init__()


class Foreign(Other):
    pass


class Plain:
    pass
'''


@pytest.fixture
def write_method(tmp_path):
    def write(text=SOURCE):
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        return lambda symbol: catalog.find("method", f"./mine.py:{symbol}", tmp_path)

    return write


@pytest.mark.parametrize("kind", ["method", "student", "dataset"])
def test_every_name_has_a_card_that_says_what_it_is(kind):
    names = catalog.names(kind)
    cards = [catalog.find(kind, name) for name in names]
    assert names == tuple(sorted(names))
    assert [(card.kind, card.name) for card in cards] == [(kind, name) for name in names]
    assert [card.name for card in cards if not card.title or not card.path.is_file()] == []


def test_nothing_is_imported():
    before = set(sys.modules)
    catalog.find("method", "ras_kd")
    catalog.find("student", "timm/resnet18")
    assert {name for name in set(sys.modules) - before if "raskd_bench" in name} == set()


def test_a_card_has_the_declared_hyper_parameters():
    card = catalog.find("method", "label_smoothing")
    (epsilon,) = card.parameters
    assert (epsilon.name, epsilon.annotation, epsilon.default) == ("epsilon", "Fraction", 0.1)
    assert (card.symbol, card.defaults, card.free_options) == (
        "LabelSmoothing",
        {"epsilon": 0.1},
        False,
    )


def test_a_card_has_the_declared_constants():
    assert catalog.find("method", "kd").needs_teacher
    assert not catalog.find("method", "ras_kd").needs_teacher
    assert catalog.find("method", "ras_kd").backbones == {"cnn", "vit"}


def test_a_required_option_has_no_default():
    card = catalog.find("dataset", "imagefolder")
    required = [parameter.name for parameter in card.parameters if parameter.required]
    assert (required, "root" in card.defaults) == (["root"], False)


def test_any_model_of_timm_is_a_student_with_free_options():
    card = catalog.find("student", "timm/vit_tiny_patch16_224")
    assert (card.symbol, card.free_options, card.title) == (
        "timm",
        True,
        "vit_tiny_patch16_224 of the timm library",
    )
    assert "timm" not in catalog.names("student")


def test_the_models_of_timm_read_from_its_source_are_those_it_lists():
    import timm

    models = timm.list_models()
    assert [catalog.find("student", f"timm/{name}").name for name in models] == [
        f"timm/{name}" for name in models
    ]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("method", "ras-kd", "no method is called 'ras-kd'; did you mean 'ras_kd'"),
        ("method", "__init__", "no method is called '__init__'"),
        ("student", "resnt8", "no student is called 'resnt8'; did you mean 'resnet8'"),
        ("student", "vit_tiny_patch16_224", "did you mean 'timm/vit_tiny_patch16_224'"),
        ("student", "timm/vit_tinny_patch16_224", "did you mean 'timm/vit_tiny_patch16_224'"),
        ("dataset", "digit", "no data set is called 'digit'; did you mean 'digits'"),
        ("method", "mine.py", "'mine.py' is no method; a method of yours is ./file.py:Class"),
        ("method", "./mine.txt:Mine", "is no method; a method of yours is ./file.py:Class"),
        ("method", "./mine.py:", "is no method; a method of yours is ./file.py:Class"),
        ("method", "./mine.py:Mine", "no such file: .*mine.py"),
        ("method", "./a\0.py:Mine", "no such file|cannot be read"),
        ("method", f"./{'a' * 300}.py:Mine", "cannot be read"),
    ],
)
def test_an_unknown_name_is_refused_with_a_remedy(kind, name, message, tmp_path):
    with pytest.raises(NoSuchName, match=message):
        catalog.find(kind, name, tmp_path)


def test_a_class_of_a_file_is_a_method(write_method, tmp_path):
    card = write_method()("Base")
    assert card.path == (tmp_path / "mine.py").resolve()
    assert (card.symbol, card.title, card.description) == (
        "Base",
        "A method of the user",
        "The equation.",
    )
    assert [(p.name, p.annotation, p.required) for p in card.parameters] == [
        ("warm", "Any", True),
        ("tau", "Positive", False),
        ("mode", "Literal['a', 'b']", False),
    ]
    assert (card.tasks, card.backbones, card.needs_teacher) == ({"classification"}, {"cnn"}, True)


def test_what_a_base_in_the_same_file_declares_is_inherited(write_method):
    card = write_method()("Child")
    assert (card.backbones, card.needs_teacher) == ({"cnn"}, False)
    assert card.defaults == {"tau": 0.5, "mode": "a"}


@pytest.mark.parametrize("symbol", ["Free", "Foreign"])
def test_keywords_that_the_file_does_not_list_are_left_to_the_class(write_method, symbol):
    assert write_method()(symbol).free_options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SOURCE, r"mine.py has no class Mine .its classes: Base, Child, Free, Foreign, Plain"),
        ("class Mine:\n    pass\n", "has a class Mine that is not based on Method"),
        ("", "has no class Mine .its classes: none"),
        ("class Mine(\n", r"mine.py:1: not Python: '\(' was never closed"),
        ("\0", "mine.py.*(not Python|cannot be read)"),
        ("x = " + "(" * 300 + ")" * 300, "not Python: too many nested parentheses"),
        ("class Mine(Method):\n    tasks = 5\n", "mine.py:1: tasks of Mine must be a set of names"),
        ("class Mine(Method):\n    backbones = 'cnn'\n", "mine.py:1: backbones of Mine must be"),
        ("class Mine(Method):\n    def __init__(self, a=f()): ...\n",
         "mine.py:2: the default of 'a' must be written out"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_at_its_line(write_method, text, message):
    find = write_method(text)
    with pytest.raises(NoSuchName, match=message):
        find("Mine")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "mine.py").write_bytes(b"# \xff\n")
    with pytest.raises(NoSuchName, match="cannot be read"):
        catalog.find("method", "./mine.py:Mine", tmp_path)


def test_a_changed_file_is_read_again(write_method):
    assert write_method()("Base").defaults["tau"] == 0.5
    assert write_method(SOURCE.replace("0.5", "0.7"))("Base").defaults["tau"] == 0.7


def test_comments_and_white_space_do_not_change_the_digest(write_method):
    digest = catalog.digest(write_method()("Base"))
    spaced = SOURCE.replace("\n\n\nclass", "\n\n\n\n# a comment\nclass").replace(
        "(self, ", "( self,"
    )
    assert catalog.digest(write_method(spaced)("Base")) == digest
    assert len(digest) == 12


def test_a_permission_is_no_code(write_method):
    source = "class Own(Method):\n    strength: ClassVar[int] = {}\n"
    declared = source + "    seeds_together: ClassVar[bool] = True\n"
    declared += "    smallest_batch: ClassVar[int] = 3\n    fewest_classes: ClassVar[int] = 3\n"
    declared += "    smallest_picture: ClassVar[str] = 'stride'\n"
    digests = [catalog.digest(write_method(text)("Own"))
               for text in (source.format(1), declared.format(1), declared.format(2))]  # fmt: skip
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(("old", "new"), [("0.5", "0.6"), ("super()", "print()"), ("Free", "Fee")])
def test_code_changes_the_digest(write_method, old, new):
    digest = catalog.digest(write_method()("Base"))
    assert catalog.digest(write_method(SOURCE.replace(old, new))("Base")) != digest


def test_methods_have_digests_of_their_own():
    cards = [catalog.find("method", name) for name in catalog.names("method")]
    assert len({catalog.digest(card) for card in cards}) == len(cards)


@pytest.mark.parametrize(
    ("student", "family"),
    [("resnet8", "cnn"), ("timm/resnet18", "cnn"), ("timm/vit_tiny_patch16_224", "vit"),
     ("timm/deit_tiny_patch16_224", "vit"), ("timm/efficientnet_b0", "cnn")],
)  # fmt: skip
def test_transformers_are_a_family_of_their_own(student, family):
    assert catalog.family(student) == family


def test_libraries_imported_late_are_known_without_importing_them():
    timm_file = Path(catalog.PACKAGE) / "students" / "timm.py"
    assert "timm" in catalog.late_imports(timm_file)

"""Image folders, unpacked or in a zip, in the layouts that users have."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raskd_bench.data.imagefolder import imagefolder, tiny_imagenet
from raskd_bench.errors import DataError

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def png(colour=RED, size=(8, 8), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


TREE = {
    "train/cat/1.png": png(RED),
    "train/cat/2.png": png(GREEN),
    "train/dog/1.png": png(BLUE),
    "test/cat/1.png": png(GREEN),
    "test/dog/1.png": png(BLUE),
    "readme.txt": b"no image",
}
TINY = {
    "tiny-imagenet-200/wnids.txt": b"n1\nn2\n",
    "tiny-imagenet-200/train/n1/images/n1_0.JPEG": png(RED),
    "tiny-imagenet-200/train/n1/n1_boxes.txt": b"n1_0.JPEG\t0\t0\t1\t1\n",
    "tiny-imagenet-200/train/n2/images/n2_0.JPEG": png(GREEN),
    "tiny-imagenet-200/val/images/val_0.JPEG": png(GREEN),
    "tiny-imagenet-200/val/images/val_1.JPEG": png(RED),
    "tiny-imagenet-200/val/val_annotations.txt": b"val_0.JPEG\tn2\t0\t0\t1\t1\nval_1.JPEG\tn1\t0\n",
    "tiny-imagenet-200/test/images/test_0.JPEG": png(BLUE),
}


def as_folder(tree, root: Path) -> str:
    for name, content in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return str(root)


def as_zip(tree, root: Path) -> str:
    with zipfile.ZipFile(root / "data.zip", "w") as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return str(root / "data.zip")


def colours(split) -> list[tuple[int, ...]]:
    return [tuple(map(int, image[0, 0])) for image in split.source.read(np.arange(len(split)))]


@pytest.mark.parametrize("make", [as_folder, as_zip])
@pytest.mark.parametrize("prefix", ["", "my-data/"])
def test_folders_are_classes(tmp_path: Path, make, prefix: str) -> None:
    root = make({prefix + name: content for name, content in TREE.items()}, tmp_path)
    splits = imagefolder(root=root)
    assert splits.classes == ("cat", "dog")
    np.testing.assert_array_equal(splits.train.labels, [0, 0, 1])
    np.testing.assert_array_equal(splits.test.labels, [0, 1])
    assert colours(splits.train) == [RED, GREEN, BLUE]
    assert colours(splits.test) == [GREEN, BLUE]
    assert (splits.crop_padding, splits.flip) == (1, True)


def test_a_read_has_the_order_that_was_asked_for(tmp_path: Path) -> None:
    source = imagefolder(root=as_folder(TREE, tmp_path)).train.source
    found = source.read(np.array([2, 0, 2]))
    assert found.shape == (3, 8, 8, 3)
    assert found.dtype == np.uint8
    assert [tuple(image[4, 4]) for image in found] == [BLUE, RED, BLUE]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_the_test_split_may_be_called_val(tmp_path: Path, name: str) -> None:
    tree = {key.replace("test/", f"{name}/"): content for key, content in TREE.items()}
    assert len(imagefolder(root=as_folder(tree, tmp_path)).test) == 2


@pytest.mark.parametrize("make", [as_folder, as_zip])
def test_tiny_imagenets_annotated_layout(tmp_path: Path, make) -> None:
    splits = tiny_imagenet(root=make(TINY, tmp_path), size=8)
    assert splits.classes == ("n1", "n2")
    np.testing.assert_array_equal(splits.test.labels, [1, 0])
    assert colours(splits.test) == [GREEN, RED]


def test_tiny_imagenet_is_found_where_downloads_go(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"looked in .*/tiny-imagenet-200\.zip, .*CS231n"):
        tiny_imagenet()
    as_folder(TINY, tmp_path)
    assert len(tiny_imagenet().train) == 2


def test_an_image_without_annotation_is_named(tmp_path: Path) -> None:
    tree = TINY | {"tiny-imagenet-200/val/images/val_9.JPEG": png()}
    with pytest.raises(DataError, match=r"does not mention 'val_9\.JPEG'"):
        tiny_imagenet(root=as_zip(tree, tmp_path))


@pytest.mark.parametrize(("size", "expected"), [(None, 8), (16, 16), (5, 5)])
def test_size(tmp_path: Path, size, expected: int) -> None:
    source = imagefolder(root=as_folder(TREE, tmp_path), size=size).train.source
    assert (source.height, source.width) == (expected, expected)
    assert source.read([0]).shape == (1, expected, expected, 3)


def test_images_of_other_sizes_are_resized_and_centre_cropped(tmp_path: Path) -> None:
    wide = Image.new("RGB", (32, 8), BLUE)
    wide.paste(GREEN, (12, 0, 20, 8))
    buffer = io.BytesIO()
    wide.save(buffer, "PNG")
    tree = TREE | {
        "train/dog/1.png": buffer.getvalue(),
        "train/dog/2.png": png(RED, size=(3, 40)),
        "train/dog/3.png": png(RED, size=(7, 9)),
    }
    source = imagefolder(root=as_folder(tree, tmp_path), size=8).train.source
    images = source.read([2, 3, 4])
    assert (images[0] == GREEN).all()
    assert (images[1:] == RED).all()


def test_the_size_does_not_hang_on_which_file_comes_first(tmp_path: Path) -> None:
    tree = TREE | {"train/cat/1.png": png(RED, size=(20, 12)), "test/dog/1.png": png(size=(7, 30))}
    with pytest.raises(DataError, match=r": pictures of 7 to 30 px; write size: 32"):
        imagefolder(root=as_folder(tree, tmp_path))


def test_pictures_of_one_size_are_cropped_to_their_shorter_side(tmp_path: Path) -> None:
    tree = {name: png(size=(20, 12)) for name in TREE if name.endswith("png")}
    source = imagefolder(root=as_folder(tree, tmp_path)).test.source
    assert (source.height, source.width) == (12, 12)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA"])
def test_every_image_becomes_rgb(tmp_path: Path, mode: str) -> None:
    tree = TREE | {"train/cat/1.png": png((255, 255, 255), mode=mode)}
    assert colours(imagefolder(root=as_folder(tree, tmp_path)).train)[0] == (255, 255, 255)


@pytest.mark.parametrize("make", [as_folder, as_zip])
@pytest.mark.parametrize("content", [png()[:50], png()[:-30]])
def test_a_damaged_image_is_named(tmp_path: Path, make, content: bytes) -> None:
    root = make(TREE | {"train/dog/1.png": content}, tmp_path)
    source = imagefolder(root=root, size=8).train.source
    with pytest.raises(DataError, match=r"train/dog/1\.png: damaged"):
        source.read([2])


@pytest.mark.parametrize("make", [as_folder, as_zip])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html>404 Not Found</html>", r"is no picture \(begins with <html\)"),
        (b"\0\1junk", r"is no picture \(begins with 00 01 6a 75\)"),
    ],
)
def test_a_file_that_is_no_picture_is_named_without_an_address_in_memory(
    tmp_path: Path, make, content: bytes, reason: str
) -> None:
    with pytest.raises(DataError, match=rf"train/dog/1\.png: {reason}$"):
        imagefolder(root=make(TREE | {"train/dog/1.png": content}, tmp_path))


def test_a_damaged_zip_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in TREE.items():
            archive.writestr(name, content)
        offset = archive.getinfo("train/dog/1.png").header_offset + 30 + len("train/dog/1.png")
    content = bytearray(path.read_bytes())
    content[offset : offset + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train/dog/1\.png: cannot be read"):
        imagefolder(root=str(path), size=8).train.source.read([2])


def test_an_image_that_vanished_is_named(tmp_path: Path) -> None:
    source = imagefolder(root=as_folder(TREE, tmp_path)).train.source
    (tmp_path / "train/dog/1.png").unlink()
    with pytest.raises(DataError, match=r"train/dog/1\.png: cannot be read"):
        source.read([2])


def test_a_missing_root_says_where_it_was_sought(tmp_path: Path) -> None:
    root = tmp_path / "nowhere"
    with pytest.raises(DataError, match=rf"imagefolder is not here: looked in {root}; give 'root'"):
        imagefolder(root=str(root))


@pytest.mark.parametrize(
    ("missing", "found"),
    [("train", "found test"), ("test", "found train"), ("", "found no images")],
)
def test_train_and_test_are_both_needed(tmp_path: Path, missing: str, found: str) -> None:
    tree = {k: content for k, content in TREE.items() if missing and not k.startswith(missing)}
    with pytest.raises(DataError, match=rf"needs train/<class>/ and test/<class>/ .*{found}"):
        imagefolder(root=as_folder(tree, tmp_path))


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.tar").write_bytes(b"something else")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        imagefolder(root=str(tmp_path / "data.tar"))


def test_a_class_that_is_only_tested_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without train images: bird"):
        imagefolder(root=as_folder(TREE | {"test/bird/1.png": png()}, tmp_path))


def test_an_image_outside_the_class_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train/stray\.png: lies in no class's folder"):
        imagefolder(root=as_folder(TREE | {"train/stray.png": png()}, tmp_path))


def test_what_a_file_manager_leaves_behind_is_no_image(tmp_path: Path) -> None:
    tree = TREE | {"__MACOSX/train/cat/._1.png": b"x", "train/dog/.hidden.png": b"x"}
    assert len(imagefolder(root=as_zip(tree, tmp_path)).train) == 3


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    as_folder(TREE, tmp_path / "real")
    (tmp_path / "linked").mkdir()
    for part in ("train", "test"):
        (tmp_path / "linked" / part).symlink_to(tmp_path / "real" / part)
    assert len(imagefolder(root=str(tmp_path / "linked")).train) == 3


def test_a_source_travels_to_workers_without_its_open_file(tmp_path: Path) -> None:
    source = imagefolder(root=as_zip(TREE, tmp_path)).train.source
    expected = source.read([0, 1, 2])
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.read([0, 1, 2]), expected)


def test_the_cifar100_stand_in(shared_data) -> None:
    splits = imagefolder(root=str(shared_data("tiny-imagenet-100-32.zip")))
    assert (len(splits.train), len(splits.test), len(splits.classes)) == (50_000, 5_000, 100)
    assert set(np.bincount(splits.train.labels)) == {500}
    assert set(np.bincount(splits.test.labels)) == {50}
    assert (splits.train.source.height, splits.crop_padding) == (32, 4)
    images = splits.train.source.read([0, 25_000, 49_999])
    assert images.std(axis=(1, 2, 3)).min() > 5


@pytest.mark.parametrize("size", [64, 32])
def test_the_official_tiny_imagenet_layout(shared_data, size: int) -> None:
    splits = tiny_imagenet(root=str(shared_data("tiny-imagenet-200-mini.zip")), size=size)
    assert (len(splits.train), len(splits.test), len(splits.classes)) == (800, 400, 200)
    assert set(np.bincount(splits.train.labels)) == {4}
    assert set(np.bincount(splits.test.labels)) == {2}
    assert splits.test.source.read([0, 399]).shape == (2, size, size, 3)

"""Pictures become RGB as people see them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raskd_bench.data.decoding import to_rgb
from raskd_bench.data.facts import facts_of
from raskd_bench.data.imagefolder import imagefolder
from raskd_bench.errors import DataError

from .pictures import as_folder, picture

RAMP = np.tile(np.linspace(0, 1, 16), (4, 1))


def opened(image: Image.Image, form: str, **options) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    buffer.seek(0)
    return Image.open(buffer)


def rgb(image: Image.Image, ground: int = 255):
    found = to_rgb(image, ground)
    assert found is not None
    return np.asarray(found)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_to_eight(form: str) -> None:
    image = Image.fromarray((RAMP * 65535).round().astype(np.uint16))
    found = rgb(opened(image, form))
    np.testing.assert_array_equal(found[0, :, 0], np.linspace(0, 255, 16).round())


@pytest.mark.parametrize("values", [RAMP.astype(np.float32), (RAMP * 9).astype(np.int32)])
def test_numbers_without_a_known_range_are_refused_with_their_file(tmp_path: Path, values) -> None:
    image = Image.fromarray(values)
    assert to_rgb(opened(image, "TIFF"), 0) is None
    tree = {f"{part}/{name}/1.png": picture() for part in ("train", "test") for name in "ab"}
    root = as_folder(tree, tmp_path)
    image.save(tmp_path / "train/b/2.tif")
    splits = imagefolder(root=root, size=8)
    with pytest.raises(DataError, match=r"train/b/2\.tif: its grey values have no known range"):
        facts_of(splits)
    with pytest.raises(DataError, match=r"train/b/2\.tif: its grey values have no known range"):
        splits.train.source.read([2])


@pytest.mark.parametrize(("ground", "grey"), [("white", 255), ("black", 0), ("grey", 128)])
def test_what_is_transparent_shows_the_ground(tmp_path: Path, ground, grey: int) -> None:
    clear = np.full((8, 8, 4), 200, np.uint8)
    clear[..., 3] = 0
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([9, 9, 9, 200, 200, 200])
    for part in ("train", "test"):
        for name in "ab":
            as_folder({f"{part}/{name}/": b""}, tmp_path)
            Image.fromarray(clear).save(tmp_path / part / name / "1.png")
            palette.save(tmp_path / part / name / "2.png", transparency=bytes([255, 0]))
            Image.new("LA", (8, 8), (7, 0)).save(tmp_path / part / name / "3.png")
    found = imagefolder(root=str(tmp_path), alpha=ground).train.source.read(np.arange(6))
    assert (found == grey).all()


def test_of_an_animation_the_first_frame_is_taken() -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ((200, 0, 0), (0, 0, 200)))
    image = opened(first, "GIF", save_all=True, append_images=[second])
    assert rgb(image)[0, 0].tolist() == [200, 0, 0]


def test_exif_orientation_is_not_applied_but_counted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    tree = {f"{part}/{name}/1.jpg": picture((9, 9, ord(name)), form="JPEG")
            for part in ("train", "test") for name in "ab"}  # fmt: skip
    turned = Image.new("RGB", (8, 8))
    turned.paste((250, 250, 250), (0, 0, 8, 4))
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", exif=exif)
    splits = imagefolder(root=as_folder(tree | {"train/a/2.jpg": buffer.getvalue()}, tmp_path))
    found = splits.train.source.read([1])[0]
    assert found[0, 7].min() > 200
    assert found[7, 0].max() < 50
    assert "1 pictures carry an EXIF orientation, which is not applied" in facts_of(splits).notes

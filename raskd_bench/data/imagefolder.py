"""Image folders: `train/<class>/*` and `test/<class>/*` (or val), in a folder or inside a zip."""

from pathlib import Path
from typing import Literal

import numpy as np

from raskd_bench.data.archive import Archive
from raskd_bench.data.content import HEIGHT, WIDTH, Content
from raskd_bench.data.decoding import GROUNDS, ImageFiles
from raskd_bench.data.layout import Owners, layout_of, names_of
from raskd_bench.data.splits import Split, Splits, missing
from raskd_bench.errors import DataError
from raskd_bench.home import data_home
from raskd_bench.method import Count, Fraction

PROPOSED = (32, 48, 64, 96, 128, 160, 192, 224)  # sizes to write where there is no common one
Ground = Literal["white", "black", "grey"]


def imagefolder(
    *,
    root: str,
    size: Count | None = None,
    test_fraction: Fraction | None = None,
    alpha: Literal["white", "black", "grey"] = "white",
) -> Splits:
    """Images in `root`/train/<class>/ and `root`/test/<class>/ (or val), a folder or a zip.

    All images are brought to `size` x `size` pixels, which may be left out where they are of one
    size. Without a test folder, `test_fraction` of each class is cut from the others. Pixels are
    what Pillow's `convert("RGB")` gives, with three differences: 16-bit grey is scaled to 8 bits,
    transparent pixels show the ground that `alpha` names, and pictures whose numbers have no known
    range (floating point, 32 bits) are refused. EXIF orientation is not applied, as in the loaders
    of torchvision and timm; pictures that carry one are counted. Of several frames or pages the
    first is taken. Tiny ImageNet's own layout (`val/images` with `val_annotations.txt`) and
    ImageNet's (a `test` without labels beside `val`) are understood too.
    """
    return _splits("imagefolder", Path(root), size, test_fraction, alpha)


def tiny_imagenet(*, root: str | None = None, size: Count = 64) -> Splits:
    """Tiny ImageNet, 200 classes, 64x64 (32x32 in CS-KD, FRSKD, DLB and BAKE): `size: 32`.

    `root` is the official tiny-imagenet-200.zip or the folder it unpacks to.
    """
    if root is not None:
        return _splits("tiny_imagenet", Path(root), size)
    home = data_home()
    places = [home / "tiny-imagenet-200.zip", home / "tiny-imagenet-200"]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        missing("tiny_imagenet", places, "get tiny-imagenet-200.zip (Stanford CS231n), or give "
                "'root'")  # fmt: skip
    return _splits("tiny_imagenet", found, size)


def _splits(
    name: str, root: Path, size: int | None, test_fraction: float | None = None,
    alpha: Ground = "white",
) -> Splits:  # fmt: skip
    if not root.exists():
        missing(name, [root.absolute()], "give 'root' as a folder or zip with train/ and test/")
    archive = Archive(root)
    layout = layout_of(archive, cut=test_fraction is not None)
    content = Content(archive, [*layout.train, *layout.test])
    side = size or _common_size(archive, content, [*layout.train, *layout.test])
    classes = tuple(sorted(set(layout.train.values())))
    number = {owner: index for index, owner in enumerate(classes)}

    def split(owners: Owners) -> Split:
        labels = np.array([number[owner] for owner in owners.values()], dtype=np.int64)
        source = ImageFiles(content, list(owners), side, GROUNDS[alpha])
        return Split(source, labels, names_of(layout, owners))

    train = split(layout.train)
    made = Splits(train, train if test_fraction is not None else split(layout.test), classes,
                  crop_padding=side // 8, flip=True, notes=layout.notes,
                  test_folder=layout.test_folder)  # fmt: skip
    return made if test_fraction is None else made.cut_test(test_fraction, str(root))


def _common_size(archive: Archive, content: Content, names: list[str]) -> int:
    """Return the shorter side of pictures of one size.

    Raises:
        DataError: they have several sizes; the message proposes one to write.
    """
    sides = content.of(names)[:, [WIDTH, HEIGHT]]
    if (sides == sides[0]).all():
        return int(sides[0].min())
    shorter = sides.min(axis=1)
    proposed = min(PROPOSED, key=lambda side: abs(np.log(side / np.median(shorter))))
    raise DataError(f"{archive.root}: pictures of {sides.min()} to {sides.max()} px; "
                    f"write size: {proposed}")  # fmt: skip

"""From picture files to uint8 RGB of one size, as people see them."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, features

from raskd_bench.data.archive import Archive
from raskd_bench.data.content import CRC, SIZE, Content, Rows, known_range, open_picture, plain
from raskd_bench.data.splits import Labels, Pixels
from raskd_bench.errors import DataError

DECODER = 2  # number of `ImageFiles`' way to decode; another one makes other pixels
GROUNDS = {"white": 255, "black": 0, "grey": 128}  # under transparent pixels
NO_RANGE = "its grey values have no known range ({}): save it with 8 or 16 bits"


class ImageFiles:
    """Images decoded on demand to RGB of one size: shorter side resized, centre cropped.

    Args:
        content: what is known of the files.
        files: their paths in the archive.
        size: height and width of the result.
        ground: what lies under transparent pixels, 0 to 255.
    """

    channels = 3

    def __init__(
        self, content: Content, files: Sequence[str], size: int, ground: int = GROUNDS["white"]
    ) -> None:
        self.content = content
        self.archive: Archive = content.archive
        self.place = str(self.archive.root)
        self.files = tuple(files)
        self.width = self.height = size
        self.ground = ground

    def __len__(self) -> int:
        return len(self.files)

    def subset(self, indices: Labels) -> "ImageFiles":
        """Return some of the images, renumbered from 0."""
        chosen = [self.files[index] for index in indices]
        return ImageFiles(self.content, chosen, self.width, self.ground)

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        result = np.empty((len(indices), self.height, self.width, 3), np.uint8)
        for position, index in enumerate(indices):  # threads were measured slower than one loop
            result[position] = self._decode(self.files[index])
        return result

    def pictures(self) -> Rows:
        """Return what is known of each file: [N, 6], see `content`."""
        return self.content.of(self.files)

    def decoder(self) -> str:
        """Return the name of the way in which pixels are made of files."""
        return f"decoder {DECODER}"

    def identity(self) -> Iterator[str]:
        """Yield texts that change if any of the pixels does: files, decoder and its libraries."""
        libraries = [features.version(name) for name in ("pil", "libjpeg_turbo", "webp", "libtiff")]
        yield f"{self.decoder()}, ground {self.ground}, {libraries}, {self.content.basis}"
        rows = self.pictures()[:, [SIZE, CRC]].tolist()
        yield from (f"{n} {size} {crc}" for n, (size, crc) in zip(self.files, rows, strict=True))

    def _decode(self, name: str) -> Pixels:
        with open_picture(self.archive, name, self.archive.read(name)) as image:
            try:
                picture = to_rgb(image, self.ground)
            except (OSError, SyntaxError, ValueError) as error:
                text = f"{self.archive.root}: {name}: damaged: {plain(error)}"
                raise DataError(text) from error
            if picture is None:
                reason = NO_RANGE.format("floating point" if image.mode == "F" else "32 bits")
                raise DataError(f"{self.archive.root}: {name}: {reason}")
        if picture.size != (self.width, self.height):
            scale = max(self.width / picture.width, self.height / picture.height)
            wide, high = round(picture.width * scale), round(picture.height * scale)
            left, top = (wide - self.width) // 2, (high - self.height) // 2
            picture = picture.resize((wide, high), Image.Resampling.BILINEAR)
            picture = picture.crop((left, top, left + self.width, top + self.height))
        return np.asarray(picture)


def to_rgb(image: Image.Image, ground: int) -> Image.Image | None:
    """Return a picture as 8-bit RGB; None if its values have no known range.

    16 bits are scaled to 8; what is transparent is composed on a ground; of several frames or
    pages the first is taken; EXIF orientation is not applied.

    Args:
        image: of any of Pillow's modes.
        ground: grey value under transparent pixels, 0 to 255.

    Raises:
        OSError, SyntaxError, ValueError: it is damaged.
    """
    if image.mode.startswith("I;16") or known_range(image):
        values = np.asarray(image).astype(np.uint32)
        grey = ((values * 255 + 32767) // 65535).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode in {"F", "I"}:
        return None
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        base = Image.new("RGBA", image.size, (ground, ground, ground, 255))
        base.alpha_composite(image.convert("RGBA"))
        return base.convert("RGB")
    return image.convert("RGB")

"""Tiny pictures and archives of them, for tests."""

import io
import zipfile
from pathlib import Path

from PIL import Image

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def picture(colour=RED, size=(8, 8), form: str = "PNG", **options) -> bytes:
    """Return the file of a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form, **options)
    return buffer.getvalue()


def as_folder(tree: dict[str, bytes], root: Path) -> str:
    """Write files into a folder; a name that ends with a slash is an empty folder."""
    for name, content in tree.items():
        target = root / name
        if name.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return str(root)


def as_zip(tree: dict[str, bytes], root: Path) -> str:
    """Write files into a zip, under their names as they are."""
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / "data.zip", "w") as archive:
        for name, content in tree.items():
            info = zipfile.ZipInfo(name)
            info.filename = name  # backslashes stay
            archive.writestr(info, content)
    return str(root / "data.zip")

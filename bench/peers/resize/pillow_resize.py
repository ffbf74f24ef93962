"""What a Python service usually does with a picture: Pillow's open, resize, save."""
import io

from PIL import Image, ImageOps

SIZES = (512, 256, 80)


def encode(image, name):
    out = io.BytesIO()
    if name == "webp":
        # The same effort as Sluice's; Pillow's default of 4 would cost it more.
        image.save(out, "WEBP", quality=80, method=2)
    else:
        image.save(out, "JPEG", quality=80)
    return out.getvalue()


def three_sizes(data):
    """Three square sizes in two formats."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    results = {}
    for size in SIZES:
        square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
        for name in ("webp", "jpg"):
            results[f"{size}.{name}"] = encode(square, name)
    return results


def one_small(data, draft):
    """One 80 px JPEG; `draft` shrinks while decoding, which has to be asked for."""
    image = Image.open(io.BytesIO(data))
    if draft:
        image.draft("RGB", (80, 80))
    image = ImageOps.exif_transpose(image)
    return encode(ImageOps.fit(image, (80, 80), Image.Resampling.LANCZOS), "jpg")

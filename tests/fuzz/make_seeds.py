#!/usr/bin/env python3
"""Writes the small valid files that the fuzz targets start from into tests/fuzz/seeds/. Needs NumPy and Pillow.

The torch and npy targets start from the files in tests/golden.
"""
import gzip
import io
import json
import pathlib
import struct

import numpy as np
from PIL import Image

SEEDS = pathlib.Path(__file__).resolve().parent / "seeds"


def write(name, data):
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def images():
    pixels = (np.arange(7 * 5 * 4).reshape(7, 5, 4) * 3 % 256).astype("uint8")
    for name, array in {"rgb": pixels[..., :3], "rgba": pixels, "grey": pixels[..., 0]}.items():
        image = Image.fromarray(array)
        for kind in ("png", "bmp", "jpeg"):
            if kind == "jpeg" and name == "rgba":
                continue
            out = io.BytesIO()
            image.save(out, kind)
            write(f"image/{name}.{kind}", out.getvalue())
    out = io.BytesIO()
    Image.fromarray(pixels[..., :3]).quantize(8).save(out, "png")
    write("image/palette.png", out.getvalue())
    out = io.BytesIO()
    Image.fromarray(pixels[..., :3]).save(out, "jpeg", progressive=True)
    write("image/progressive.jpeg", out.getvalue())


def main():
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4,
             "U16": 2, "U8": 1, "BOOL": 1}
    write("safetensors/every_type", safetensors({name: (name, [2], bytes(2 * size)) for name, size in sizes.items()}))
    write("safetensors/metadata", safetensors({"a": ("F32", [1, 2], bytes(8)), "b": ("U8", [], b"\1"),
                                               "c": ("I64", [0, 3], b"")}, {"format": "pt"}))
    idx = struct.pack(">IIII", 0x803, 2, 3, 2) + bytes(range(12))
    write("idx/images", idx)
    write("idx/images.gz", gzip.compress(idx, mtime=0))
    write("idx/labels", struct.pack(">II", 0x801, 4) + bytes([0, 1, 2, 3]))
    write("cifar/two", b"".join(bytes([label]) + bytes(3072) for label in (3, 9)))
    images()


if __name__ == "__main__":
    main()

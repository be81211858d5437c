#!/usr/bin/env python3
"""Writes the NumPy files of tests/io/npy_test.cpp into tests/golden/numpy/. Needs NumPy.

The numbers are 0, 1, 2, ... in row-major order. The files named refused_* must not be read.
"""
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent / "numpy"


def counted(*shape, dtype="<f4"):
    return np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)


def main():
    FOLDER.mkdir(exist_ok=True)
    types = {code: counted(2 if code == "?" else 3, dtype=code)
             for code in "<f8 <f4 <f2 <i8 <i4 <i2 i1 <u8 <u4 <u2 u1 ?".split()}
    arrays = {f"type_{np.dtype(code).name}": array for code, array in types.items()}
    arrays |= {"fortran": np.asfortranarray(counted(2, 3, 4)), "scalar": np.float32(7), "empty": counted(0, 5)}
    np.savez(FOLDER / "arrays.npz", **arrays)
    np.savez_compressed(FOLDER / "compressed.npz", **arrays)
    np.save(FOLDER / "fortran.npy", arrays["fortran"])
    refused = {"objects": np.array([{}, None], dtype=object), "big_endian": counted(3, dtype=">f4"),
               "complex": counted(3, dtype="<c8"), "text": np.array(["ab"]), "records": np.zeros(2, dtype=[("a", "<f4")])}
    for name, array in refused.items():
        np.save(FOLDER / f"refused_{name}.npy", array)


if __name__ == "__main__":
    main()

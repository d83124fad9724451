"""What graphs.py and models.py share: which engines there are, and how far apart two arrays are."""
import importlib.util

import numpy as np

EPSILON = float(np.finfo(np.float32).eps)
# Of taper against numpy, and in double of PyTorch against numpy: its LayerNorm of one column is
# 1e-11 from the exact 0.
LIMIT = {"double": 1e-11, "float": 2e-4, "PyTorch": 1e-10}


def other_engines():
    if not importlib.util.find_spec("torch"):
        return []
    from torch_engine import Torch
    return [Torch()]


def largest(x):
    return float(np.abs(x).max(initial=0))


def apart(ours, reference, rounded, floor=0.0, terms=0.0):
    """The largest difference, relative to the size of the terms that the array is a sum of.

    That size is the largest of these: the array's largest entry; what float's rounding does to it
    in numpy (`rounded`), over float's epsilon; `floor`. A difference of but a few roundings of
    `terms`, as where they cancel, is relative to these, and so is any where the array is all 0.

    inf: another shape, or a NaN or infinity where the reference has a number.
    """
    if ours.shape != reference.shape or (np.isfinite(ours) != np.isfinite(reference)).any():
        return np.inf
    few_roundings = 4 * terms * float(np.finfo(ours.dtype).eps)
    numbers = np.isfinite(reference)
    ours, reference, rounded = (x[numbers].astype(np.float64) for x in (ours, reference, rounded))
    difference = largest(ours - reference)
    scale = max(largest(reference), largest(rounded - reference) / EPSILON, floor)
    if difference <= few_roundings or not scale:
        scale = max(scale, terms)
    if not difference:
        return 0.0
    return difference / scale if scale else np.inf

"""How far apart comparison.py says two arrays are, which parity rests on: of zeros, of terms that
cancel, of NaN, and of a wrong number, which must stay visible."""
import sys

import numpy as np

from comparison import LIMIT, apart

EPSILON = float(np.finfo(np.float64).eps)


def distance(ours, reference, rounded=None, **sizes):
    ours, reference = np.array(ours), np.array(reference)
    return apart(ours, reference, reference if rounded is None else np.array(rounded), **sizes)


failed = []


def check(claim, holds):
    if not holds:
        failed.append(claim)


zeros = [0.0, 0.0]
check("equal arrays are 0 apart, zeros too", distance(zeros, zeros) == 0 == distance([2.0], [2.0]))
check("an array without entries is 0 apart", distance(np.zeros((0, 3)), np.zeros((0, 3))) == 0)

# LayerNorm of one column with a bias of 0 is 0, in PyTorch 1e-13: its terms are of size 1.
check("zeros are held to the size of their terms",
      distance([1e-13, 0.0], zeros, terms=1.0) == 1e-13)
check("zeros are held to it beyond a few roundings, too",
      1e-13 > 4e-3 * EPSILON and distance([1e-13, 0.0], zeros, terms=1e-3) == 1e-13 / 1e-3)
check("a wrong number among zeros is seen",
      distance([1e-6, 0.0], zeros, terms=1.0) > LIMIT["PyTorch"])
check("zeros of no terms are infinitely far from a number",
      distance([1e-300, 0.0], zeros) == np.inf)

check("the scale is the largest entry", distance([1.0, 4.0], [1.5, 4.0]) == 0.125)
check("the scale is the floor where that is larger",
      distance([1.0, 4.0], [1.5, 4.0], floor=8.0) == 0.0625)
check("the scale is what float's rounding does, over its epsilon, where that is larger",
      distance([1.5, 4.0], [1.0, 4.0], [1.0, 4.0 + 8 * 2.0 ** -23]) == 0.0625)
check("terms that cancel count for a few of their roundings",
      distance([1e-12 + 2 * EPSILON], [1e-12], terms=1.0) < 1e-15)
check("terms that cancel count for no more than that",
      distance([1e-12 + 1e-14], [1e-12], terms=1.0) > 1e-3)

check("two shapes are infinitely far apart", distance([0.0], zeros) == np.inf)
check("NaN and a number are, too", distance([np.nan, 1.0], [1.0, 1.0]) == np.inf)
check("a number and infinity are, too", distance([1.0, 1.0], [np.inf, 1.0]) == np.inf)
check("NaN and NaN are 0 apart", distance([np.nan, 1.0], [np.nan, 1.0]) == 0)

if failed:
    sys.exit("\n".join(f"apart: it must hold, and does not: {claim}" for claim in failed))

"""What a graph makes is bounded before it is computed, also the product of matrices (256, 0) and
(0, 191): it has no terms, and entries all the same."""
import sys
import types

from drawn_ops import Refused, matmul


class Draw:
    """Draws one product of many such matrices."""

    def ranked(self, _):
        return types.SimpleNamespace(shape=(31, 385, 256, 0))

    def chance(self, _):
        return False

    def broadcasting(self, batch):
        return batch

    def extent(self):
        return 191

    def weight(self, shape, _inner, _x):
        return types.SimpleNamespace(shape=shape)


try:
    matmul(Draw())
except Refused:
    sys.exit(0)
sys.exit("matmul: a product of 583,573,760 entries must be refused")

"""Reverse-mode differentiation on numpy, with the ops of numpy_ops.py."""
import numpy as np

from numpy_ops import OPS


class Node:
    def __init__(self, value, inputs=(), backward=None, trained=False):
        self.value = value
        self.inputs = inputs
        self.backward = backward
        self.trained = trained or any(x.trained for x in inputs)

    @property
    def shape(self):
        return self.value.shape


class Numpy:
    """One tape, in one number type. leaf() and apply() make its nodes."""
    name = "numpy"

    def __init__(self, dtype=np.float64):
        self.dtype = dtype
        self.nodes = []

    def leaf(self, value, trained=False):
        return self.recorded(Node(np.asarray(value, self.dtype), trained=trained))

    def apply(self, op, *inputs, **arguments):
        y, backward = OPS[op](*(x.value for x in inputs), **arguments)
        node = Node(np.asarray(y, self.dtype), inputs, backward)
        node.trained = node.trained and op != "detach"
        return self.recorded(node)

    def recorded(self, node):
        node.number = len(self.nodes)
        self.nodes.append(node)
        return node

    def value(self, node):
        return node.value

    def gradients(self, ys, dys, xs):
        """Of sum_i <dy_i, y_i>, for each node of xs."""
        sums = {}  # by the number of a node
        for y, dy in zip(ys, dys):
            self.add(sums, y, dy)
        for node in reversed(self.nodes):
            if not (node.backward and node.trained and node.number in sums):
                continue
            for x, dx in zip(node.inputs, node.backward(sums[node.number])):
                if x.trained and dx is not None:
                    self.add(sums, x, dx)
        return [sums.get(x.number, np.zeros(x.shape, self.dtype)) for x in xs]

    def add(self, sums, x, dx):
        dx = np.asarray(dx, self.dtype)
        assert dx.shape == x.shape, (dx.shape, x.shape)
        sums[x.number] = sums[x.number] + dx if x.number in sums else dx

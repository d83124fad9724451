"""Reverse-mode differentiation on numpy, with the ops of numpy_ops.py."""
import numpy as np

from numpy_ops import OPS


class Node:
    def __init__(self, value, inputs=(), backward=None, trained=False):
        self.value, self.inputs, self.backward = value, inputs, backward
        self.trained = trained or any(x.trained for x in inputs)

    @property
    def shape(self):
        return self.value.shape


class Numpy:
    """One tape, in one number type. leaf() and apply() make its nodes."""
    name = "numpy"

    def __init__(self, dtype=np.float64):
        self.dtype, self.nodes = dtype, []

    def leaf(self, value, trained=False):
        return self.keep(Node(np.asarray(value, self.dtype), trained=trained))

    def apply(self, op, *inputs, **arguments):
        y, backward = OPS[op](*(x.value for x in inputs), **arguments)
        node = Node(np.asarray(y, self.dtype), inputs, backward)
        node.trained = node.trained and op != "detach"
        return self.keep(node)

    def keep(self, node):
        node.number = len(self.nodes)
        self.nodes.append(node)
        return node

    def value(self, node):
        return node.value

    def gradients(self, ys, dys, of):
        """Of sum_i <dy_i, y_i>, for each node of `of`."""
        found = {}
        for y, dy in zip(ys, dys):
            self.pass_on(found, y, dy)
        for node in reversed(self.nodes):
            if node.backward and node.trained and node.number in found:
                for x, dx in zip(node.inputs, node.backward(found[node.number])):
                    if x.trained and dx is not None:
                        self.pass_on(found, x, dx)
        return [found.get(node.number, np.zeros(node.shape, self.dtype)) for node in of]

    def pass_on(self, found, x, dx):
        dx = np.asarray(dx, self.dtype)
        assert dx.shape == x.shape, (dx.shape, x.shape)
        found[x.number] = found[x.number] + dx if x.number in found else dx

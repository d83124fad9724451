"""Random graphs of ops: what graph_runner.cpp reads, with the values that the numpy engine finds.

A graph is a function of (seed, number) alone. Values stay in ranges where a comparison means
something, and away from kinks but for ties of numbers that no op has rounded.
"""
import math

import numpy as np

from drawn_ops import DRAW, EXACT, LARGEST, MOST, MOST_MADE, Refused, largest, within
from numpy_engine import Numpy

# Around vectors (8, 16), panels (48 to 128), strips (128, 256), tiles (64, 256), and 0 and 1.
EXTENTS = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 60, 61, 63, 64, 65, 100, 119,
           120, 121, 127, 128, 129, 130, 191, 255, 256, 257, 300, 385, 513]
LONG = [16383, 16384, 16385, 20001, 33000]  # around a chunk of an elementwise op


def plain_name(op):
    """That of the other engines, which have no namespace composed."""
    return op.removeprefix("composed::")


class Generator:
    """Draws the leaves and steps of one graph.

    A node of the numpy engine has more fields here. Each has: exact (no op has rounded it) and uses
    (how many inputs it is). A leaf has: kind. A step has: op, arguments, arrays (the arguments that
    are arrays), and named_arguments (both, the arrays as names of tensors).
    """

    def __init__(self, seed, number, attempt=0):
        self.random = np.random.default_rng([seed, number, attempt])
        self.engine = Numpy()
        self.nodes = []
        self.leaves = []
        self.steps = []
        self.tensors = {}
        self.name = str(number)
        self.small = self.chance(0.5)  # else axes go beyond tiles, strips and chunks

    # ---- numbers and shapes

    def chance(self, p):
        return self.random.random() < p

    def among(self, choices):
        return choices[self.whole(0, len(choices) - 1)]

    def whole(self, low, high):
        """low to high, both included"""
        return int(self.random.integers(low, high + 1))

    def extent(self, low=0, high=10 ** 9):
        if self.small:
            high = min(high, 17)
        if high > 100 and self.chance(0.3):
            low = 100
        return self.among([n for n in EXTENTS if low <= n <= high])

    def extents(self, rank, low):
        return tuple(self.extent(low) for _ in range(rank))

    def shape(self, low_rank=0, high_rank=4, low=0):
        """Of a leaf. Of the shapes without entries nine in ten are drawn again."""
        rank = self.whole(low_rank, high_rank)
        if not self.small and rank == 1 and self.chance(0.5):
            return (self.among(LONG),)
        while True:
            shape = self.extents(rank, low)
            if 0 in shape and not self.chance(0.1):
                continue
            if math.prod(shape) <= MOST:
                return shape

    def broadcasting(self, shape):
        """A shape that broadcasts with this one, in either direction."""
        other = [1 if self.chance(0.3) else n for n in shape]
        for axis, extent in enumerate(shape):
            if extent == 1 and self.chance(0.5):
                low = 0 if self.chance(0.1) else 1
                other[axis] = self.extent(low, 17)
        if self.chance(0.4):
            first_axis = self.whole(0, len(other))
            other = other[first_axis:]
        elif self.chance(0.2) and len(shape) < 4:
            other = [self.extent(1, 5)] + other
        return tuple(other)

    def axis(self, x, low=0):
        """One axis with that many entries at least, counted from either end."""
        axes = [i for i, n in enumerate(x.shape) if n >= low]
        if not axes:
            raise Refused
        axis = self.among(axes)
        return axis - len(x.shape) if self.chance(0.4) else axis

    # ---- nodes

    def leaf(self, shape, low=-2.0, high=2.0):
        """Multiples of 1/256, or of a smaller power of 2: exact in float, and often equal."""
        if math.prod(shape) > MOST_MADE:
            raise Refused
        unit = 256.0
        while (high - low) * unit < 64:
            unit *= 2
        first = math.ceil(low * unit)
        last = math.floor(high * unit)
        values = self.random.integers(first, last + 1, shape) / unit
        if not self.leaves or self.chance(0.75):
            kind = "parameter"
        else:
            kind = self.among(["frozen", "constant"])
        node = self.engine.leaf(values, kind == "parameter")
        node.kind = kind
        node.exact = True
        node.uses = 0
        self.nodes.append(node)
        self.leaves.append(node)
        return node

    def existing(self, fits):
        """A node that fits, or None. Results that nothing uses yet are more likely."""
        nodes = [node for node in self.nodes if fits(node)]
        ends = [node for node in nodes if not node.uses and node.inputs]
        if ends and self.chance(0.7):
            return self.among(ends)
        return self.among(nodes) if nodes else None

    def node(self, fits=lambda x: True, low=-2.0, high=2.0, shape=None, reuse=0.8):
        """With the probability `reuse` an existing node, or else a leaf from low to high.

        shape() draws the leaf's shape.
        """
        found = self.existing(fits) if self.chance(reuse) else None
        if found is not None:
            return found
        for _ in range(50):
            drawn = self.leaf(shape() if shape else self.shape(), low, high)
            if fits(drawn):
                return drawn
            self.nodes.pop()
            self.leaves.pop()
        raise Refused

    def ranked(self, low, high=4, least=0):
        """A node of low to high axes, with so many entries at least in each."""
        def fits(x):
            return low <= len(x.shape) <= high and min(x.shape, default=1) >= least

        return self.node(fits, shape=lambda: self.shape(low, high, least))

    def like(self, shape, low=-2.0, high=2.0):
        """A node of exactly that shape, existing or new."""
        def fits(x):
            return x.shape == shape and within(x, -8, 8)

        found = self.existing(fits) if self.chance(0.4) else None
        return found if found is not None else self.leaf(shape, low, high)

    def weight(self, shape, inner, x):
        """Of a product over `inner` terms with x: the result stays about as large as x."""
        high = 3 / math.sqrt(max(1, inner)) / max(1.0, largest(x) / 3)
        return self.like(shape, -high, high)

    # ---- steps

    def tensor(self, kind, array):
        """The name of a new tensor."""
        name = f"{self.name}/{kind}/{len(self.tensors)}"
        self.tensors[name] = array.astype(np.uint8) if array.dtype == bool else array
        return name

    def step(self, op, inputs, arguments, arrays):
        """Adds an op. arrays: the arguments that are tensors, which the graph names."""
        with np.errstate(all="ignore"):
            node = self.engine.apply(plain_name(op), *inputs, **arguments, **arrays)
        finite = np.isfinite(node.value).all()
        if not finite or largest(node) > LARGEST or node.value.size > MOST_MADE:
            self.engine.nodes.pop()
            raise Refused
        for x in inputs:
            x.uses += 1
        names = {name: self.tensor(name, array) for name, array in arrays.items()}
        node.exact = plain_name(op) in EXACT and all(x.exact for x in inputs)
        node.uses = 0
        node.op = op
        node.arguments = arguments
        node.arrays = arrays
        node.named_arguments = {**arguments, **names}
        self.nodes.append(node)
        self.steps.append(node)

    def draw(self, op):
        """One op with inputs, or Refused."""
        leaves = len(self.leaves)
        nodes = len(self.nodes)
        drawn_step = DRAW[op] if op in DRAW else DRAW[plain_name(op)]
        try:
            inputs, arguments, arrays = drawn_step(self)
            self.step(op, inputs, arguments, arrays)
        except Refused:
            del self.leaves[leaves:]
            del self.nodes[nodes:]
            raise


class Graph:
    """One graph: `description` is what the runner reads, `nodes` are the numpy engine's."""

    def __init__(self, g):
        self.name = g.name
        self.engine = g.engine
        self.nodes = g.leaves + g.steps
        self.kinds = [leaf.kind for leaf in g.leaves]
        self.steps = g.steps
        number = {id(node): i for i, node in enumerate(self.nodes)}
        trained_steps = [number[id(node)] for node in g.steps if node.trained]
        parameters = [i for i, kind in enumerate(self.kinds) if kind == "parameter"]
        self.trained = parameters + trained_steps

        # What the backward pass begins with: the ends, and sometimes a node that is used further.
        self.outputs = [i for i in trained_steps if not self.nodes[i].uses]
        used = [i for i in trained_steps if self.nodes[i].uses]
        if used and g.chance(0.4):
            self.outputs.append(g.among(used))
        g.random.shuffle(self.outputs)
        self.cotangents = []
        for i in self.outputs:
            self.cotangents.append(g.random.integers(-512, 513, self.nodes[i].shape) / 256)
        self.passes = g.among(["one", "each"])

        steps = []
        for node in g.steps:
            inputs = [number[id(x)] for x in node.inputs]
            steps.append({"op": node.op, "inputs": inputs, "arguments": node.named_arguments})
        self.description = {"name": g.name, "leaves": self.kinds, "steps": steps,
                            "outputs": self.outputs, "passes": self.passes,
                            "inner": trained_steps}
        self.tensors = dict(g.tensors)
        for i, leaf in enumerate(g.leaves):
            self.tensors[f"{g.name}/leaf/{i}"] = leaf.value
        for i, dy in zip(self.outputs, self.cotangents):
            self.tensors[f"{g.name}/cotangent/{i}"] = dy

    def numbered_steps(self):
        """(number of the node, its entry of the description) of each step."""
        return enumerate(self.description["steps"], len(self.kinds))

    def run(self, engine):
        """The graph in another engine: its nodes."""
        nodes = []
        for node, kind in zip(self.nodes, self.kinds):
            nodes.append(engine.leaf(node.value, kind == "parameter"))
        for node, (_, step) in zip(self.steps, self.numbered_steps()):
            inputs = [nodes[i] for i in step["inputs"]]
            y = engine.apply(plain_name(node.op), *inputs, **node.arguments, **node.arrays)
            nodes.append(y)
        return nodes

    def gradients(self, engine, nodes):
        """number -> gradient, of Parameters over all passes, of steps in the last one."""
        xs = [nodes[i] for i in self.trained]
        ys = [nodes[i] for i in self.outputs]
        gradients = dict(zip(self.trained, engine.gradients(ys, self.cotangents, xs)))
        if self.passes == "each":
            last_pass = engine.gradients(ys[-1:], self.cotangents[-1:], xs)
            for i, gradient in zip(self.trained, last_pass):
                if i >= len(self.kinds):
                    gradients[i] = gradient
        return gradients


def draw_or_skip(g, op):
    """The op, with inputs that fit it in one of 8 tries."""
    for _ in range(8):
        try:
            g.draw(op)
            return
        except Refused:
            pass


def graph(seed, number, ops):
    """Each op is the first of as many graphs as any other; 3 to 20 ops."""
    first = ops[number % len(ops)]
    for attempt in range(100):
        g = Generator(seed, number, attempt)
        wanted = [first] + [g.among(ops) for _ in range(g.whole(2, 19))]
        if g.chance(0.5):  # the op of this number last: on what others have made
            wanted.reverse()
        for op in wanted:
            draw_or_skip(g, op)
        drawn = Graph(g)
        has_first = any(node.op == first for node in g.steps)
        if len(g.steps) >= 3 and drawn.outputs and (has_first or attempt > 20):
            return drawn
    raise RuntimeError(f"no graph {number} of seed {seed}")

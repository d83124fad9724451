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
           120, 121, 127, 128, 129, 130,
           191, 255, 256, 257, 300, 385, 513]
LONG = [16383, 16384, 16385, 20001, 33000]  # around a chunk of an elementwise op


class Generator:
    def __init__(self, seed, number, attempt=0):
        self.random = np.random.default_rng([seed, number, attempt])
        self.engine, self.nodes, self.leaves, self.steps, self.tensors = Numpy(), [], [], [], {}
        self.name = str(number)
        self.small = self.random.random() < 0.5  # else axes go beyond tiles, strips and chunks

    # ---- numbers and shapes

    def chance(self, p):
        return self.random.random() < p

    def among(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def whole(self, low, high):
        """low to high, both included"""
        return int(self.random.integers(low, high + 1))

    def extent(self, low=0, high=10 ** 9):
        high = min(high, 17) if self.small else high
        if high > 100 and self.chance(0.3):
            low = 100
        return self.among([n for n in EXTENTS if low <= n <= high])

    def shape(self, low_rank=0, high_rank=4, low=0):
        rank = self.whole(low_rank, high_rank)
        if not self.small and rank == 1 and self.chance(0.5):
            return (self.among(LONG),)
        while True:
            shape = tuple(self.extent(low if self.chance(0.8) or low else 0) for _ in range(rank))
            if 0 in shape and not self.chance(0.1):
                continue
            if math.prod(shape) <= MOST:
                return shape

    def broadcasting(self, shape):
        """A shape that broadcasts with this one, in either direction."""
        other = [1 if self.chance(0.3) else n for n in shape]
        for axis, extent in enumerate(shape):
            if extent == 1 and self.chance(0.5):
                other[axis] = self.extent(0 if self.chance(0.1) else 1, 17)
        if self.chance(0.4):
            other = other[self.whole(0, len(other)):]
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
        values = self.random.integers(math.ceil(low * unit), math.floor(high * unit) + 1,
                                      shape) / unit
        kind = "parameter" if not self.leaves or self.chance(0.75) else self.among(["frozen",
                                                                                    "constant"])
        node = self.engine.leaf(values, kind == "parameter")
        node.exact, node.uses = True, 0
        self.nodes.append(node)
        self.leaves.append((node, kind))
        return node

    def existing(self, fits):
        nodes = [node for node in self.nodes if fits(node)]
        ends = [node for node in nodes if not node.uses and node.inputs]
        if ends and self.chance(0.7):
            return self.among(ends)
        return self.among(nodes) if nodes else None

    def node(self, fits=lambda x: True, low=-2.0, high=2.0, shape=None, there=0.8):
        """A node that is there, more often than not, or a leaf of that range."""
        found = self.existing(fits) if self.chance(there) else None
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
        return self.node(lambda x: low <= len(x.shape) <= high and min(x.shape, default=1) >= least,
                         shape=lambda: self.shape(low, high, least))

    def like(self, shape, low=-2.0, high=2.0):
        """Of exactly that shape: there or new."""
        fits = lambda x: x.shape == shape and within(x, -8, 8)
        found = self.existing(fits) if self.chance(0.4) else None
        return found if found is not None else self.leaf(shape, low, high)

    def weight(self, shape, inner, x):
        """Of a product over `inner` terms with x: the result stays about as large as x."""
        high = 3 / math.sqrt(max(1, inner)) / max(1.0, largest(x) / 3)
        return self.like(shape, -high, high)

    def tensor(self, kind, array):
        name = f"{self.name}/{kind}/{len(self.tensors)}"
        self.tensors[name] = array
        return name

    def step(self, op, inputs, arguments, arrays):
        """Adds an op. arrays: the arguments that are tensors, which the graph names."""
        plain = op.removeprefix("composed::")
        with np.errstate(all="ignore"):
            node = self.engine.apply(plain, *inputs, **arguments, **arrays)
        finite = np.isfinite(node.value).all()
        if not finite or largest(node) > LARGEST or node.value.size > MOST_MADE:
            self.engine.nodes.pop()
            raise Refused
        node.exact, node.uses = plain in EXACT and all(x.exact for x in inputs), 0
        for x in inputs:
            x.uses += 1
        named = {name: self.tensor(name, array.astype(np.uint8) if array.dtype == bool else array)
                 for name, array in arrays.items()}
        node.op, node.arguments, node.arrays = op, arguments, arrays
        self.nodes.append(node)
        self.steps.append((node, {**arguments, **named}))
        return node

    def draw(self, op):
        """One op with inputs, or Refused."""
        leaves, nodes = len(self.leaves), len(self.nodes)
        try:
            inputs, arguments, arrays = DRAW.get(op, DRAW[op.removeprefix("composed::")])(self)
            self.step(op, inputs, arguments, arrays)
        except Refused:
            del self.leaves[leaves:], self.nodes[nodes:]
            raise


class Graph:
    """One graph: `description` is what the runner reads, `nodes` are the numpy engine's."""

    def __init__(self, g):
        self.name, self.engine = g.name, g.engine
        self.nodes = [node for node, _ in g.leaves] + [node for node, _ in g.steps]
        self.kinds, self.steps = [kind for _, kind in g.leaves], g.steps
        number = {id(node): i for i, node in enumerate(self.nodes)}
        trained = [number[id(node)] for node, _ in g.steps if node.trained]
        ends = [i for i in trained if not self.nodes[i].uses]
        inner = [i for i in trained if self.nodes[i].uses]
        self.outputs = ends + ([g.among(inner)] if inner and g.chance(0.4) else [])
        g.random.shuffle(self.outputs)
        self.trained = [i for i, kind in enumerate(self.kinds) if kind == "parameter"] + trained
        self.cotangents = [g.random.integers(-512, 513,
                                             self.nodes[i].shape) / 256 for i in self.outputs]
        self.passes = g.among(["one", "each"])
        steps = [{"op": node.op, "inputs": [number[id(x)] for x in node.inputs],
                  "arguments": arguments}
                 for node, arguments in g.steps]
        self.description = {"name": g.name, "leaves": self.kinds, "steps": steps,
                            "outputs": self.outputs,
                            "passes": self.passes, "inner": trained}
        self.tensors = dict(g.tensors)
        for i, _ in enumerate(self.kinds):
            self.tensors[f"{g.name}/leaf/{i}"] = self.nodes[i].value
        for i, dy in zip(self.outputs, self.cotangents):
            self.tensors[f"{g.name}/cotangent/{i}"] = dy

    def run(self, engine):
        """The graph in another engine: its nodes."""
        nodes = [engine.leaf(node.value, kind == "parameter") for node,
                 kind in zip(self.nodes, self.kinds)]
        for (node, _), step in zip(self.steps, self.description["steps"]):
            op = node.op.removeprefix("composed::")
            nodes.append(engine.apply(op, *(nodes[i] for i in step["inputs"]), **node.arguments,
                                      **node.arrays))
        return nodes

    def gradients(self, engine, nodes):
        """number -> gradient, of Parameters over all passes, of steps in the last one."""
        of = [nodes[i] for i in self.trained]
        ys = [nodes[i] for i in self.outputs]
        found = dict(zip(self.trained, engine.gradients(ys, self.cotangents, of)))
        if self.passes == "each":
            last = dict(zip(self.trained, engine.gradients(ys[-1:], self.cotangents[-1:], of)))
            found.update((i, last[i]) for i in self.trained if i >= len(self.kinds))
        return found


def graph(seed, number, ops):
    """Each op is the first of as many graphs as any other; 3 to 20 ops."""
    for attempt in range(100):
        g = Generator(seed, number, attempt)
        wanted = [ops[number % len(ops)]] + [g.among(ops) for _ in range(g.whole(2, 19))]
        if g.chance(0.5):  # the op of this number last: on what others have made
            wanted.reverse()
        for op in wanted:
            for _ in range(8):
                try:
                    g.draw(op)
                    break
                except Refused:
                    pass
        done = Graph(g)
        made = {node.op for node, _ in g.steps}
        if len(g.steps) >= 3 and done.outputs and (ops[number % len(ops)] in made or attempt > 20):
            return done
    raise RuntimeError(f"no graph {number} of seed {seed}")

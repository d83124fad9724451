"""Random graphs of ops: what graph_runner.cpp reads, with the value of every node as the numpy engine has it.

A graph is a function of (seed, number) alone. Values stay in ranges where a comparison means something, and away from
kinks but for ties of numbers that no op has rounded.
"""
import math

import numpy as np

from numpy_engine import Numpy

# Around vectors (8, 16), panels and widths (48 to 128), strips (128, 256), tiles (64, 256), and 0 and 1.
EXTENTS = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 60, 61, 63, 64, 65, 100, 119, 120, 121, 127, 128, 129, 130,
           191, 255, 256, 257, 300, 513]
LONG = [16383, 16384, 16385, 20001, 33000]  # around a chunk of an elementwise op
MOST, LARGEST, KINK = 60_000, 100.0, 3e-5


class Refused(Exception):
    """This op cannot be had with these inputs; another is drawn."""


class Generator:
    def __init__(self, seed, number, attempt=0):
        self.random = np.random.default_rng([seed, number, attempt])
        self.engine, self.nodes, self.leaves, self.steps, self.tensors = Numpy(), [], [], [], {}
        self.name = str(number)
        self.small = self.random.random() < 0.6  # else axes go beyond tiles, strips and chunks

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
        unit = 256.0
        while (high - low) * unit < 64:
            unit *= 2
        values = self.random.integers(math.ceil(low * unit), math.floor(high * unit) + 1, shape) / unit
        kind = "parameter" if not self.leaves or self.chance(0.75) else self.among(["frozen", "constant"])
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

    def node(self, fits=lambda x: True, low=-2.0, high=2.0, shape=None):
        """A node that is there, more often than not, or a leaf of that range."""
        found = self.existing(fits) if self.chance(0.8) else None
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
        found = self.existing(lambda x: x.shape == shape and within(x, -8, 8)) if self.chance(0.4) else None
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
        if not np.isfinite(node.value).all() or largest(node) > LARGEST or node.value.size > 4 * MOST:
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


def largest(x):
    return float(np.abs(x.value).max(initial=0))


def within(x, low, high):
    return x.value.size == 0 or (x.value.min() >= low and x.value.max() <= high)


def off_kinks(x, gaps):
    """The distances to a kink are no rounding errors; 0 is a tie, where nothing has been rounded."""
    gaps = np.abs(gaps)
    if gaps.size == 0:
        return True
    return gaps.min() > KINK or (x.exact and gaps[gaps > 0].min(initial=1) > KINK)


# Ops that move numbers: their outputs are as exact as their inputs.
EXACT = {"neg", "reshape", "transpose", "broadcast_to", "slice", "concat", "stack", "split_heads", "merge_heads", "flip",
         "embedding", "gather", "select", "pad", "detach"}


# ---- how each op is drawn: generator -> inputs, arguments, arguments that are arrays

def unary(low=-LARGEST, high=LARGEST, kink=None, leaf=(-2.0, 2.0)):
    def draw(g):
        fits = lambda x: within(x, low, high) and (kink is None or off_kinks(x, x.value - kink))
        return [g.node(fits, max(low, leaf[0]), min(high, leaf[1]))], {}, {}
    return draw


def pair(g, a, low=-2.0, high=2.0, fits=lambda b: True):
    """Something that a can stand beside: itself, another node, or a leaf that broadcasts."""
    if g.chance(0.1) and fits(a):
        return a
    found = g.existing(lambda b: fits(b) and broadcasts(a.shape, b.shape)) if g.chance(0.4) else None
    return found if found is not None else g.leaf(g.broadcasting(a.shape), low, high)


def broadcasts(a, b):
    try:
        return math.prod(np.broadcast_shapes(a, b)) <= 2 * MOST
    except ValueError:
        return False


def binary(g):
    a = g.node()
    b = pair(g, a)
    return ([a, b] if g.chance(0.5) else [b, a]), {}, {}


def division(g):
    a = g.node()
    return [a, pair(g, a, 0.5, 2, lambda b: within(b, 0.3, 10) or within(b, -10, -0.3))], {}, {}


def power(g):
    if g.chance(0.5):
        a = g.node(lambda x: within(x, 0.2, 4), 0.25, 3)
        return [a, pair(g, a, -2, 2, lambda b: within(b, -3, 3))], {}, {}
    b = g.node(lambda x: within(x, -3, 3))
    return [pair(g, b, 0.25, 3, lambda a: within(a, 0.2, 4)), b], {}, {}


def extremes(g):
    (a, b), _, _ = binary(g)
    if a is not b and not (off_kinks(a, a.value - b.value) if b.exact else off_kinks(b, a.value - b.value)):
        raise Refused
    return [a, b], {}, {}


def select(g):
    (a, b), _, _ = binary(g)
    shape = np.broadcast_shapes(a.shape, b.shape)
    shape = tuple(1 if g.chance(0.2) else n for n in shape)[g.whole(0, len(shape)) if g.chance(0.3) else 0:]
    return [a, b], {}, {"mask": g.random.random(shape) < 0.5}


def clamp(g):
    low, high = -0.7001, 0.9003  # between the numbers a leaf can have
    x = g.node(lambda x: off_kinks(x, x.value - low) and off_kinks(x, x.value - high))
    return [x], {"low": low, "high": high}, {}


def dropout(g):
    arguments = {"p": g.among([0.0, 0.1, 0.5, 0.9]), "seed": g.whole(0, 2 ** 62), "stream": g.among(["a", "layers.0.mask"]),
                 "number": g.whole(0, 2 ** 31)}
    return [g.node()], arguments, {}


def matmul(g):
    a = g.ranked(2)
    turn_a, turn_b = g.chance(0.4), g.chance(0.4)
    inner = a.shape[-2 if turn_a else -1]
    if turn_a != turn_b and g.chance(0.15):
        b = a  # a a^T, a^T a
    else:
        batch = g.broadcasting(a.shape[:-2])
        n = g.extent()
        b = g.weight((*batch, n, inner) if turn_b else (*batch, inner, n), inner, a)
    if g.chance(0.3):
        a, b, turn_a, turn_b = b, a, not turn_b, not turn_a
    return [a, b], {"transpose_a": turn_a, "transpose_b": turn_b}, {}


def linear(g):
    x = g.ranked(2)
    inner, out = x.shape[-1], g.extent()
    return [x, g.weight((out, inner), inner, x), g.like((out,))], {}, {}


def feed_forward(g):
    x = g.ranked(2)
    inner, hidden, out = x.shape[-1], g.extent(), g.extent()
    W2 = 2 / math.sqrt(max(1, hidden))
    return [x, g.weight((hidden, inner), inner, x), g.like((hidden,)), g.like((out, hidden), -W2, W2), g.like((out,))], {}, {}


def some_axes(g, x, least):
    axes = [i for i in range(len(x.shape)) if g.chance(0.5)]
    reduced = axes or range(len(x.shape))
    if min((x.shape[i] for i in reduced), default=1) < least:
        raise Refused
    return [i - len(x.shape) if g.chance(0.3) else i for i in axes]


def reduction(least=0, low=-LARGEST, high=LARGEST):
    def draw(g):
        x = g.node(lambda x: within(x, low, high))
        return [x], {"axes": some_axes(g, x, least), "keep": g.chance(0.5)}, {}
    return draw


def largest_of(g):
    (x,), arguments, _ = reduction(1)(g)
    axes = tuple(arguments["axes"]) or tuple(range(len(x.shape)))
    if not off_kinks(x, x.value.max(axis=axes, keepdims=True) - x.value if x.exact else second_gap(x.value, axes)):
        raise Refused
    return [x], arguments, {}


def second_gap(x, axes):
    """From the largest to the next, of each reduced part."""
    axes = [axis % x.ndim for axis in axes]
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = x.transpose(kept + axes).reshape(math.prod(x.shape[i] for i in kept), -1)
    if rows.shape[1] < 2:
        return np.ones(1)
    top = np.partition(rows, -2, axis=1)
    return top[:, -1] - top[:, -2]


def norm(g):
    (x,), arguments, _ = reduction()(g)
    axes = tuple(arguments["axes"]) or tuple(range(x.value.ndim))
    if not off_kinks(x, 1e-3 * np.sqrt((x.value ** 2).sum(axis=axes))):
        raise Refused
    return [x], arguments, {}


def reshape(g):
    x = g.node()
    shape = list(x.shape)
    for _ in range(g.whole(1, 3)):
        i = g.whole(0, len(shape))
        divisors = [n for n in (1, 2, 3, 5, 8, 16) if i < len(shape) and shape[i] and shape[i] % n == 0]
        if g.chance(0.5) and i + 1 < len(shape):
            shape[i : i + 2] = [shape[i] * shape[i + 1]]
        elif i == len(shape) or not divisors:
            shape.insert(i, 1)
        else:
            part = g.among(divisors)
            shape[i : i + 1] = [part, shape[i] // part]
    if len(shape) > 5:
        raise Refused
    if shape and 0 not in shape and g.chance(0.3):
        shape[g.whole(0, len(shape) - 1)] = -1
    return [x], {"shape": shape}, {}


def transpose(g):
    x = g.node()
    axes = [int(i) for i in g.random.permutation(len(x.shape))]
    return [x], {"axes": [i - len(axes) if g.chance(0.3) else i for i in axes]}, {}


def broadcast_to(g):
    x = g.node()
    shape = [g.extent(1, 17) if n == 1 else n for n in x.shape]
    shape = [g.extent(0, 9) for _ in range(g.whole(0, min(2, 4 - min(4, len(shape)))))] + shape
    return [x], {"shape": shape}, {}


def slice_(g):
    x = g.ranked(1, 5)
    axis = g.axis(x)
    extent = x.shape[axis]
    begin = g.whole(0, extent)
    end = g.whole(begin, extent)
    arguments = {"axis": axis, "begin": begin, "end": end, "step": g.whole(1, 3)}
    if begin and g.chance(0.3):
        arguments["begin"] = begin - extent or begin
    if end < extent and g.chance(0.3):
        arguments["end"] = end - extent
    elif g.chance(0.4):
        arguments["end"] = None
    return [x], arguments, {}


def concat(g):
    x = g.ranked(1, 5)
    axis = g.axis(x)
    xs = [x]
    for _ in range(g.whole(0, 3)):
        shape = list(x.shape)
        shape[axis] = g.extent(0, 33)
        xs.append(x if g.chance(0.2) else g.like(tuple(shape)))
    g.random.shuffle(xs)
    return xs, {"axis": axis}, {}


def stack(g):
    x = g.node(lambda x: len(x.shape) < 5)
    xs = [x] + [x if g.chance(0.2) else g.like(x.shape) for _ in range(g.whole(0, 3))]
    rank = len(x.shape) + 1
    return xs, {"axis": g.whole(-rank, rank - 1)}, {}


def split_heads(g):
    x = g.ranked(3, 3)
    return [x], {"heads": g.among([h for h in (1, 2, 3, 4, 5, 8) if x.shape[2] % h == 0])}, {}


def along_axis(least=0, low=-LARGEST, high=LARGEST):
    def draw(g):
        x = g.node(lambda x: x.shape and within(x, low, high), shape=lambda: g.shape(1))
        return [x], {"axis": g.axis(x, least)}, {}
    return draw


def layer_norm(g):
    x = g.node(lambda x: x.shape and x.shape[-1], shape=lambda: g.shape(1, 4, 1))
    d = x.shape[-1:]
    return [x, g.like(d), g.like(d)], {"eps": g.among([1e-5, 1e-3])}, {}


def ids_below(g, n, shape):
    if g.chance(0.3):
        return np.full(shape, g.whole(0, n - 1))
    return g.random.integers(0, n, shape)


def embedding(g):
    table = g.ranked(2, 2, 1)
    return [table], {}, {"ids": ids_below(g, len(table.value), g.shape(0, 2) if g.small else (g.extent(),))}


def gather(g):
    x = g.ranked(1, 4)
    axis = g.axis(x, 1)
    shape = list(x.shape)
    shape[axis] = g.extent()
    return [x], {"axis": axis}, {"ids": ids_below(g, x.shape[axis], tuple(shape))}


def pad(g):
    x = g.ranked(1, 4)
    return [x], {"axis": g.axis(x), "before": g.whole(0, 9), "after": g.whole(0, 9), "value": g.among([0.0, -1.5])}, {}


def cross_entropy(g):
    x = g.node(lambda x: x.shape and x.value.size, shape=lambda: g.shape(1, 4, 1))
    targets = g.random.integers(0, x.shape[-1], x.shape[:-1])
    targets = np.where(g.random.random(targets.shape) < g.among([0, 0.3, 0.95]), -100, targets)
    if (targets == -100).all():
        targets = np.zeros_like(targets)
    return [x], {}, {"targets": np.asarray(targets, np.int64)}


def heads_of(g, d):
    return g.among([h for h in (1, 2, 3, 4, 6, 8) if d % h == 0])


def attention(g):
    shape = lambda: (g.whole(1, 3), g.extent(1, 300), g.among([1, 3, 8, 12, 16, 33, 66]))
    Q = g.node(lambda x: len(x.shape) == 3 and x.value.size and within(x, -8, 8) and x.shape[1] <= 300, shape=shape)
    B, n, d = Q.shape
    causal = g.chance(0.4)
    m = n if causal or g.chance(0.2) else g.extent(1, 513)
    heads = heads_of(g, d)
    if B * heads * n * m > 400_000:
        raise Refused
    K = Q if m == n and g.chance(0.3) else g.like((B, m, d))
    V = K if g.chance(0.2) else g.like((B, m, d))
    live = {"live": g.random.random((B, m)) < g.among([0.02, 0.6, 0.95])} if g.chance(0.5) else {}
    return [Q, K, V], {"heads": heads, "causal": causal}, live


def causal_attention(g):
    shape = lambda: (g.whole(1, 3), g.extent(1, 300), g.among([1, 3, 8, 12, 16, 33]))
    Q = g.node(lambda x: len(x.shape) == 3 and x.value.size and within(x, -8, 8) and x.shape[1] <= 300, shape=shape)
    B, n, d = Q.shape
    k, heads = g.extent(1, 33), heads_of(g, d)
    if B * n * d * k > 600_000:
        raise Refused
    K = Q if g.chance(0.2) else g.like((B, n, d))
    V = K if g.chance(0.2) else g.like((B, n, d))
    high = 2 / math.sqrt(n)
    E = g.leaf((k, n), -high, high)
    F = E if g.chance(0.3) else g.leaf((k, n), -high, high)
    real = {"real": g.random.random((B, n)) < 0.7} if g.chance(0.4) else {}
    return [Q, K, V, E, F], {"heads": heads, "window": g.among([0, 0, 1, 3, 17, n, n + 5]), "chunk": g.among([0, 0, 1, 7, n])}, real


DRAW = {
    "add": binary, "sub": binary, "mul": binary, "div": division, "pow": power, "maximum": extremes, "minimum": extremes,
    "select": select, "neg": unary(), "exp": unary(-30, 3), "log": unary(0.1, leaf=(0.25, 3)), "sqrt": unary(0.05, leaf=(0.25, 3)),
    "tanh": unary(), "erf": unary(), "relu": unary(kink=0), "gelu": unary(), "sigmoid": unary(), "softplus": unary(),
    "abs": unary(kink=0), "sin": unary(-9, 9), "cos": unary(-9, 9), "log1p": unary(-0.8), "expm1": unary(-30, 3),
    "square": unary(-9, 9), "clamp": clamp, "detach": unary(), "dropout": dropout, "matmul": matmul, "linear": linear,
    "feed_forward": feed_forward, "sum": reduction(), "mean": reduction(1), "max": largest_of, "logsumexp": reduction(1),
    "norm": norm, "variance": reduction(1), "reshape": reshape, "transpose": transpose, "broadcast_to": broadcast_to,
    "slice": slice_, "flip": along_axis(), "pad": pad, "cumsum": along_axis(), "gather": gather, "embedding": embedding,
    "concat": concat, "stack": stack, "split_heads": split_heads, "merge_heads": lambda g: ([g.ranked(4)], {}, {}),
    "softmax": along_axis(), "composed::softmax": along_axis(1),  # it has no largest of nothing
    "log_softmax": along_axis(), "composed::log_softmax": along_axis(1), "layer_norm": layer_norm, "cross_entropy": cross_entropy,
    "attention": attention, "causal_attention": causal_attention,
}


class Graph:
    """One graph: `description` is what the runner reads; nodes are those of the numpy engine, in its numbering."""

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
        self.cotangents = [g.random.integers(-512, 513, self.nodes[i].shape) / 256 for i in self.outputs]
        self.passes = g.among(["one", "each"])
        steps = [{"op": node.op, "inputs": [number[id(x)] for x in node.inputs], "arguments": arguments}
                 for node, arguments in g.steps]
        self.description = {"name": g.name, "leaves": self.kinds, "steps": steps, "outputs": self.outputs,
                            "passes": self.passes, "inner": trained}
        self.tensors = dict(g.tensors)
        for i, _ in enumerate(self.kinds):
            self.tensors[f"{g.name}/leaf/{i}"] = self.nodes[i].value
        for i, dy in zip(self.outputs, self.cotangents):
            self.tensors[f"{g.name}/cotangent/{i}"] = dy

    def run(self, engine):
        """The graph in another engine: its nodes."""
        nodes = [engine.leaf(node.value, kind == "parameter") for node, kind in zip(self.nodes, self.kinds)]
        for (node, _), step in zip(self.steps, self.description["steps"]):
            op = node.op.removeprefix("composed::")
            nodes.append(engine.apply(op, *(nodes[i] for i in step["inputs"]), **node.arguments, **node.arrays))
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

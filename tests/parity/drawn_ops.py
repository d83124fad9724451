"""How a random step of each op is drawn: which inputs it can have, and its arguments.

A function of DRAW takes a generator.Generator, g, and returns the inputs, the arguments, and the
arguments that are arrays. It raises Refused where it has no fitting inputs. A graph is a function
of its seed: the order of the draws is part of it.
"""
import math

import numpy as np

LARGEST = 100.0      # the largest absolute entry of a value
KINK = 3e-5          # the smallest distance to a kink
MOST = 60_000        # entries of a leaf
MOST_MADE = 240_000  # entries of what an op makes

# Ops that move numbers: their outputs are as exact as their inputs.
EXACT = {"neg", "reshape", "transpose", "broadcast_to", "slice", "concat", "stack", "split_heads",
         "merge_heads", "flip", "embedding", "gather", "select", "pad", "detach"}


class Refused(Exception):
    """This op cannot be had with these inputs; another is drawn."""


# ---- what an input must be

def largest(x):
    return float(np.abs(x.value).max(initial=0))


def within(x, low, high):
    return x.value.size == 0 or (x.value.min() >= low and x.value.max() <= high)


def off_kinks(x, distances):
    """No distance is so small that rounding could cross the kink; 0 is a tie of exact numbers."""
    distances = np.abs(distances)
    if distances.size == 0 or distances.min() > KINK:
        return True
    return x.exact and distances[distances > 0].min(initial=1) > KINK


def broadcasts(a, b):
    try:
        return math.prod(np.broadcast_shapes(a, b)) <= MOST_MADE
    except ValueError:
        return False


def bounded(*shapes):
    """Before anything is computed: what is made has at most so many entries."""
    if any(math.prod(shape) > MOST_MADE for shape in shapes):
        raise Refused


# ---- elementwise

def unary(low=-LARGEST, high=LARGEST, kink=None, leaf=(-2.0, 2.0)):
    """One input from low to high, away from the kink; leaf is the range of a new one."""
    def draw(g):
        def fits(x):
            return within(x, low, high) and (kink is None or off_kinks(x, x.value - kink))

        x = g.node(fits, max(low, leaf[0]), min(high, leaf[1]))
        return [x], {}, {}
    return draw


def pair(g, a, low=-2.0, high=2.0, fits=lambda b: True):
    """Something that a can stand beside: itself, another node, or a leaf that broadcasts."""
    if g.chance(0.1) and fits(a):
        return a
    found = None
    if g.chance(0.4):
        found = g.existing(lambda b: fits(b) and broadcasts(a.shape, b.shape))
    if found is not None:
        return found
    shape = g.broadcasting(a.shape)
    bounded(np.broadcast_shapes(a.shape, shape))
    return g.leaf(shape, low, high)


def binary(g):
    a = g.node()
    b = pair(g, a)
    inputs = [a, b] if g.chance(0.5) else [b, a]
    return inputs, {}, {}


def division(g):
    a = g.node()
    b = pair(g, a, 0.5, 2, lambda b: within(b, 0.3, 10) or within(b, -10, -0.3))
    return [a, b], {}, {}


def power(g):
    def base_fits(x):
        return within(x, 0.2, 4)

    def exponent_fits(x):
        return within(x, -3, 3)

    if g.chance(0.5):
        base = g.node(base_fits, 0.25, 3)
        exponent = pair(g, base, -2, 2, exponent_fits)
    else:
        exponent = g.node(exponent_fits)
        base = pair(g, exponent, 0.25, 3, base_fits)
    return [base, exponent], {}, {}


def extremes(g):
    (a, b), _, _ = binary(g)
    rounded = b if a.exact else a
    if a is not b and not off_kinks(rounded, a.value - b.value):
        raise Refused
    return [a, b], {}, {}


def select(g):
    (a, b), _, _ = binary(g)
    shape = np.broadcast_shapes(a.shape, b.shape)
    first_axis = g.whole(0, len(shape)) if g.chance(0.3) else 0
    mask_shape = tuple(1 if g.chance(0.2) else n for n in shape)[first_axis:]
    return [a, b], {}, {"mask": g.random.random(mask_shape) < 0.5}


def clamp(g):
    # Both lie between the numbers that a leaf can have.
    low = -0.7001
    high = 0.9003
    x = g.node(lambda x: off_kinks(x, x.value - low) and off_kinks(x, x.value - high))
    return [x], {"low": low, "high": high}, {}


def dropout(g):
    arguments = {
        "p": g.among([0.0, 0.1, 0.5, 0.9]),
        "seed": g.whole(0, 2 ** 62),
        "stream": g.among(["a", "layers.0.mask"]),
        "number": g.whole(0, 2 ** 31),
    }
    return [g.node()], arguments, {}


# ---- products

def matmul(g):
    a = g.ranked(2)
    transpose_a = g.chance(0.4)
    transpose_b = g.chance(0.4)
    inner = a.shape[-2 if transpose_a else -1]
    rows = a.shape[-1 if transpose_a else -2]
    if transpose_a != transpose_b and g.chance(0.15):
        b = a  # a a^T, a^T a
        bounded((*a.shape[:-2], rows, rows))
    else:
        b = right_factor(g, a, rows, inner, transpose_b)
    if g.chance(0.3):
        a, b = b, a
        transpose_a, transpose_b = not transpose_b, not transpose_a
    return [a, b], {"transpose_a": transpose_a, "transpose_b": transpose_b}, {}


def right_factor(g, a, rows, inner, transposed):
    """rows, inner: of a's matrices. inner may be 0: the product of no terms has entries."""
    batch = g.broadcasting(a.shape[:-2])
    columns = g.extent()
    product_batch = np.broadcast_shapes(a.shape[:-2], batch)
    bounded((*product_batch, rows, columns), (*batch, inner, columns))
    shape = (*batch, columns, inner) if transposed else (*batch, inner, columns)
    return g.weight(shape, inner, a)


def linear(g):
    x = g.ranked(2)
    inner = x.shape[-1]
    out = g.extent()
    bounded((*x.shape[:-1], out), (inner, out))
    weight = g.weight((out, inner), inner, x)
    bias = g.like((out,))
    return [x, weight, bias], {}, {}


def feed_forward(g):
    x = g.ranked(2)
    inner = x.shape[-1]
    hidden = g.extent()
    out = g.extent()
    bounded((*x.shape[:-1], out), (*x.shape[:-1], hidden), (inner, hidden), (hidden, out))
    W1 = g.weight((hidden, inner), inner, x)
    b1 = g.like((hidden,))
    high = 2 / math.sqrt(max(1, hidden))
    W2 = g.like((out, hidden), -high, high)
    b2 = g.like((out,))
    return [x, W1, b1, W2, b2], {}, {}


# ---- reductions

def some_axes(g, x, least):
    """Axes of `least` entries or more, counted from either end; none of them means all axes."""
    axes = [i for i in range(len(x.shape)) if g.chance(0.5)]
    reduced = axes or range(len(x.shape))
    if min((x.shape[i] for i in reduced), default=1) < least:
        raise Refused
    return [i - len(x.shape) if g.chance(0.3) else i for i in axes]


def reduction(least=0, low=-LARGEST, high=LARGEST):
    def draw(g):
        x = g.node(lambda x: within(x, low, high))
        arguments = {"axes": some_axes(g, x, least), "keep": g.chance(0.5)}
        return [x], arguments, {}
    return draw


def largest_of(g):
    (x,), arguments, _ = reduction(1)(g)
    axes = tuple(arguments["axes"]) or tuple(range(len(x.shape)))
    if x.exact:
        gaps = x.value.max(axis=axes, keepdims=True) - x.value
    else:
        gaps = second_gap(x.value, axes)
    if not off_kinks(x, gaps):
        raise Refused
    return [x], arguments, {}


def second_gap(x, axes):
    """From the largest to the next, of each reduced part."""
    axes = [axis % x.ndim for axis in axes]
    kept = [i for i in range(x.ndim) if i not in axes]
    parts = math.prod(x.shape[i] for i in kept)
    entries = math.prod(x.shape[i] for i in axes)
    rows = x.transpose(kept + axes).reshape(parts, entries)
    if entries < 2 or rows.size == 0:
        return np.ones(1)
    top = np.partition(rows, -2, axis=1)
    return top[:, -1] - top[:, -2]


def norm(g):
    (x,), arguments, _ = reduction()(g)
    axes = tuple(arguments["axes"]) or tuple(range(x.value.ndim))
    norms = np.sqrt((x.value ** 2).sum(axis=axes))
    if not off_kinks(x, 1e-3 * norms):
        raise Refused
    return [x], arguments, {}


# ---- shapes

def reshape(g):
    x = g.node()
    shape = list(x.shape)
    for _ in range(g.whole(1, 3)):
        i = g.whole(0, len(shape))
        divisors = []
        if i < len(shape) and shape[i]:
            divisors = [n for n in (1, 2, 3, 5, 8, 16) if shape[i] % n == 0]
        if g.chance(0.5) and i + 1 < len(shape):
            shape[i : i + 2] = [shape[i] * shape[i + 1]]
        elif not divisors:
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
    rank = len(x.shape)
    axes = [int(i) for i in g.random.permutation(rank)]
    axes = [i - rank if g.chance(0.3) else i for i in axes]
    return [x], {"axes": axes}, {}


def broadcast_to(g):
    x = g.node()
    repeated = [g.extent(1, 17) if n == 1 else n for n in x.shape]
    most_new = min(2, 4 - min(4, len(x.shape)))
    new = [g.extent(0, 9) for _ in range(g.whole(0, most_new))]
    shape = new + repeated
    bounded(shape)
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
    others = [x if g.chance(0.2) else g.like(x.shape) for _ in range(g.whole(0, 3))]
    rank = len(x.shape) + 1
    return [x, *others], {"axis": g.whole(-rank, rank - 1)}, {}


def split_heads(g):
    x = g.ranked(3, 3)
    heads = g.among([h for h in (1, 2, 3, 4, 5, 8) if x.shape[2] % h == 0])
    return [x], {"heads": heads}, {}


def merge_heads(g):
    return [g.ranked(4)], {}, {}


def pad(g):
    x = g.ranked(1, 4)
    arguments = {
        "axis": g.axis(x),
        "before": g.whole(0, 9),
        "after": g.whole(0, 9),
        "value": g.among([0.0, -1.5]),
    }
    return [x], arguments, {}


def drawn_ids(g, n, shape):
    """Ids below n, all the same more often than by chance."""
    if g.chance(0.3):
        return np.full(shape, g.whole(0, n - 1))
    return g.random.integers(0, n, shape)


def embedding(g):
    table = g.ranked(2, 2, 1)
    rows, width = table.shape
    shape = g.shape(0, 2) if g.small else (g.extent(),)
    bounded((*shape, width))
    return [table], {}, {"ids": drawn_ids(g, rows, shape)}


def gather(g):
    x = g.ranked(1, 4)
    axis = g.axis(x, 1)
    shape = list(x.shape)
    shape[axis] = g.extent()
    bounded(shape)
    return [x], {"axis": axis}, {"ids": drawn_ids(g, x.shape[axis], tuple(shape))}


# ---- rows

def along_axis(least=0, low=-LARGEST, high=LARGEST):
    def draw(g):
        x = g.node(lambda x: x.shape and within(x, low, high), shape=lambda: g.shape(1))
        return [x], {"axis": g.axis(x, least)}, {}
    return draw


def layer_norm(g):
    x = g.node(lambda x: x.shape and x.shape[-1], shape=lambda: g.shape(1, 4, 1))
    d = x.shape[-1]
    gain = g.like((d,))
    bias = g.like((d,))
    return [x, gain, bias], {"eps": g.among([1e-5, 1e-3])}, {}


def cross_entropy(g):
    x = g.node(lambda x: x.shape and x.value.size, shape=lambda: g.shape(1, 4, 1))
    targets = g.random.integers(0, x.shape[-1], x.shape[:-1])
    draws = g.random.random(targets.shape)
    ignored = draws < g.among([0, 0.3, 0.95])
    targets = np.where(ignored, -100, targets)
    if (targets == -100).all():
        targets = np.zeros_like(targets)
    return [x], {}, {"targets": np.asarray(targets, np.int64)}


# ---- attention

def drawn_heads(g, d):
    return g.among([h for h in (1, 2, 3, 4, 6, 8) if d % h == 0])


def sequences(g):
    """(B, n, d), up to where attention has several tiles of keys."""
    if not g.small and g.chance(0.5):
        return 1, g.among([257, 300, 321, 385, 513]), g.among([1, 3, 8, 12])
    return g.whole(1, 3), g.extent(1, 300), g.among([1, 3, 8, 12, 16, 33, 66])


def queries(g):
    def fits(x):
        return len(x.shape) == 3 and x.value.size and within(x, -8, 8) and x.shape[1] <= 513

    return g.node(fits, shape=lambda: sequences(g), reuse=0.5)


def attention(g):
    Q = queries(g)
    B, n, d = Q.shape
    causal = g.chance(0.5)
    m = n if causal or g.chance(0.2) else g.extent(1, 513)
    heads = drawn_heads(g, d)
    if B * heads * n * m > 400_000:
        raise Refused
    K = Q if m == n and g.chance(0.3) else g.like((B, m, d))
    V = K if g.chance(0.2) else g.like((B, m, d))
    arrays = {}
    if g.chance(0.5):
        draws = g.random.random((B, m))
        arrays["live"] = draws < g.among([0.02, 0.6, 0.95])
    return [Q, K, V], {"heads": heads, "causal": causal}, arrays


def causal_attention(g):
    Q = queries(g)
    B, n, d = Q.shape
    k = g.extent(1, 33)
    heads = drawn_heads(g, d)
    if B * n * d * k > 600_000:
        raise Refused
    K = Q if g.chance(0.2) else g.like((B, n, d))
    V = K if g.chance(0.2) else g.like((B, n, d))
    high = 2 / math.sqrt(n)
    E = g.leaf((k, n), -high, high)
    F = E if g.chance(0.3) else g.leaf((k, n), -high, high)
    arrays = {}
    if g.chance(0.4):
        arrays["real"] = g.random.random((B, n)) < 0.7
    arguments = {
        "heads": heads,
        "window": g.among([0, 0, 1, 3, 17, n, n + 5]),
        "chunk": g.among([0, 0, 1, 7, n]),
    }
    return [Q, K, V, E, F], arguments, arrays


# An op of the namespace composed is drawn as the one of its name, if it has no entry of its own.
DRAW = {
    "add": binary,
    "sub": binary,
    "mul": binary,
    "div": division,
    "pow": power,
    "maximum": extremes,
    "minimum": extremes,
    "select": select,
    "neg": unary(),
    "exp": unary(-30, 3),
    "log": unary(0.1, leaf=(0.25, 3)),
    "sqrt": unary(0.05, leaf=(0.25, 3)),
    "tanh": unary(),
    "erf": unary(),
    "relu": unary(kink=0),
    "gelu": unary(),
    "sigmoid": unary(),
    "softplus": unary(),
    "abs": unary(kink=0),
    "sin": unary(-9, 9),
    "cos": unary(-9, 9),
    "log1p": unary(-0.8),
    "expm1": unary(-30, 3),
    "square": unary(-9, 9),
    "clamp": clamp,
    "detach": unary(),
    "dropout": dropout,
    "matmul": matmul,
    "linear": linear,
    "feed_forward": feed_forward,
    "sum": reduction(),
    "mean": reduction(1),
    "max": largest_of,
    "logsumexp": reduction(1),
    "norm": norm,
    "variance": reduction(1),
    "reshape": reshape,
    "transpose": transpose,
    "broadcast_to": broadcast_to,
    "slice": slice_,
    "flip": along_axis(),
    "pad": pad,
    "cumsum": along_axis(),
    "gather": gather,
    "embedding": embedding,
    "concat": concat,
    "stack": stack,
    "split_heads": split_heads,
    "merge_heads": merge_heads,
    "softmax": along_axis(),
    "composed::softmax": along_axis(1),  # it has no largest of nothing
    "log_softmax": along_axis(),
    "composed::log_softmax": along_axis(1),
    "layer_norm": layer_norm,
    "cross_entropy": cross_entropy,
    "attention": attention,
    "causal_attention": causal_attention,
}

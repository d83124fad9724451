"""Every op on numpy arrays: its textbook definition and its vector-Jacobian product.

An op takes arrays and arguments and returns y and a function from dy to the dx of each input.
Nothing here is fast, and nothing is taken from the sources of taper: attention has its whole matrix
of weights, causal attention every prefix.
"""
import math

import numpy as np

import philox

erf_of_one = np.vectorize(math.erf, otypes=[np.float64])


def erf_of(x):
    return (erf_of_one(x) if x.size else np.zeros(x.shape)).astype(x.dtype)


def summed_to(dy, shape):
    """Sums over the axes along which an array of that shape was repeated."""
    dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    repeated = tuple(i for i, extent in enumerate(shape) if extent == 1)
    return dy.sum(axis=repeated, keepdims=True) if repeated else dy


def elementwise(function, *slopes):
    """y = function(a, b, ...) with broadcasting; slopes are dy/da, dy/db, ... of the same arguments and y."""
    def op(*xs, **arguments):
        y = function(*xs, **arguments)
        return y, lambda dy: [summed_to(dy * slope(*xs, y, **arguments), x.shape) for slope,
                              x in zip(slopes, xs)]
    return op


def half_at_ties(chosen, other):
    return np.where(chosen, 1.0, np.where(other, 0.0, 0.5))


def phi(x):
    return 0.5 * (1 + erf_of(x / math.sqrt(2)))


def logistic(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


add = elementwise(lambda a, b: a + b, lambda a, b, y: 1, lambda a, b, y: 1)
sub = elementwise(lambda a, b: a - b, lambda a, b, y: 1, lambda a, b, y: -1)
mul = elementwise(lambda a, b: a * b, lambda a, b, y: b, lambda a, b, y: a)
div = elementwise(lambda a, b: a / b, lambda a, b, y: 1 / b, lambda a, b, y: -a / b ** 2)
power = elementwise(lambda a, b: a ** b, lambda a, b, y: b * a ** (b - 1), lambda a, b,
                    y: a ** b * np.log(a))
maximum = elementwise(np.maximum, lambda a, b, y: half_at_ties(a > b, a < b), lambda a, b,
                      y: half_at_ties(b > a, b < a))
minimum = elementwise(np.minimum, lambda a, b, y: half_at_ties(a < b, a > b), lambda a, b,
                      y: half_at_ties(b < a, b > a))
neg = elementwise(lambda x: -x, lambda x, y: -1)
exp = elementwise(np.exp, lambda x, y: np.exp(x))
log = elementwise(np.log, lambda x, y: 1 / x)
sqrt = elementwise(np.sqrt, lambda x, y: 0.5 / np.sqrt(x))
tanh = elementwise(np.tanh, lambda x, y: 1 / np.cosh(x) ** 2)
erf = elementwise(erf_of, lambda x, y: 2 / math.sqrt(math.pi) * np.exp(-x ** 2))
relu = elementwise(lambda x: np.maximum(x, 0), lambda x, y: x > 0)
gelu = elementwise(lambda x: x * phi(x), lambda x,
                   y: phi(x) + x * np.exp(-x ** 2 / 2) / math.sqrt(2 * math.pi))
sigmoid = elementwise(logistic, lambda x, y: logistic(x) * logistic(-x))
softplus = elementwise(lambda x: np.logaddexp(0, x), lambda x, y: logistic(x))
absolute = elementwise(np.abs, lambda x, y: np.sign(x))
sin = elementwise(np.sin, lambda x, y: np.cos(x))
cos = elementwise(np.cos, lambda x, y: -np.sin(x))
log1p = elementwise(np.log1p, lambda x, y: 1 / (1 + x))
expm1 = elementwise(np.expm1, lambda x, y: np.exp(x))
square = elementwise(lambda x: x * x, lambda x, y: 2 * x)
clamp = elementwise(lambda x, low, high: np.clip(x, low, high), lambda x, y, low,
                    high: (low <= x) & (x <= high))


def select(a, b, mask):
    y = np.where(mask, a, b)
    return y, lambda dy: [summed_to(np.where(mask, dy, 0), a.shape),
                          summed_to(np.where(mask, 0, dy), b.shape)]


def detach(x):
    return x, lambda dy: [None]


def dropout(x, p, seed, stream, number):
    falls = philox.falls(x.shape, p, seed, stream, number)
    return np.where(falls, 0, x / (1 - p)), lambda dy: [np.where(falls, 0, dy / (1 - p))]


# ---- products

def turned(x, transposed=True):
    return np.swapaxes(x, -1, -2) if transposed else x


def matmul(a, b, transpose_a=False, transpose_b=False):
    left, right = turned(a, transpose_a), turned(b, transpose_b)

    def backward(dy):
        d_left, d_right = dy @ turned(right), turned(left) @ dy
        return [summed_to(turned(d_left, transpose_a), a.shape),
                summed_to(turned(d_right, transpose_b), b.shape)]
    return left @ right, backward


def linear(x, weight, bias):
    def backward(dy):
        count = math.prod(x.shape[:-1])
        rows, d_rows = x.reshape(count, x.shape[-1]), dy.reshape(count, dy.shape[-1])
        return [dy @ weight, d_rows.T @ rows, d_rows.sum(0)]
    return x @ weight.T + bias, backward


def feed_forward(x, W1, b1, W2, b2):
    hidden, down_1 = linear(x, W1, b1)
    active, down_gelu = gelu(hidden)
    y, down_2 = linear(active, W2, b2)

    def backward(dy):
        d_active, dW2, db2 = down_2(dy)
        dx, dW1, db1 = down_1(down_gelu(d_active)[0])
        return [dx, dW1, db1, dW2, db2]
    return y, backward


# ---- reductions

def reduction(function):
    """function(x, axes) -> y with the reduced axes kept, and dx of dy of that shape."""
    def op(x, axes=(), keep=False):
        axes = tuple(axis % x.ndim for axis in axes) or tuple(range(x.ndim))
        y, backward = function(x, axes)
        shape = y.shape if keep else tuple(n for i, n in enumerate(x.shape) if i not in axes)
        return y.reshape(shape), lambda dy: [backward(dy.reshape(y.shape))]
    return op


def entries(x, axes):
    return math.prod(x.shape[axis] for axis in axes)


@reduction
def sum_(x, axes):
    return x.sum(axis=axes, keepdims=True), lambda dy: np.broadcast_to(dy, x.shape)


@reduction
def mean(x, axes):
    return x.mean(axis=axes, keepdims=True), lambda dy: np.broadcast_to(dy, x.shape) / entries(x,
                                                                                               axes)


@reduction
def max_(x, axes):
    y = x.max(axis=axes, keepdims=True)
    return y, lambda dy: dy * (x == y) / (x == y).sum(axis=axes, keepdims=True)


@reduction
def logsumexp(x, axes):
    m = x.max(axis=axes, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis=axes, keepdims=True))
    return y, lambda dy: dy * np.exp(x - y)


@reduction
def norm(x, axes):
    y = np.sqrt((x * x).sum(axis=axes, keepdims=True))
    return y, lambda dy: np.where(y == 0, 0, dy * x / np.where(y == 0, 1, y))


@reduction
def variance(x, axes):
    centred = x - x.mean(axis=axes, keepdims=True)
    y = (centred ** 2).mean(axis=axes, keepdims=True)
    return y, lambda dy: dy * 2 * centred / entries(x, axes)


# ---- shapes

def reshape(x, shape):
    return x.reshape(shape), lambda dy: [dy.reshape(x.shape)]


def transpose(x, axes):
    axes = [axis % x.ndim for axis in axes]
    return x.transpose(axes), lambda dy: [dy.transpose(np.argsort(axes))] if axes else [dy]


def broadcast_to(x, shape):
    return np.broadcast_to(x, shape), lambda dy: [summed_to(dy, x.shape)]


def indexed(x, index):
    def backward(dy):
        dx = np.zeros(x.shape, dy.dtype)
        np.add.at(dx, index, dy)
        return [dx]
    return x[index], backward


def slice_(x, axis, begin=0, end=None, step=1):
    return indexed(x, (slice(None),) * (axis % x.ndim) + (slice(begin, end, step),))


def flip(x, axis):
    return np.flip(x, axis), lambda dy: [np.flip(dy, axis)]


def pad(x, axis, before, after, value):
    axis, extent = axis % x.ndim, x.shape[axis]
    widths = [(before, after) if i == axis else (0, 0) for i in range(x.ndim)]
    y = np.pad(x, widths, constant_values=value)
    return y, lambda dy: [np.take(dy, range(before, before + extent), axis)]


def cumsum(x, axis):
    return np.cumsum(x, axis), lambda dy: [np.flip(np.cumsum(np.flip(dy, axis), axis), axis)]


def gather(x, axis, ids):
    index = list(np.indices(ids.shape))
    index[axis] = ids
    return indexed(x, tuple(index))


def embedding(table, ids):
    return indexed(table, ids)


def concat(*xs, axis):
    ends = np.cumsum([x.shape[axis] for x in xs])[:-1]
    return np.concatenate(xs, axis), lambda dy: np.split(dy, ends, axis)


def stack(*xs, axis):
    return np.stack(xs, axis), lambda dy: [np.take(dy, i, axis) for i in range(len(xs))]


def heads_apart(x, heads):
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).transpose(0, 2, 1, 3)


def heads_together(x):
    B, h, n, d_h = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, n, h * d_h)


def split_heads(x, heads):
    return heads_apart(x, heads), lambda dy: [heads_together(dy)]


def merge_heads(x):
    B, h, n, d_h = x.shape
    return heads_together(x), lambda dy: [dy.reshape(B, n, h, d_h).transpose(0, 2, 1, 3)]


# ---- rows

def weights_of(scores, axis=-1):
    """softmax"""
    largest = scores.max(axis=axis, keepdims=True, initial=-np.inf)
    e = np.exp(scores - largest)
    return e / e.sum(axis=axis, keepdims=True)


def softmax_slope(P, dP, axis=-1):
    return P * (dP - (P * dP).sum(axis=axis, keepdims=True))


def softmax(x, axis=-1):
    y = weights_of(x, axis)
    return y, lambda dy: [softmax_slope(y, dy, axis)]


def log_softmax(x, axis=-1):
    largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
    y = x - largest - np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))
    return y, lambda dy: [dy - np.exp(y) * dy.sum(axis=axis, keepdims=True)]


def layer_norm(x, gain, bias, eps=1e-5):
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred ** 2).mean(-1, keepdims=True) + eps)
    unit = centred / deviation

    def backward(dy):
        g = dy * gain
        dx = (g - g.mean(-1, keepdims=True) - unit * (g * unit).mean(-1, keepdims=True)) / deviation
        return [dx, summed_to(dy * unit, gain.shape), summed_to(dy, bias.shape)]
    return unit * gain + bias, backward


def cross_entropy(logits, targets):
    counted = targets != -100
    log_p, _ = log_softmax(logits[counted])
    rows = np.arange(len(log_p)), targets[counted]

    def backward(dy):
        d_rows = np.exp(log_p)
        d_rows[rows] -= 1
        dx = np.zeros(logits.shape, logits.dtype)
        dx[counted] = dy * d_rows / len(log_p)
        return [dx]
    return -log_p[rows].mean(), backward


def attention(Q, K, V, heads=1, causal=False, live=None):
    q, k, v = (heads_apart(x, heads) for x in (Q, K, V))
    scale, n, m = 1 / math.sqrt(q.shape[-1]), q.shape[2], k.shape[2]
    seen = np.tril(np.ones((n, m), bool)) if causal else np.ones((n, m), bool)
    seen = np.broadcast_to(seen if live is None else seen & live[:, None, None, :],
                           (len(Q), 1, n, m))
    any_seen = seen.any(-1, keepdims=True)
    scores = np.where(seen, q @ turned(k) * scale, -np.inf)
    P = np.where(any_seen, weights_of(np.where(any_seen, scores, 0)), 0)

    def backward(dy):
        dy = heads_apart(dy, heads)
        dS = softmax_slope(P, dy @ turned(v)) * scale
        return [heads_together(x) for x in (dS @ k, turned(dS) @ q, turned(P) @ dy)]
    return heads_together(P @ v), backward


def causal_attention(Q, K, V, E, F, heads=1, window=0, real=None, chunk=0):
    """K-bar_t and V-bar_t of every prefix are held: (B, h, n, k, d_h)."""
    q, k, v = (heads_apart(x, heads) for x in (Q, K, V))
    scale, n, slots = 1 / math.sqrt(q.shape[-1]), q.shape[2], len(E)
    e, f = E.T[:, :, None], F.T[:, :, None]
    K_bar, V_bar = (np.cumsum(m * x[:, :, :, None, :], 2) for m, x in ((e, k), (f, v)))
    t, i = np.arange(n)[:, None], np.arange(n)
    near = (i <= t) & (i > t - window)
    near = near if real is None else near & real[:, None, None, :]
    scores_near = np.where(near, q @ turned(k) * scale, -np.inf)
    scores = np.concatenate([np.einsum("bhtd,bhtkd->bhtk", q, K_bar) * scale, scores_near], -1)
    P = weights_of(scores)
    P_slots, P_near = P[..., :slots], P[..., slots:]

    def backward(dy):
        dy = heads_apart(dy, heads)
        dP = np.concatenate([np.einsum("bhtd,bhtkd->bhtk", dy, V_bar), dy @ turned(v)], -1)
        dS = softmax_slope(P, dP) * scale
        dS_slots, dS_near = dS[..., :slots], dS[..., slots:]
        after = lambda weight, x: np.flip(np.cumsum(np.flip(weight[..., None] * x[:, :, :, None,
                                                                                  :], 2), 2), 2)
        dK_bar, dV_bar = after(dS_slots, q), after(P_slots, dy)
        dq = np.einsum("bhtk,bhtkd->bhtd", dS_slots, K_bar) + dS_near @ k
        dk = (e * dK_bar).sum(3) + turned(dS_near) @ q
        dv = (f * dV_bar).sum(3) + turned(P_near) @ dy
        dE, dF = np.einsum("bhtkd,bhtd->kt", dK_bar, k), np.einsum("bhtkd,bhtd->kt", dV_bar, v)
        return [*map(heads_together, (dq, dk, dv)), dE, dF]
    return heads_together(np.einsum("bhtk,bhtkd->bhtd", P_slots, V_bar) + P_near @ v), backward


OPS = {"add": add, "sub": sub, "mul": mul, "div": div, "pow": power, "maximum": maximum,
       "minimum": minimum,
       "select": select, "neg": neg, "exp": exp, "log": log, "sqrt": sqrt, "tanh": tanh,
       "erf": erf, "relu": relu,
       "gelu": gelu, "sigmoid": sigmoid, "softplus": softplus, "abs": absolute, "sin": sin,
       "cos": cos, "log1p": log1p,
       "expm1": expm1, "square": square, "clamp": clamp, "detach": detach, "dropout": dropout,
       "matmul": matmul,
       "linear": linear, "feed_forward": feed_forward, "sum": sum_, "mean": mean, "max": max_,
       "logsumexp": logsumexp,
       "norm": norm, "variance": variance, "reshape": reshape, "transpose": transpose,
       "broadcast_to": broadcast_to,
       "slice": slice_, "flip": flip, "pad": pad, "cumsum": cumsum, "gather": gather,
       "embedding": embedding,
       "concat": concat, "stack": stack, "split_heads": split_heads, "merge_heads": merge_heads,
       "softmax": softmax,
       "log_softmax": log_softmax, "layer_norm": layer_norm, "cross_entropy": cross_entropy,
       "attention": attention,
       "causal_attention": causal_attention}

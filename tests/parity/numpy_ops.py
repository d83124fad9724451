"""Every op on numpy arrays: its textbook definition and its vector-Jacobian product.

An op takes arrays and arguments and returns y and a function from dy to the dx of each input. A
number behind a line is that of the formula above it; in `backward`, of the one that it undoes.
Nothing here is fast, and nothing is taken from the sources of taper: attention has its whole matrix
of weights, causal attention every prefix.
"""
import math

import numpy as np

import philox

# ---- elementwise

erf_of_number = np.vectorize(math.erf, otypes=[np.float64])


def erf_values(x):
    values = erf_of_number(x) if x.size else np.zeros(x.shape)
    return values.astype(x.dtype)


def summed_to(dy, shape):
    """Sums over the axes along which an array of that shape was repeated."""
    new_axes = tuple(range(dy.ndim - len(shape)))
    dy = dy.sum(axis=new_axes)
    repeated = tuple(i for i, extent in enumerate(shape) if extent == 1)
    return dy.sum(axis=repeated, keepdims=True) if repeated else dy


def elementwise(function, *slopes):
    """y = function(a, b, ...) with broadcasting.

    slopes are dy/da, dy/db, ..., functions of the same arguments and of y.
    """
    def op(*xs, **arguments):
        y = function(*xs, **arguments)

        def backward(dy):
            dxs = []
            for x, slope in zip(xs, slopes):
                dxs.append(summed_to(dy * slope(*xs, y, **arguments), x.shape))
            return dxs
        return y, backward
    return op


def half_at_ties(chosen, other):
    return np.where(chosen, 1.0, np.where(other, 0.0, 0.5))


def phi(x):
    """The distribution function of the standard normal distribution."""
    return 0.5 * (1 + erf_values(x / math.sqrt(2)))


def logistic(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


add = elementwise(lambda a, b: a + b,
                  lambda a, b, y: 1,
                  lambda a, b, y: 1)
sub = elementwise(lambda a, b: a - b,
                  lambda a, b, y: 1,
                  lambda a, b, y: -1)
mul = elementwise(lambda a, b: a * b,
                  lambda a, b, y: b,
                  lambda a, b, y: a)
div = elementwise(lambda a, b: a / b,
                  lambda a, b, y: 1 / b,
                  lambda a, b, y: -a / b ** 2)
power = elementwise(lambda a, b: a ** b,
                    lambda a, b, y: b * a ** (b - 1),
                    lambda a, b, y: a ** b * np.log(a))
maximum = elementwise(np.maximum,
                      lambda a, b, y: half_at_ties(a > b, a < b),
                      lambda a, b, y: half_at_ties(b > a, b < a))
minimum = elementwise(np.minimum,
                      lambda a, b, y: half_at_ties(a < b, a > b),
                      lambda a, b, y: half_at_ties(b < a, b > a))
neg = elementwise(lambda x: -x, lambda x, y: -1)
exp = elementwise(np.exp, lambda x, y: np.exp(x))
log = elementwise(np.log, lambda x, y: 1 / x)
sqrt = elementwise(np.sqrt, lambda x, y: 0.5 / np.sqrt(x))
tanh = elementwise(np.tanh, lambda x, y: 1 / np.cosh(x) ** 2)
erf = elementwise(erf_values, lambda x, y: 2 / math.sqrt(math.pi) * np.exp(-x ** 2))
relu = elementwise(lambda x: np.maximum(x, 0), lambda x, y: x > 0)
gelu = elementwise(lambda x: x * phi(x),
                   lambda x, y: phi(x) + x * np.exp(-x ** 2 / 2) / math.sqrt(2 * math.pi))
sigmoid = elementwise(logistic, lambda x, y: logistic(x) * logistic(-x))
softplus = elementwise(lambda x: np.logaddexp(0, x), lambda x, y: logistic(x))
absolute = elementwise(np.abs, lambda x, y: np.sign(x))
sin = elementwise(np.sin, lambda x, y: np.cos(x))
cos = elementwise(np.cos, lambda x, y: -np.sin(x))
log1p = elementwise(np.log1p, lambda x, y: 1 / (1 + x))
expm1 = elementwise(np.expm1, lambda x, y: np.exp(x))
square = elementwise(lambda x: x * x, lambda x, y: 2 * x)
clamp = elementwise(lambda x, low, high: np.clip(x, low, high),
                    lambda x, y, low, high: (low <= x) & (x <= high))


def select(a, b, mask):
    def backward(dy):
        da = np.where(mask, dy, 0)
        db = np.where(mask, 0, dy)
        return [summed_to(da, a.shape), summed_to(db, b.shape)]
    return np.where(mask, a, b), backward


def detach(x):
    return x, lambda dy: [None]


def dropout(x, p, seed, stream, number):
    dropped = philox.dropped(x.shape, p, seed, stream, number)
    y = np.where(dropped, 0, x / (1 - p))
    return y, lambda dy: [np.where(dropped, 0, dy / (1 - p))]


# ---- products

def transposed(x, wanted=True):
    return np.swapaxes(x, -1, -2) if wanted else x


def matmul(a, b, transpose_a=False, transpose_b=False):
    left = transposed(a, transpose_a)
    right = transposed(b, transpose_b)

    def backward(dy):
        d_left = dy @ transposed(right)
        d_right = transposed(left) @ dy
        da = transposed(d_left, transpose_a)
        db = transposed(d_right, transpose_b)
        return [summed_to(da, a.shape), summed_to(db, b.shape)]
    return left @ right, backward


def linear(x, weight, bias):
    def backward(dy):
        count = math.prod(x.shape[:-1])
        rows = x.reshape(count, x.shape[-1])
        d_rows = dy.reshape(count, dy.shape[-1])
        return [dy @ weight, d_rows.T @ rows, d_rows.sum(0)]
    return x @ weight.T + bias, backward


def feed_forward(x, W1, b1, W2, b2):
    hidden, hidden_backward = linear(x, W1, b1)
    active, active_backward = gelu(hidden)
    y, y_backward = linear(active, W2, b2)

    def backward(dy):
        d_active, dW2, db2 = y_backward(dy)
        [d_hidden] = active_backward(d_active)
        dx, dW1, db1 = hidden_backward(d_hidden)
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
    y = x.sum(axis=axes, keepdims=True)
    return y, lambda dy: np.broadcast_to(dy, x.shape)


@reduction
def mean(x, axes):
    y = x.mean(axis=axes, keepdims=True)
    return y, lambda dy: np.broadcast_to(dy, x.shape) / entries(x, axes)


@reduction
def max_(x, axes):
    y = x.max(axis=axes, keepdims=True)
    return y, lambda dy: dy * (x == y) / (x == y).sum(axis=axes, keepdims=True)


@reduction
def logsumexp(x, axes):
    largest = x.max(axis=axes, keepdims=True)
    y = largest + np.log(np.exp(x - largest).sum(axis=axes, keepdims=True))
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
    whole_axes = (slice(None),) * (axis % x.ndim)
    return indexed(x, (*whole_axes, slice(begin, end, step)))


def flip(x, axis):
    return np.flip(x, axis), lambda dy: [np.flip(dy, axis)]


def pad(x, axis, before, after, value):
    axis = axis % x.ndim
    extent = x.shape[axis]
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    y = np.pad(x, widths, constant_values=value)
    return y, lambda dy: [np.take(dy, range(before, before + extent), axis)]


def suffix_sums(x, axis):
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def cumsum(x, axis):
    return np.cumsum(x, axis), lambda dy: [suffix_sums(dy, axis)]


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
    """(B, n, d) -> (B, h, n, d_h)"""
    B, n, d = x.shape
    return x.reshape(B, n, heads, d // heads).transpose(0, 2, 1, 3)


def heads_together(x):
    """(B, h, n, d_h) -> (B, n, d)"""
    B, h, n, d_h = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, n, h * d_h)


def split_heads(x, heads):
    return heads_apart(x, heads), lambda dy: [heads_together(dy)]


def merge_heads(x):
    B, h, n, d_h = x.shape
    return heads_together(x), lambda dy: [dy.reshape(B, n, h, d_h).transpose(0, 2, 1, 3)]


# ---- rows

def softmax_values(x, axis=-1):
    largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
    e = np.exp(x - largest)
    return e / e.sum(axis=axis, keepdims=True)


def softmax_backward(y, dy, axis=-1):
    return y * (dy - (y * dy).sum(axis=axis, keepdims=True))


def softmax(x, axis=-1):
    y = softmax_values(x, axis)
    return y, lambda dy: [softmax_backward(y, dy, axis)]


def log_softmax(x, axis=-1):
    largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
    y = x - largest - np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))
    return y, lambda dy: [dy - np.exp(y) * dy.sum(axis=axis, keepdims=True)]


def row_mean(x):
    return x.mean(-1, keepdims=True)


def layer_norm(x, gain, bias, eps=1e-5):
    centred = x - row_mean(x)
    deviation = np.sqrt(row_mean(centred ** 2) + eps)
    unit = centred / deviation

    def backward(dy):
        d_unit = dy * gain
        dx = (d_unit - row_mean(d_unit) - unit * row_mean(d_unit * unit)) / deviation
        return [dx, summed_to(dy * unit, gain.shape), summed_to(dy, bias.shape)]
    return unit * gain + bias, backward


def cross_entropy(logits, targets):
    """The mean of -log p(target) over the rows whose target is not -100."""
    counted = targets != -100
    log_p, _ = log_softmax(logits[counted])
    rows = len(log_p)
    target_entries = (np.arange(rows), targets[counted])

    def backward(dy):
        d_rows = np.exp(log_p)
        d_rows[target_entries] -= 1
        d_logits = np.zeros(logits.shape, logits.dtype)
        d_logits[counted] = dy * d_rows / rows
        return [d_logits]
    return -log_p[target_entries].mean(), backward


# ---- attention

def attention(Q, K, V, heads=1, causal=False, live=None):
    """In each head

    S = q k^T / sqrt(d_h)    (1)    -inf where the query does not see the key
    P = softmax(S)           (2)    0 in the row of a query that sees none
    Y = P v                  (3)
    """
    q = heads_apart(Q, heads)
    k = heads_apart(K, heads)
    v = heads_apart(V, heads)
    B, h, n, d_h = q.shape
    m = k.shape[2]
    scale = 1 / math.sqrt(d_h)
    seen = np.ones((n, m), bool)
    if causal:
        seen = np.tril(seen)
    if live is not None:
        seen = seen & live[:, None, None, :]
    seen = np.broadcast_to(seen, (B, 1, n, m))
    sees_any = seen.any(-1, keepdims=True)
    S = np.where(seen, q @ transposed(k) * scale, -np.inf)  # 1
    P = np.where(sees_any, softmax_values(np.where(sees_any, S, 0)), 0)  # 2
    Y = heads_together(P @ v)  # 3

    def backward(dY):
        dy = heads_apart(dY, heads)
        dP = dy @ transposed(v)  # 3
        dv = transposed(P) @ dy  # 3
        dS = softmax_backward(P, dP) * scale  # 2, and the factor of 1
        dq = dS @ k  # 1
        dk = transposed(dS) @ q  # 1
        return [heads_together(dq), heads_together(dk), heads_together(dv)]
    return Y, backward


def slot_terms(weights, x):
    """What each position adds to each slot.

    weights (..., n, k), x (B, h, n, d_h) -> (B, h, n, k, d_h)
    """
    return weights[..., None] * x[:, :, :, None, :]


def causal_attention(Q, K, V, E, F, heads=1, window=0, real=None, chunk=0):
    """In each head, for the query of position t

    K_bar_t = sum_{i<=t} E_i k_i, V_bar_t = sum_{i<=t} F_i v_i    (1)
    S_t = q_t (K_bar_t, k_near)^T / sqrt(d_h)                     (2)
    P_t = softmax(S_t)                                            (3)
    Y_t = P_t (V_bar_t, v_near)                                   (4)

    where near are those of the last `window` positions up to t that are real. K_bar and V_bar of
    every prefix are held: (B, h, n, k, d_h).
    """
    q = heads_apart(Q, heads)
    k = heads_apart(K, heads)
    v = heads_apart(V, heads)
    n, d_h = q.shape[2:]
    slots = len(E)
    scale = 1 / math.sqrt(d_h)
    t = np.arange(n)[:, None]
    i = np.arange(n)
    near = (i <= t) & (i > t - window)
    if real is not None:
        near = near & real[:, None, None, :]
    K_bar = np.cumsum(slot_terms(E.T, k), 2)  # 1
    V_bar = np.cumsum(slot_terms(F.T, v), 2)  # 1
    S_slots = np.einsum("bhtd,bhtkd->bhtk", q, K_bar) * scale  # 2
    S_near = np.where(near, q @ transposed(k) * scale, -np.inf)  # 2
    P = softmax_values(np.concatenate([S_slots, S_near], -1))  # 3
    P_slots = P[..., :slots]
    P_near = P[..., slots:]
    Y = np.einsum("bhtk,bhtkd->bhtd", P_slots, V_bar) + P_near @ v  # 4

    def backward(dY):
        dy = heads_apart(dY, heads)
        dP_slots = np.einsum("bhtd,bhtkd->bhtk", dy, V_bar)  # 4
        dP_near = dy @ transposed(v)  # 4
        dP = np.concatenate([dP_slots, dP_near], -1)
        dS = softmax_backward(P, dP) * scale  # 3, and the factor of 2
        dS_slots = dS[..., :slots]
        dS_near = dS[..., slots:]
        dK_bar = suffix_sums(slot_terms(dS_slots, q), 2)  # 2, and the sum of 1
        dV_bar = suffix_sums(slot_terms(P_slots, dy), 2)  # 4, and the sum of 1
        dq = np.einsum("bhtk,bhtkd->bhtd", dS_slots, K_bar) + dS_near @ k  # 2
        dk = (E.T[:, :, None] * dK_bar).sum(3) + transposed(dS_near) @ q  # 1 and 2
        dv = (F.T[:, :, None] * dV_bar).sum(3) + transposed(P_near) @ dy  # 1 and 4
        dE = np.einsum("bhtkd,bhtd->kt", dK_bar, k)  # 1
        dF = np.einsum("bhtkd,bhtd->kt", dV_bar, v)  # 1
        return [heads_together(dq), heads_together(dk), heads_together(dv), dE, dF]
    return heads_together(Y), backward


OPS = {
    # elementwise
    "add": add, "sub": sub, "mul": mul, "div": div, "pow": power,
    "maximum": maximum, "minimum": minimum, "select": select,
    "neg": neg, "exp": exp, "log": log, "sqrt": sqrt, "tanh": tanh, "erf": erf,
    "relu": relu, "gelu": gelu, "sigmoid": sigmoid, "softplus": softplus, "abs": absolute,
    "sin": sin, "cos": cos, "log1p": log1p, "expm1": expm1, "square": square,
    "clamp": clamp, "detach": detach, "dropout": dropout,
    # products
    "matmul": matmul, "linear": linear, "feed_forward": feed_forward,
    # reductions
    "sum": sum_, "mean": mean, "max": max_, "logsumexp": logsumexp, "norm": norm,
    "variance": variance,
    # shapes
    "reshape": reshape, "transpose": transpose, "broadcast_to": broadcast_to,
    "slice": slice_, "flip": flip, "pad": pad, "cumsum": cumsum, "gather": gather,
    "embedding": embedding, "concat": concat, "stack": stack,
    "split_heads": split_heads, "merge_heads": merge_heads,
    # rows
    "softmax": softmax, "log_softmax": log_softmax, "layer_norm": layer_norm,
    "cross_entropy": cross_entropy,
    # attention
    "attention": attention, "causal_attention": causal_attention,
}

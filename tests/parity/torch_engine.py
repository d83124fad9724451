"""The ops in PyTorch's words. Their derivatives are those of its autograd: none is written here."""
import math

import numpy as np
import torch
import torch.nn.functional as functional

import philox

torch.set_num_threads(1)


def tensor_of(array):
    return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape).copy())


def dropout(x, p, seed, stream, number):
    dropped = tensor_of(philox.dropped(tuple(x.shape), p, seed, stream, number))
    return (x / (1 - p)).masked_fill(dropped, 0)


def matmul(a, b, transpose_a=False, transpose_b=False):
    return torch.matmul(a.mT if transpose_a else a, b.mT if transpose_b else b)


def feed_forward(x, W1, b1, W2, b2):
    return functional.linear(functional.gelu(functional.linear(x, W1, b1)), W2, b2)


def reduction(function):
    def op(x, axes=(), keep=False):
        axes = tuple(axes) or tuple(range(x.ndim))
        return function(x, axes, keep) if axes else function(x.reshape(1), (0,), False)
    return op


def variance(x, axes, keep):
    return torch.var(x, dim=axes, unbiased=False, keepdim=keep)


def norm(x, axes, keep):
    return torch.linalg.vector_norm(x, dim=axes, keepdim=keep)


def slice_(x, axis, begin=0, end=None, step=1):
    index = [slice(None)] * x.ndim
    index[axis] = slice(begin, end, step)
    return x[tuple(index)]


def pad(x, axis, before, after, value):
    def filled(extent):
        shape = list(x.shape)
        shape[axis] = extent
        return x.new_full(shape, value)

    return torch.cat([filled(before), x, filled(after)], axis)


def heads_apart(x, heads):
    return x.unflatten(2, (heads, x.shape[2] // heads)).transpose(1, 2)


def heads_together(x):
    return x.transpose(1, 2).flatten(2)


def layer_norm(x, gain, bias, eps=1e-5):
    return functional.layer_norm(x, x.shape[-1:], gain, bias, eps)


def cross_entropy(logits, targets):
    targets = tensor_of(targets)
    counted = targets != -100
    return functional.cross_entropy(logits[counted], targets[counted])


def attention(Q, K, V, heads=1, causal=False, live=None):
    q, k, v = (heads_apart(x, heads) for x in (Q, K, V))
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    seen = torch.ones(scores.shape, dtype=torch.bool)
    if causal:
        seen = seen.tril()
    if live is not None:
        seen = seen & tensor_of(live)[:, None, None, :]
    sees_none = ~seen.any(-1, keepdim=True)
    scores = scores.masked_fill(~(seen | sees_none), -math.inf)
    weights = torch.softmax(scores, -1).masked_fill(sees_none, 0)
    return heads_together(weights @ v)


def causal_attention(Q, K, V, E, F, heads=1, window=0, real=None, chunk=0):
    """Position by position: a query attends to the projection of its prefix and to what is near."""
    q, k, v = (heads_apart(x, heads) for x in (Q, K, V))
    rows = []
    for t in range(q.shape[2]):
        near = slice(max(0, t + 1 - window), t + 1 if window else 0)
        prefix = slice(0, t + 1)
        keys = torch.cat([E[:, prefix] @ k[:, :, prefix], k[:, :, near]], 2)
        values = torch.cat([F[:, prefix] @ v[:, :, prefix], v[:, :, near]], 2)
        scores = (q[:, :, t : t + 1] @ keys.mT) / math.sqrt(q.shape[-1])
        if real is not None and window:
            hidden = tensor_of(~real[:, near])[:, None, None, :]
            hidden = functional.pad(hidden, (len(E), 0), value=False)
            scores = scores.masked_fill(hidden, -math.inf)
        rows.append(torch.softmax(scores, -1) @ values)
    return heads_together(torch.cat(rows, 2)) if rows else Q * 1


OPS = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "select": lambda a, b, mask: torch.where(tensor_of(mask), a, b),
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "relu": torch.relu,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: -functional.logsigmoid(-x),
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "square": torch.square,
    "clamp": lambda x, low, high: torch.clamp(x, low, high),
    "detach": lambda x: x.detach(),
    "dropout": dropout,
    "matmul": matmul,
    "linear": functional.linear,
    "feed_forward": feed_forward,
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "max": reduction(torch.amax),
    "logsumexp": reduction(torch.logsumexp),
    "norm": reduction(norm),
    "variance": reduction(variance),
    "reshape": lambda x, shape: x.reshape(tuple(shape)),
    "transpose": lambda x, axes: x.permute(tuple(axes)),
    "broadcast_to": lambda x, shape: x.expand(tuple(shape)),
    "slice": slice_,
    "flip": lambda x, axis: torch.flip(x, (axis,)),
    "pad": pad,
    "cumsum": torch.cumsum,
    "gather": lambda x, axis, ids: torch.gather(x, axis, tensor_of(ids)),
    "embedding": lambda table, ids: table[tensor_of(ids)],
    "concat": lambda *xs, axis: torch.cat(xs, axis),
    "stack": lambda *xs, axis: torch.stack(xs, axis),
    "split_heads": heads_apart,
    "merge_heads": heads_together,
    "softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "layer_norm": layer_norm,
    "cross_entropy": cross_entropy,
    "attention": attention,
    "causal_attention": causal_attention,
}


class Torch:
    """The same as numpy_engine.Numpy, in double."""
    name = "PyTorch"

    def leaf(self, value, trained=False):
        return tensor_of(np.asarray(value, np.float64)).requires_grad_(trained)

    def apply(self, op, *inputs, **arguments):
        return OPS[op](*inputs, **arguments)

    def value(self, node):
        return node.detach().numpy()

    def gradients(self, ys, dys, xs):
        flowing = [(y, tensor_of(dy)) for y, dy in zip(ys, dys) if y.requires_grad]
        wanted = [x for x in xs if x.requires_grad]
        found = iter(())
        if flowing:
            outputs, cotangents = zip(*flowing)
            found = iter(torch.autograd.grad(outputs, wanted, cotangents, retain_graph=True,
                                             allow_unused=True))
        gradients = []
        for x in xs:
            dx = next(found, None) if x.requires_grad else None
            gradients.append(np.zeros(tuple(x.shape)) if dx is None else dx.numpy())
        return gradients

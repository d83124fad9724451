"""The model, written from its definitions over an engine (numpy_engine.Numpy, torch_engine.Torch): what `evaluate` is
compared with. Row by row and head by head, causal ones position by position, with no thought for speed.
"""
import math

import numpy as np


def k_of(config, layer, head):
    k = config["k"]
    k = k[layer] if isinstance(k, list) else k
    return k[head] if isinstance(k, list) else k


def projection_name(config, which, layer, head):
    sharing = config["sharing"]
    if sharing == "layerwise":
        return "E"
    if sharing == "key-value":
        which = "E"
    return f"layers.{layer}.attention.{which}" + (f".{head}" if sharing == "none" else "")


def shapes_of(config):
    """Name -> shape of every tensor of model.safetensors, and the names that are not trained."""
    c, n, d, V = config, config["length"], config["width"], config["vocab_size"]
    shapes = {"embedding.token.weight": (V, d), "embedding.position.weight": (n, d),
              "head.bias": (V,)}
    if not c["tie_embeddings"]:
        shapes["head.weight"] = (V, d)
    norms = ["norm"] if c["norm"] == "pre" else []
    for layer in range(c["layers"]):
        name = f"layers.{layer}."
        norms += [name + "norm1", name + "norm2"]
        for linear in ("query", "key", "value", "output"):
            shapes[f"{name}attention.{linear}.weight"] = (d, d)
            shapes[f"{name}attention.{linear}.bias"] = (d,)
        W = c["ffn_width"]
        shapes[name + "feed_forward.up.weight"] = (W, d)
        shapes[name + "feed_forward.up.bias"] = (W,)
        shapes[name + "feed_forward.down.weight"] = (d, W)
        shapes[name + "feed_forward.down.bias"] = (d,)
    for norm in norms:
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (d,)
    projections = set()
    if c["attention"] == "linformer" and c["projection"] in ("linear", "random", "conv"):
        for layer in range(c["layers"]):
            for head in range(c["heads"]):
                k = k_of(c, layer, head)
                conv = c["projection"] == "conv"
                shape = (d // c["heads"], math.ceil(n / k)) if conv else (k, n)
                for which in "EF":
                    shapes[projection_name(c, which, layer, head)] = shape
                    projections.add(projection_name(c, which, layer, head))
    return shapes, projections if c["projection"] == "random" else set()


class Model:
    """A model in an engine: weights are nodes by name; real (B, n') is False where a position is padding."""

    def __init__(self, engine, config, weights):
        self.engine, self.config, self.weights = engine, config, weights

    def apply(self, op, *inputs, **arguments):
        return self.engine.apply(op, *inputs, **arguments)

    def linear(self, name, x):
        return self.apply("linear", x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def normalised(self, name, x):
        return self.apply("layer_norm", x, self.weights[name + ".weight"],
                          self.weights[name + ".bias"])

    def taken(self, x, rows):
        return self.apply("embedding", x, ids=np.asarray(rows, np.int64))

    def part(self, x, axis, begin, end):
        return self.apply("slice", x, axis=axis, begin=begin, end=end)

    def projected(self, which, layer, head, x, real):
        """x (n', d_h) of one row and head, real positions in rising order -> the slots there are, (slots, d_h), or None."""
        config, kind, k = self.config, self.config["projection"], k_of(self.config, layer, head)
        matrix = self.weights.get(projection_name(config, which, layer, head))
        if kind in ("linear", "random"):
            columns = self.taken(self.apply("transpose", matrix, axes=[1, 0]), real)
            y = self.apply("matmul", columns, self.taken(x, real), transpose_a=True)
            return self.rescaled(y, matrix, columns) if config.get("rescale") else y
        r, slots = math.ceil(config["length"] / k), []
        for j in range(k):
            inside = [i for i in real if j * r <= i < (j + 1) * r]
            window = self.taken(x, inside)
            if not inside:
                continue
            if kind == "conv":
                kernel = self.apply("transpose", matrix, axes=[1, 0])
                window = self.apply("mul", self.taken(kernel, [i - j * r for i in inside]), window)
            op = {"conv": "sum", "mean": "mean", "max": "max"}[kind]
            slots.append(self.apply(op, window, axes=[0], keep=True))
        return self.apply("concat", *slots, axis=0) if slots else None

    def rescaled(self, y, matrix, columns):
        """Row j times ||E_j|| / ||E_j, columns in use||, where one is in use."""
        one = self.engine.leaf(1.0)
        whole = self.apply("norm", matrix, axes=[1], keep=True)
        used = self.apply("reshape", self.apply("norm", columns, axes=[0]), shape=whole.shape)
        some = np.asarray(self.engine.value(used)) > 0
        factor = self.apply("div", self.apply("select", whole, one, mask=some),
                            self.apply("select", used, one, mask=some))
        return self.apply("mul", y, factor)

    def attended(self, q, keys, values):
        scores = self.apply("matmul", q, keys, transpose_b=True)
        scale = self.engine.leaf(1 / math.sqrt(q.shape[-1]))
        return self.apply("matmul", self.apply("softmax", self.apply("mul", scores, scale)), values)

    def head_of_row(self, layer, head, q, k, v, real):
        """q, k, v (n', d_h), real (n') -> (n', d_h)"""
        config, m = self.config, q.shape[0]
        full, causal = config["attention"] == "full", config["causal"]
        out = []
        for t in range(m) if causal else [m - 1]:
            seen = [i for i in range(t + 1) if real[i]]
            near = seen if full else [i for i in seen if i > t - config.get("window", 0)]
            keys, values = ([] if full else [self.projected(which, layer, head, x,
                                                            seen)] for which,
                                                            x in (("E", k), ("F", v)))
            keys = [x for x in keys if x is not None] + ([self.taken(k, near)] if near else [])
            values = [x for x in values if x is not None] + ([self.taken(v, near)] if near else [])
            queries = self.part(q, 0, t, t + 1) if causal else q
            if keys:
                out.append(self.attended(queries, self.apply("concat", *keys, axis=0),
                                         self.apply("concat", *values, axis=0)))
            else:
                out.append(self.engine.leaf(np.zeros(tuple(queries.shape))))
        return self.apply("concat", *out, axis=0)

    def attention(self, layer, x, real):
        name, h, d_h = f"layers.{layer}.attention.", self.config["heads"], self.config["width"] // self.config["heads"]
        q, k, v = (self.linear(name + which, x) for which in ("query", "key", "value"))
        rows = []
        for b in range(len(real)):
            row = [self.apply("reshape", self.part(y, 0, b, b + 1), shape=y.shape[1:]) for y in (q,
                                                                                                 k,
                                                                                                 v)]
            heads = [self.head_of_row(layer, j,
                                      *(self.part(y, 1, j * d_h, (j + 1) * d_h) for y in row),
                                      real[b])
                     for j in range(h)]
            rows.append(self.apply("concat", *heads, axis=1))
        return self.linear(name + "output", self.apply("stack", *rows, axis=0))

    def feed_forward(self, layer, x):
        name = f"layers.{layer}.feed_forward."
        return self.linear(name + "down", self.apply("gelu", self.linear(name + "up", x)))

    def logits(self, tokens, real):
        token, position = self.weights["embedding.token.weight"], self.weights["embedding.position.weight"]
        x = self.apply("add", self.taken(token, tokens), self.part(position, 0, 0, tokens.shape[1]))
        plus = lambda a, b: self.apply("add", a, b)
        for layer in range(self.config["layers"]):
            norm = lambda i, z: self.normalised(f"layers.{layer}.norm{i}", z)
            if self.config["norm"] == "pre":
                x = plus(x, self.attention(layer, norm(1, x), real))
                x = plus(x, self.feed_forward(layer, norm(2, x)))
            else:
                x = norm(1, plus(x, self.attention(layer, x, real)))
                x = norm(2, plus(x, self.feed_forward(layer, x)))
        if self.config["norm"] == "pre":
            x = self.normalised("norm", x)
        head = token if self.config["tie_embeddings"] else self.weights["head.weight"]
        return self.apply("linear", x, head, self.weights["head.bias"])


def evaluate(engine, config, arrays, fixed, batch, real):
    """What `evaluate` writes: logits, loss and gradient.NAME of every tensor that is trained."""
    weights = {name: engine.leaf(array, name not in fixed) for name, array in arrays.items()}
    logits = Model(engine, config, weights).logits(batch["tokens"], real)
    loss = engine.apply("cross_entropy", logits, targets=batch["targets"])
    trained = [name for name in arrays if name not in fixed]
    gradients = engine.gradients([loss], [np.ones(())], [weights[name] for name in trained])
    return {"logits": engine.value(logits), "loss": engine.value(loss),
            **{"gradient." + name: dx for name, dx in zip(trained, gradients)}}

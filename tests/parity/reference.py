"""The model, written from its definitions over an engine: what `evaluate` is compared with.

The engine is numpy_engine.Numpy or torch_engine.Torch. The model goes row by row and head by head,
causal ones position by position, with no thought for speed.
"""
import math

import numpy as np


# ---- the tensors of a model

def projected_length(config, layer, head):
    """k"""
    k = config["k"]
    if isinstance(k, list):
        k = k[layer]
    if isinstance(k, list):
        k = k[head]
    return k


def projection_name(config, which, layer, head):
    """Of E or F; two that are shared have one name."""
    sharing = config["sharing"]
    if sharing == "layerwise":
        return "E"
    if sharing == "key-value":
        which = "E"
    name = f"layers.{layer}.attention.{which}"
    return f"{name}.{head}" if sharing == "none" else name


def layer_shapes(config, layer):
    d = config["width"]
    W = config["ffn_width"]
    attention = f"layers.{layer}.attention."
    feed_forward = f"layers.{layer}.feed_forward."
    shapes = {}
    for linear in ("query", "key", "value", "output"):
        shapes[attention + linear + ".weight"] = (d, d)
        shapes[attention + linear + ".bias"] = (d,)
    shapes[feed_forward + "up.weight"] = (W, d)
    shapes[feed_forward + "up.bias"] = (W,)
    shapes[feed_forward + "down.weight"] = (d, W)
    shapes[feed_forward + "down.bias"] = (d,)
    return shapes


def norm_shapes(config):
    d = config["width"]
    norms = ["norm"] if config["norm"] == "pre" else []
    for layer in range(config["layers"]):
        norms += [f"layers.{layer}.norm1", f"layers.{layer}.norm2"]
    shapes = {}
    for norm in norms:
        shapes[norm + ".weight"] = (d,)
        shapes[norm + ".bias"] = (d,)
    return shapes


def projection_shapes(config):
    n = config["length"]
    d_h = config["width"] // config["heads"]
    has_matrices = config["projection"] in ("linear", "random", "conv")
    if config["attention"] != "linformer" or not has_matrices:
        return {}
    shapes = {}
    for layer in range(config["layers"]):
        for head in range(config["heads"]):
            k = projected_length(config, layer, head)
            shape = (d_h, math.ceil(n / k)) if config["projection"] == "conv" else (k, n)
            for which in "EF":
                shapes[projection_name(config, which, layer, head)] = shape
    return shapes


def tensor_shapes(config):
    """Name -> shape of every tensor of model.safetensors, and the names that are not trained."""
    n = config["length"]
    d = config["width"]
    V = config["vocab_size"]
    shapes = {"embedding.token.weight": (V, d), "embedding.position.weight": (n, d),
              "head.bias": (V,)}
    if not config["tie_embeddings"]:
        shapes["head.weight"] = (V, d)
    for layer in range(config["layers"]):
        shapes.update(layer_shapes(config, layer))
    shapes.update(norm_shapes(config))
    if config["classes"]:
        shapes["classifier.weight"] = (config["classes"], d)
        shapes["classifier.bias"] = (config["classes"],)
    projections = projection_shapes(config)
    shapes.update(projections)
    fixed = set(projections) if config["projection"] == "random" else set()
    return shapes, fixed


# ---- the model

class Model:
    """A model in an engine: weights are nodes by name.

    real (B, n') is False where a position is padding.
    """

    def __init__(self, engine, config, weights):
        self.engine = engine
        self.config = config
        self.weights = weights

    # ---- ops

    def apply(self, op, *inputs, **arguments):
        return self.engine.apply(op, *inputs, **arguments)

    def linear(self, name, x):
        return self.apply("linear", x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def layer_norm(self, name, x):
        return self.apply("layer_norm", x, self.weights[name + ".weight"],
                          self.weights[name + ".bias"])

    def rows(self, x, ids):
        return self.apply("embedding", x, ids=np.asarray(ids, np.int64))

    def part(self, x, axis, begin, end):
        return self.apply("slice", x, axis=axis, begin=begin, end=end)

    def sum(self, a, b):
        return self.apply("add", a, b)

    def transposed(self, x):
        return self.apply("transpose", x, axes=[1, 0])

    # ---- projection

    def projected(self, which, layer, head, x, real):
        """x (n', d_h) of one row and head -> the slots that there are, (slots, d_h), or None.

        real: the positions that are not padding, in rising order.
        """
        kind = self.config["projection"]
        matrix = self.weights.get(projection_name(self.config, which, layer, head))
        if kind in ("linear", "random"):
            columns = self.rows(self.transposed(matrix), real)
            y = self.apply("matmul", columns, self.rows(x, real), transpose_a=True)
            return self.rescaled(y, matrix, columns) if self.config.get("rescale") else y
        k = projected_length(self.config, layer, head)
        window = math.ceil(self.config["length"] / k)  # positions
        slots = []
        for j in range(k):
            positions = [i for i in real if j * window <= i < (j + 1) * window]
            if positions:
                slots.append(self.pooled(kind, matrix, x, positions, j * window))
        return self.apply("concat", *slots, axis=0) if slots else None

    def pooled(self, kind, matrix, x, positions, first):
        """One slot: what stands at these positions of the window from `first` on, as one row."""
        entries = self.rows(x, positions)
        if kind == "conv":
            kernel = self.transposed(matrix)
            offsets = [i - first for i in positions]
            entries = self.apply("mul", self.rows(kernel, offsets), entries)
        op = {"conv": "sum", "mean": "mean", "max": "max"}[kind]
        return self.apply(op, entries, axes=[0], keep=True)

    def rescaled(self, y, matrix, columns):
        """Row j times ||E_j|| / ||E_j, columns in use||, where one is in use."""
        one = self.engine.leaf(1.0)
        norm = self.apply("norm", matrix, axes=[1], keep=True)
        used_norm = self.apply("reshape", self.apply("norm", columns, axes=[0]), shape=norm.shape)
        positive = np.asarray(self.engine.value(used_norm)) > 0
        numerator = self.apply("select", norm, one, mask=positive)
        denominator = self.apply("select", used_norm, one, mask=positive)
        return self.apply("mul", y, self.apply("div", numerator, denominator))

    # ---- attention

    def attended(self, q, keys, values):
        """softmax(q keys^T / sqrt(d_h)) values"""
        products = self.apply("matmul", q, keys, transpose_b=True)
        scale = self.engine.leaf(1 / math.sqrt(q.shape[-1]))
        scores = self.apply("mul", products, scale)
        return self.apply("matmul", self.apply("softmax", scores), values)

    def head(self, layer, head, q, k, v, real):
        """Of one row: q, k, v (n', d_h), real (n') -> (n', d_h)"""
        n = q.shape[0]
        if not self.config["causal"]:
            out = self.head_at(layer, head, q, k, v, [i for i in range(n) if real[i]], n - 1)
            return self.apply("concat", out, axis=0)
        outs = []
        for t in range(n):
            seen = [i for i in range(t + 1) if real[i]]
            outs.append(self.head_at(layer, head, q, k, v, seen, t))
        return self.apply("concat", *outs, axis=0)

    def head_at(self, layer, head, q, k, v, seen, t):
        """The output at position t of a causal model, or at all positions of another.

        seen: the positions that the queries see.
        """
        keys = []
        values = []
        near = seen
        if self.config["attention"] != "full":
            keys.append(self.projected("E", layer, head, k, seen))
            values.append(self.projected("F", layer, head, v, seen))
            near = [i for i in seen if i > t - self.config.get("window", 0)]
        if near:
            keys.append(self.rows(k, near))
            values.append(self.rows(v, near))
        keys = [x for x in keys if x is not None]
        values = [x for x in values if x is not None]
        queries = self.part(q, 0, t, t + 1) if self.config["causal"] else q
        if not keys:
            return self.engine.leaf(np.zeros(tuple(queries.shape)))
        return self.attended(queries, self.apply("concat", *keys, axis=0),
                             self.apply("concat", *values, axis=0))

    def attention(self, layer, x, real):
        name = f"layers.{layer}.attention."
        q = self.linear(name + "query", x)
        k = self.linear(name + "key", x)
        v = self.linear(name + "value", x)
        rows = [self.attention_of_row(layer, q, k, v, real, b) for b in range(len(real))]
        return self.linear(name + "output", self.apply("stack", *rows, axis=0))

    def attention_of_row(self, layer, q, k, v, real, b):
        """Row b of the batch: (n', d)"""
        heads = self.config["heads"]
        d_h = self.config["width"] // heads
        row = []
        for x in (q, k, v):
            row.append(self.apply("reshape", self.part(x, 0, b, b + 1), shape=x.shape[1:]))
        outs = []
        for j in range(heads):
            head_row = [self.part(x, 1, j * d_h, (j + 1) * d_h) for x in row]
            outs.append(self.head(layer, j, *head_row, real[b]))
        return self.apply("concat", *outs, axis=1)

    # ---- the whole

    def feed_forward(self, layer, x):
        name = f"layers.{layer}.feed_forward."
        hidden = self.apply("gelu", self.linear(name + "up", x))
        return self.linear(name + "down", hidden)

    def block(self, layer, x, real):
        norm1 = f"layers.{layer}.norm1"
        norm2 = f"layers.{layer}.norm2"
        if self.config["norm"] == "pre":
            x = self.sum(x, self.attention(layer, self.layer_norm(norm1, x), real))
            return self.sum(x, self.feed_forward(layer, self.layer_norm(norm2, x)))
        x = self.layer_norm(norm1, self.sum(x, self.attention(layer, x, real)))
        return self.layer_norm(norm2, self.sum(x, self.feed_forward(layer, x)))

    def features(self, tokens, real):
        token = self.weights["embedding.token.weight"]
        position = self.weights["embedding.position.weight"]
        x = self.sum(self.rows(token, tokens), self.part(position, 0, 0, tokens.shape[1]))
        for layer in range(self.config["layers"]):
            x = self.block(layer, x, real)
        return self.layer_norm("norm", x) if self.config["norm"] == "pre" else x

    def logits(self, features):
        token = self.weights["embedding.token.weight"]
        head = token if self.config["tie_embeddings"] else self.weights["head.weight"]
        return self.apply("linear", features, head, self.weights["head.bias"])

    def class_logits(self, features, real):
        """(B, classes): the classifier on each row's mean over its real positions"""
        means = []
        for b, positions in enumerate(real):
            row = self.apply("reshape", self.part(features, 0, b, b + 1),
                             shape=features.shape[1:])
            used = self.rows(row, [i for i, there in enumerate(positions) if there])
            means.append(self.apply("mean", used, axes=[0], keep=True))
        return self.linear("classifier", self.apply("concat", *means, axis=0))


def evaluate(engine, config, arrays, fixed, batch, real):
    """What `evaluate` writes: logits, loss and gradient.NAME of every tensor that is trained.

    With labels in the batch the loss is that of the classes, and class_logits are there, too.
    """
    weights = {name: engine.leaf(array, name not in fixed) for name, array in arrays.items()}
    model = Model(engine, config, weights)
    features = model.features(batch["tokens"], real)
    logits = model.logits(features)
    results = {"logits": engine.value(logits)}
    if "labels" in batch:
        class_logits = model.class_logits(features, real)
        results["class_logits"] = engine.value(class_logits)
        loss = engine.apply("cross_entropy", class_logits, targets=batch["labels"])
    else:
        loss = engine.apply("cross_entropy", logits, targets=batch["targets"])
    trained = [name for name in arrays if name not in fixed]
    gradients = engine.gradients([loss], [np.ones(())], [weights[name] for name in trained])
    results["loss"] = engine.value(loss)
    for name, gradient in zip(trained, gradients):
        results["gradient." + name] = gradient
    return results

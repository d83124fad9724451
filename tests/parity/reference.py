"""The model in PyTorch, as plain functions of a dictionary of weights: what `evaluate` is compared with.

Written from the definitions, position by position where that is plainer, and with no thought for speed.
"""
import json
import math
import struct

import numpy
import torch

DTYPES = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}


def read_tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


def write_tensors(path, tensors):
    dtype_of = {numpy.dtype(value): name for name, value in DTYPES.items()}
    header, data = {}, b""
    for name, tensor in tensors.items():
        array = tensor.detach().contiguous().numpy()
        header[name] = {"dtype": dtype_of[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def shapes_of(config):
    """Name -> shape of every tensor of model.safetensors, and the names that are not trained."""
    c, n, d, V = config, config["length"], config["width"], config["vocab_size"]
    shapes = {"embedding.token.weight": (V, d), "embedding.position.weight": (n, d), "head.bias": (V,)}
    if not c["tie_embeddings"]:
        shapes["head.weight"] = (V, d)
    norms = ["norm"] if c["norm"] == "pre" else []
    for layer in range(c["layers"]):
        name = f"layers.{layer}."
        norms += [name + "norm1", name + "norm2"]
        for linear in ("query", "key", "value", "output"):
            shapes[f"{name}attention.{linear}.weight"], shapes[f"{name}attention.{linear}.bias"] = (d, d), (d,)
        W = c["ffn_width"]
        shapes[name + "feed_forward.up.weight"], shapes[name + "feed_forward.up.bias"] = (W, d), (W,)
        shapes[name + "feed_forward.down.weight"], shapes[name + "feed_forward.down.bias"] = (d, W), (d,)
    for norm in norms:
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (d,)
    projections = set()
    if c["attention"] == "linformer" and c["projection"] in ("linear", "random", "conv"):
        for layer in range(c["layers"]):
            for head in range(c["heads"]):
                k = k_of(c, layer, head)
                shape = (d // c["heads"], math.ceil(n / k)) if c["projection"] == "conv" else (k, n)
                for which in "EF":
                    shapes[projection_name(c, which, layer, head)] = shape
                    projections.add(projection_name(c, which, layer, head))
    return shapes, projections if c["projection"] == "random" else set()


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


def normalise(weights, name, x):
    centred = x - x.mean(-1, keepdim=True)
    deviation = torch.sqrt((centred ** 2).mean(-1, keepdim=True) + 1e-5)
    return centred / deviation * weights[name + ".weight"] + weights[name + ".bias"]


def linear(weights, name, x):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def project_row(config, matrix, k, x, real):
    """One row, one head: x (n', d_h), real (n') -> slots (list of (d_h) or None where there is no slot)."""
    m, kind = x.shape[0], config["projection"]
    if kind in ("linear", "random"):
        columns = matrix[:, :m]
        y = columns[:, real] @ x[real]
        if config.get("rescale"):
            part = columns[:, real].norm(dim=1)
            y = y * torch.where(part > 0, matrix.norm(dim=1) / part.clamp_min(1e-300), torch.ones_like(part))[:, None]
        return list(y)
    r, slots = math.ceil(config["length"] / k), []
    for j in range(k):
        inside = [i for i in range(j * r, min((j + 1) * r, m)) if real[i]]
        if not inside:
            slots.append(None)
        elif kind == "mean":
            slots.append(x[inside].mean(0))
        elif kind == "max":
            slots.append(x[inside].max(0).values)
        else:
            slots.append(sum(matrix[:, i - j * r] * x[i] for i in inside))
    return slots


def head_of_row(config, weights, layer, head, q, k, v, real):
    """Attention of one head on one row: q, k, v (n', d_h), real (n') -> (n', d_h)."""
    scale, m, out = 1 / math.sqrt(q.shape[1]), q.shape[0], []
    full = config["attention"] == "full"
    if not full:
        K = k_of(config, layer, head)
        E, F = (weights.get(projection_name(config, which, layer, head)) for which in "EF")
    for t in range(m):
        seen = real.clone()
        if config["causal"]:
            seen[t + 1:] = False
        if full:
            keys, values = list(k[seen]), list(v[seen])
        elif t == 0 or config["causal"]:
            keys, values = project_row(config, E, K, k, seen), project_row(config, F, K, v, seen)
            values = [value for key, value in zip(keys, values) if key is not None]
            keys = [key for key in keys if key is not None]
            near = [i for i in range(max(0, t - config.get("window", 0) + 1), t + 1) if real[i]]
            keys, values = keys + list(k[near]), values + list(v[near])
        if keys:
            out.append(torch.softmax(torch.stack(keys) @ q[t] * scale, 0) @ torch.stack(values))
        else:
            out.append(torch.zeros_like(q[t]))
    return torch.stack(out)


def attention(config, weights, layer, x, real):
    name, h = f"layers.{layer}.attention.", config["heads"]
    q, k, v = (linear(weights, name + which, x).chunk(h, -1) for which in ("query", "key", "value"))
    rows = [torch.cat([head_of_row(config, weights, layer, j, q[j][b], k[j][b], v[j][b], real[b]) for j in range(h)], -1)
            for b in range(x.shape[0])]
    return linear(weights, name + "output", torch.stack(rows))


def feed_forward(weights, layer, x):
    name = f"layers.{layer}.feed_forward."
    hidden = linear(weights, name + "up", x)
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    return linear(weights, name + "down", hidden)


def logits(config, weights, tokens, real):
    x = weights["embedding.token.weight"][tokens] + weights["embedding.position.weight"][: tokens.shape[1]]
    for layer in range(config["layers"]):
        norm = lambda i, z: normalise(weights, f"layers.{layer}.norm{i}", z)
        if config["norm"] == "pre":
            x = x + attention(config, weights, layer, norm(1, x), real)
            x = x + feed_forward(weights, layer, norm(2, x))
        else:
            x = norm(1, x + attention(config, weights, layer, x, real))
            x = norm(2, x + feed_forward(weights, layer, x))
    if config["norm"] == "pre":
        x = normalise(weights, "norm", x)
    head = weights["embedding.token.weight" if config["tie_embeddings"] else "head.weight"]
    return x @ head.T + weights["head.bias"]


def loss(values, targets):
    counted = targets != -100
    log_p = torch.log_softmax(values[counted], -1)
    return -log_p.gather(1, targets[counted][:, None]).mean()

"""Models of every configuration: logits, loss and every gradient of `evaluate` and other engines.

    models.py EVALUATE [--seed S] [--random N] [--first I]      exit 0: all agree

Some configurations are fixed, N more are random; the same seed gives the same ones. The engines are
numpy_engine.py and, where it is installed, PyTorch's autograd.
"""
import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

import reference
from comparison import LIMIT, apart, largest, other_engines
from numpy_engine import Numpy
from tensors import read_tensors, write_tensors

BASE = {
    "format": "taper/1", "vocab_size": 11, "length": 12, "width": 12, "heads": 3, "layers": 2,
    "ffn_width": 20, "causal": False, "attention": "linformer", "k": 4, "sharing": "headwise",
    "projection": "linear", "norm": "pre", "activation": "gelu", "tie_embeddings": False,
    "dropout": 0.0, "classes": 0,
}
SHARINGS = ("none", "headwise", "key-value", "layerwise")
PADDINGS = ("none", "end", "anywhere", "row")
POOLINGS = ("mean", "max", "conv")  # projections of windows of positions
ROWS = 3  # of a fixed configuration


# ---- configurations: (changes to BASE, rows, n', padding)

def fixed_configurations():
    lengths = itertools.cycle([(12, "none"), (9, "end"), (12, "anywhere"), (7, "none"),
                               (12, "end"), (1, "none"), (11, "row")])
    norms = itertools.cycle(["pre", "post", "pre"])
    ties = itertools.cycle([False, True])

    # every projection and sharing
    for projection in ("linear", "random", "mean", "max", "conv"):
        for sharing in SHARINGS:
            for _ in range(2):
                changes = {"projection": projection, "sharing": sharing, "norm": next(norms),
                           "tie_embeddings": next(ties)}
                yield changes, ROWS, *next(lengths)

    # causal ones, with a window and without
    for projection in ("linear", "random"):
        for sharing in SHARINGS:
            for window in (0, 3):
                changes = {"projection": projection, "sharing": sharing, "norm": next(norms),
                           "tie_embeddings": next(ties), "causal": True}
                if window:
                    changes["window"] = window
                yield changes, ROWS, *next(lengths)

    # full attention
    for causal in (False, True):
        for length, padding in ((12, "none"), (9, "end"), (12, "anywhere"), (11, "row")):
            changes = {"attention": "full", "causal": causal, "norm": next(norms)}
            yield changes, ROWS, length, padding

    # k by layer, by head, and longer windows than there are positions
    by_head = [[1, 2, 3], [12, 5, 4]]
    uneven = [[3, 4, 6], [12, 1, 2]]
    for changes in (
        {"k": [5, 2]},
        {"k": [5, 2], "sharing": "key-value"},
        {"k": by_head, "sharing": "none"},
        {"k": by_head, "sharing": "none", "causal": True},
        {"k": uneven, "sharing": "none", "projection": "conv"},
        {"k": uneven, "sharing": "none", "projection": "max"},
        {"k": 5, "causal": True, "window": 12},
    ):
        yield changes, ROWS, *next(lengths)

    # k does not divide n
    for projection in ("linear", "mean", "max", "conv"):
        yield {"length": 11, "projection": projection}, ROWS, 11, "none"
        yield {"length": 11, "projection": projection}, ROWS, 10, "end"

    for sharing in SHARINGS:
        yield {"rescale": True, "sharing": sharing}, ROWS, *next(lengths)

    # classifiers
    for projection in ("linear", "mean", "max", "conv"):
        for length, padding in ((12, "none"), (9, "end"), (12, "anywhere")):
            changes = {"projection": projection, "norm": next(norms), "tie_embeddings": next(ties)}
            yield {**changes, **classes(4)}, ROWS, length, padding
    yield {"attention": "full", **classes(1)}, ROWS, 10, "end"


def classes(count):
    """Changes to BASE: a classifier."""
    return {"classes": count, "class_names": [f"class {i}" for i in range(count)]}


class Draw:
    def __init__(self, seed, number):
        self.random = np.random.default_rng([seed, number])

    def whole(self, low, high):
        """low to high, both included"""
        return int(self.random.integers(low, high + 1))

    def among(self, choices):
        return choices[self.whole(0, len(choices) - 1)]

    def chance(self, p):
        return self.random.random() < p


def random_configuration(seed, number):
    """A configuration that the contract allows."""
    draw = Draw(seed, number)
    heads = draw.among([1, 2, 3, 4])
    layers = draw.among([1, 2, 2, 3])
    length = draw.among([1, 2, 5, 8, 12, 13, 17, 24])
    config = {
        "k": 1,
        "vocab_size": draw.among([2, 3, 11, 33]),
        "length": length,
        "heads": heads,
        "width": heads * draw.among([1, 3, 4, 9]),
        "layers": layers,
        "ffn_width": draw.among([1, 7, 20, 33]),
        "norm": draw.among(["pre", "post"]),
        "tie_embeddings": draw.chance(0.5),
        "dropout": draw.among([0.0, 0.3]),
        "causal": draw.chance(0.4),
        "sharing": draw.among(SHARINGS),
    }
    if draw.chance(0.2):
        config["attention"] = "full"
    else:
        draw_projection(draw, config)
    rows = draw.among([1, 2, 3])
    tokens = draw.whole(1, length)
    padding = draw.among(PADDINGS)
    if padding != "row" and draw.chance(0.3):  # a classifier refuses a row of padding
        config.update(classes(draw.among([1, 2, 5])))
    return config, rows, tokens, padding


def draw_projection(draw, config):
    """Adds how a Linformer projects."""
    heads = config["heads"]
    layers = config["layers"]
    length = config["length"]
    kinds = ("linear", "random") if config["causal"] else ("linear", "random", *POOLINGS)
    config["projection"] = draw.among(kinds)
    pools = config["projection"] in POOLINGS
    allowed = range(1, length + 1)
    if pools:
        allowed = [k for k in allowed if every_window_has_positions(k, length)]
    if config["sharing"] == "layerwise" or draw.chance(0.4):
        config["k"] = draw.among(allowed)
    elif config["sharing"] == "none" and draw.chance(0.6):
        config["k"] = [[draw.among(allowed) for _ in range(heads)] for _ in range(layers)]
    else:
        config["k"] = [draw.among(allowed) for _ in range(layers)]
    if config["causal"] and draw.chance(0.6):
        config["window"] = draw.whole(1, length)
    if not config["causal"] and not pools and draw.chance(0.3):
        config["rescale"] = True


def every_window_has_positions(k, length):
    window = -(-length // k)  # length / k, rounded up
    return (k - 1) * window < length


def drawn_model(config, rows, length, padding, seed):
    """Weights at no special point (every gain and bias random), tokens, mask and targets."""
    random = np.random.default_rng(seed)
    shapes, fixed = reference.tensor_shapes(config)
    weights = {}
    for name, shape in shapes.items():
        weight = random.normal(size=shape) * (0.5 if len(shape) == 1 else 0.4)
        if name.endswith(("norm.weight", ".norm1.weight", ".norm2.weight")):
            weight += 1
        weights[name] = weight.astype(np.float32)
    V = config["vocab_size"]
    batch = {name: random.integers(0, V, (rows, length)) for name in ("tokens", "targets")}
    real = np.ones((rows, length), bool)
    if padding == "end":
        for row in range(rows):
            real[row, max(1, length - 4 * row):] = False
    elif padding == "anywhere":
        real = random.random((rows, length)) < 0.6
        if config["classes"]:
            real[:, length // 2] = True
    elif padding == "row":
        real[rows // 2] = False
    ignored = random.random((rows, length)) < 0.3
    batch["targets"][~real | ignored] = -100
    if (batch["targets"] == -100).all():
        batch["targets"][0, 0] = 1
    if config["classes"]:
        del batch["targets"]
        batch["labels"] = random.integers(0, config["classes"], rows)
    if padding != "none":
        batch["mask"] = real.astype(np.int64)
    return weights, fixed, batch, real


# ---- the comparison

def run_taper(evaluate, config, weights, batch):
    """kind -> what evaluate writes, in double and float."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder)
        tokens = model / "in.safetensors"
        out = model / "out.safetensors"
        (model / "config.json").write_text(json.dumps(config))
        write_tensors(model / "model.safetensors", weights)
        write_tensors(tokens, batch)
        for kind, options in (("double", ["--double"]), ("float", [])):
            command = [evaluate, "--model", model, "--tokens", tokens, "--out", out,
                       "--gradients", "--threads", "1", *options]
            subprocess.run(command, check=True)
            results[kind] = read_tensors(out)
    return results


def differences(results, expected, rounded, real):
    """Name -> how far apart."""
    if set(results) != set(expected):
        raise SystemExit(f"other tensors: {sorted(set(results) ^ set(expected))}")
    # One that is 0 in exact arithmetic (of the key's bias) is held to the largest one.
    floor = 0.1 * max(largest(x) for name, x in expected.items() if name.startswith("gradient."))
    found = {}
    for name in expected:
        arrays = (results[name], expected[name], rounded[name])
        if name == "logits":  # of real positions
            arrays = tuple(x[real] for x in arrays)
        found[name] = apart(*arrays, floor if name.startswith("gradient.") else 0.0)
    return found


def compare(evaluate, changes, rows, length, padding, seed, engines):
    """What is apart, as lines; the largest difference of each engine."""
    config = {**BASE, **changes}
    weights, fixed, batch, real = drawn_model(config, rows, length, padding, seed)

    def results_of(engine):
        return reference.evaluate(engine, config, weights, fixed, batch, real)

    expected = results_of(Numpy(np.float64))
    rounded = results_of(Numpy(np.float32))
    results = {engine.name: results_of(engine) for engine in engines}
    results.update(run_taper(evaluate, config, weights, batch))
    problems = []
    worst = {}
    for who, tensors in results.items():
        errors = differences(tensors, expected, rounded, real)
        worst[who] = max(errors.values())
        for name, error in errors.items():
            if not error <= LIMIT[who]:  # NaN, too
                problems.append(f"{who}: {name} {error:.1e}")
    return problems, worst


# ---- the program

def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("evaluate")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--random", type=int, default=40)
    parser.add_argument("--first", type=int, help="random ones alone, from this number on")
    return parser.parse_args()


def drawn_configurations(options):
    """(changes, rows, n', padding, seed, how to have it again)"""
    if options.first is None:
        for number, configuration in enumerate(fixed_configurations()):
            yield *configuration, number, "fixed"
    program = f"{sys.argv[0]} {options.evaluate} --seed {options.seed}"
    first = options.first or 0
    for number in range(first, first + options.random):
        seed = [options.seed, number]
        again = f"{program} --first {number} --random 1"
        yield *random_configuration(*seed), seed, again


def main():
    options = read_options()
    engines = other_engines()
    against = " and ".join(["numpy", *(engine.name for engine in engines)])
    print(f"seed {options.seed}, against {against}", flush=True)

    start = time.monotonic()
    count = 0
    failed = 0
    worst = {}
    for changes, rows, length, padding, seed, again in drawn_configurations(options):
        problems, errors = compare(options.evaluate, changes, rows, length, padding, seed, engines)
        count += 1
        failed += bool(problems)
        for who, error in errors.items():
            worst[who] = max(error, worst.get(who, 0))
        if problems:
            print(f"FAIL rows {rows} n' {length} padding {padding}", changes, *problems,
                  f"again: {again}", sep="\n  ", flush=True)

    errors = ", ".join(f"{who} {error:.1e}" for who, error in worst.items())
    print(f"{count} configurations, {failed} apart, seed {options.seed}; worst {errors}; "
          f"{time.monotonic() - start:.0f} s")
    sys.exit(failed > 0 or count == 0)


if __name__ == "__main__":
    main()

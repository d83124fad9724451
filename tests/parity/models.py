"""Models of every configuration: logits, loss and every gradient of `evaluate` and other engines.

    models.py EVALUATE [--seed S] [--random N] [--first I]      exit 0: all agree

Some configurations are fixed, N more are random; the same seed gives the same ones. The engines are numpy_engine.py and,
where it is installed, PyTorch's autograd.
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

BASE = {"format": "taper/1", "vocab_size": 11, "length": 12, "width": 12, "heads": 3, "layers": 2,
        "ffn_width": 20,
        "causal": False, "attention": "linformer", "k": 4, "sharing": "headwise",
        "projection": "linear", "norm": "pre",
        "activation": "gelu", "tie_embeddings": False, "dropout": 0.0, "classes": 0}
SHARINGS = ("none", "headwise", "key-value", "layerwise")
PADDINGS = ("none", "end", "anywhere", "row")


def fixed_configurations():
    """(changes to BASE, rows, n', padding)"""
    lengths = itertools.cycle([(12, "none"), (9, "end"), (12, "anywhere"), (7, "none"),
                               (12, "end"), (1, "none"), (11, "row")])
    norms = itertools.cycle(["pre", "post", "pre"])
    ties = itertools.cycle([False, True])
    for projection in ("linear", "random", "mean", "max", "conv"):
        for sharing in SHARINGS:
            for _ in range(2):
                changes = {"projection": projection, "sharing": sharing, "norm": next(norms),
                           "tie_embeddings": next(ties)}
                yield changes, 3, *next(lengths)
    for projection in ("linear", "random"):
        for sharing in SHARINGS:
            for window in (0, 3):
                changes = {"projection": projection, "sharing": sharing, "norm": next(norms),
                           "tie_embeddings": next(ties),
                           "causal": True}
                yield {**changes, **({"window": window} if window else {})}, 3, *next(lengths)
    for causal in (False, True):
        for length, padding in ((12, "none"), (9, "end"), (12, "anywhere"), (11, "row")):
            yield {"attention": "full", "causal": causal, "norm": next(norms)}, 3, length, padding
    by_head = [[1, 2, 3], [12, 5, 4]]
    uneven = [[3, 4, 6], [12, 1, 2]]
    for changes in ({"k": [5, 2]}, {"k": [5, 2], "sharing": "key-value"},
                    {"k": by_head, "sharing": "none"},
                    {"k": by_head, "sharing": "none", "causal": True},
                    {"k": uneven, "sharing": "none", "projection": "conv"},
                    {"k": uneven, "sharing": "none", "projection": "max"},
                    {"k": 5, "causal": True, "window": 12}):
        yield changes, 3, *next(lengths)
    for projection in ("linear", "mean", "max", "conv"):  # k does not divide n
        yield {"length": 11, "projection": projection}, 3, 11, "none"
        yield {"length": 11, "projection": projection}, 3, 10, "end"
    for sharing in SHARINGS:
        yield {"rescale": True, "sharing": sharing}, 3, *next(lengths)


def random_configuration(seed, number):
    """A configuration that the contract allows, as above."""
    random = np.random.default_rng([seed, number])
    among = lambda choices: choices[int(random.integers(len(choices)))]
    chance = lambda p: random.random() < p
    heads, layers, length = among([1, 2, 3, 4]), among([1, 2, 2, 3]), among([1, 2, 5, 8, 12, 13,
                                                                             17, 24])
    c = {"vocab_size": among([2, 3, 11, 33]), "length": length, "heads": heads,
         "width": heads * among([1, 3, 4, 9]),
         "layers": layers, "ffn_width": among([1, 7, 20, 33]), "norm": among(["pre", "post"]),
         "tie_embeddings": chance(0.5),
         "dropout": among([0.0, 0.3]), "causal": chance(0.4), "sharing": among(SHARINGS)}
    if chance(0.2):
        c["attention"] = "full"
    else:
        kinds = ["linear", "random", "mean", "max", "conv"]
        c["projection"] = among(kinds[:2] if c["causal"] else kinds)
        windows = c["projection"] in ("mean", "max", "conv")
        filled = lambda k: (k - 1) * -(-length // k) < length
        allowed = [k for k in range(1, length + 1) if not windows or filled(k)]
        if c["sharing"] == "layerwise" or chance(0.4):
            c["k"] = among(allowed)
        elif c["sharing"] == "none" and chance(0.6):
            c["k"] = [[among(allowed) for _ in range(heads)] for _ in range(layers)]
        else:
            c["k"] = [among(allowed) for _ in range(layers)]
        if c["causal"] and chance(0.6):
            c["window"] = int(random.integers(1, length + 1))
        if not c["causal"] and not windows and chance(0.3):
            c["rescale"] = True
    return {"k": 1, **c}, among([1, 2, 3]), int(random.integers(1, length + 1)), among(PADDINGS)


def draw(config, rows, length, padding, seed):
    """Weights at no special point (every gain and bias random), tokens, mask and targets."""
    random = np.random.default_rng(seed)
    shapes, fixed = reference.shapes_of(config)
    weights = {}
    for name, shape in shapes.items():
        weights[name] = random.normal(size=shape) * (0.5 if len(shape) == 1 else 0.4)
        if name.endswith("norm.weight") or ".norm1.weight" in name or ".norm2.weight" in name:
            weights[name] += 1
        weights[name] = weights[name].astype(np.float32)
    V = config["vocab_size"]
    batch = {name: random.integers(0, V, (rows, length)) for name in ("tokens", "targets")}
    real = np.ones((rows, length), bool)
    if padding == "end":
        for row in range(rows):
            real[row, max(1, length - 4 * row):] = False
    elif padding == "anywhere":
        real = random.random((rows, length)) < 0.6
    elif padding == "row":
        real[rows // 2] = False
    batch["targets"][~real | (random.random((rows, length)) < 0.3)] = -100
    if (batch["targets"] == -100).all():
        batch["targets"][0, 0] = 1
    if padding != "none":
        batch["mask"] = real.astype(np.int64)
    return weights, fixed, batch, real


def differences(ours, expected, rounded, real):
    """Name -> how far apart."""
    if set(ours) != set(expected):
        raise SystemExit(f"other tensors: {sorted(set(ours) ^ set(expected))}")
    # One that is 0 in exact arithmetic (of the key's bias) is held to the largest one.
    floor = 0.1 * max(largest(x) for name, x in expected.items() if name.startswith("gradient."))
    found = {}
    for name in expected:
        mine, theirs, single = ours[name], expected[name], rounded[name]
        if name == "logits":  # of real positions
            mine, theirs, single = mine[real], theirs[real], single[real]
        found[name] = apart(mine, theirs, single, floor if name.startswith("gradient.") else 0.0)
    return found


def compare(evaluate, changes, rows, length, padding, seed, engines):
    """What is apart, as lines; the largest difference of each engine."""
    config = {**BASE, **changes}
    weights, fixed, batch, real = draw(config, rows, length, padding, seed)
    expected, rounded = (reference.evaluate(Numpy(dtype), config, weights, fixed, batch, real)
                         for dtype in (np.float64, np.float32))
    found = {engine.name: reference.evaluate(engine, config, weights, fixed, batch,
                                             real) for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder)
        (directory / "config.json").write_text(json.dumps(config))
        write_tensors(directory / "model.safetensors", weights)
        write_tensors(directory / "in.safetensors", batch)
        for kind, options in (("double", ["--double"]), ("float", [])):
            out = directory / "out.safetensors"
            subprocess.run([evaluate, "--model", directory, "--tokens",
                            directory / "in.safetensors", "--out", out,
                            "--gradients", "--threads", "1", *options], check=True)
            found[kind] = read_tensors(out)
    problems, worst = [], {}
    for who, ours in found.items():
        each = differences(ours, expected, rounded, real)
        worst[who] = max(each.values())
        problems += [f"{who}: {name} {value:.1e}" for name,
                     value in each.items() if not value <= LIMIT[who]]
    return problems, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evaluate")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--random", type=int, default=40)
    parser.add_argument("--first", type=int, help="random ones alone, from this number on")
    options = parser.parse_args()
    engines = other_engines()
    against = " and ".join(["numpy", *(engine.name for engine in engines)])
    print(f"seed {options.seed}, against {against}", flush=True)
    start, failed, counted, largest = time.monotonic(), 0, 0, {}
    drawn = [] if options.first is not None else [(*c, i, "fixed") for i,
                                                  c in enumerate(fixed_configurations())]
    for number in range(options.first or 0, (options.first or 0) + options.random):
        again = f"{sys.argv[0]} {options.evaluate} --seed {options.seed} --first {number} --random 1"
        drawn.append((*random_configuration(options.seed, number), [options.seed, number], again))
    for changes, rows, length, padding, seed, again in drawn:
        problems, worst = compare(options.evaluate, changes, rows, length, padding, seed, engines)
        counted, failed = counted + 1, failed + bool(problems)
        largest = {who: max(value, largest.get(who, 0)) for who, value in worst.items()}
        if problems:
            print(f"FAIL rows {rows} n' {length} padding {padding}", changes, *problems,
                  f"again: {again}", sep="\n  ", flush=True)
    print(f"{counted} configurations, {failed} apart, seed {options.seed}; worst "
          + ", ".join(f"{who} {value:.1e}" for who,
                      value in largest.items()) + f"; {time.monotonic() - start:.0f} s")
    sys.exit(failed > 0 or counted == 0)


main()

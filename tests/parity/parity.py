"""Parity with PyTorch: runs `evaluate` on many configurations and compares logits, loss and every gradient.

    parity.py EVALUATE        exit 0: all agree, 1: some do not
"""
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import torch

import reference

BASE = {"format": "taper/1", "vocab_size": 11, "length": 12, "width": 12, "heads": 3, "layers": 2, "ffn_width": 20,
        "causal": False, "attention": "linformer", "k": 4, "sharing": "headwise", "projection": "linear", "norm": "pre",
        "activation": "gelu", "tie_embeddings": False, "dropout": 0.0, "classes": 0}


def configurations():
    """(changes to BASE, n', padding: none | end | anywhere | row)"""
    sharings = ("none", "headwise", "key-value", "layerwise")
    lengths = itertools.cycle([(12, "none"), (9, "end"), (12, "anywhere"), (7, "none"), (12, "end"), (1, "none"), (11, "row")])
    norms = itertools.cycle(["pre", "post", "pre"])
    ties = itertools.cycle([False, True])
    for projection in ("linear", "random", "mean", "max", "conv"):
        for sharing in sharings:
            for _ in range(2):
                yield {"projection": projection, "sharing": sharing, "norm": next(norms), "tie_embeddings": next(ties)}, *next(lengths)
    for projection in ("linear", "random"):
        for sharing in sharings:
            for window in (0, 3):
                changes = {"projection": projection, "sharing": sharing, "norm": next(norms), "tie_embeddings": next(ties),
                           "causal": True}
                yield {**changes, **({"window": window} if window else {})}, *next(lengths)
    for causal in (False, True):
        for length, padding in ((12, "none"), (9, "end"), (12, "anywhere"), (11, "row")):
            yield {"attention": "full", "causal": causal, "norm": next(norms)}, length, padding
    by_head = [[1, 2, 3], [12, 5, 4]]
    for changes in ({"k": [5, 2]}, {"k": [5, 2], "sharing": "key-value"}, {"k": by_head, "sharing": "none"},
                    {"k": by_head, "sharing": "none", "causal": True}, {"k": [[3, 4, 6], [12, 1, 2]], "sharing": "none", "projection": "conv"},
                    {"k": [[3, 4, 6], [12, 1, 2]], "sharing": "none", "projection": "max"}, {"k": 5, "causal": True, "window": 12}):
        yield changes, *next(lengths)
    for projection in ("linear", "mean", "max", "conv"):  # k does not divide n
        yield {"length": 11, "projection": projection}, 11, "none"
        yield {"length": 11, "projection": projection}, 10, "end"
    for sharing in sharings:
        yield {"rescale": True, "sharing": sharing}, *next(lengths)


def draw(config, length, padding, generator):
    """Weights at no special point (every gain and bias random), tokens, mask and targets."""
    shapes, fixed = reference.shapes_of(config)
    weights = {}
    for name, shape in shapes.items():
        weights[name] = torch.randn(shape, generator=generator) * (0.5 if len(shape) == 1 else 0.4)
        if name.endswith("norm.weight") or ".norm1.weight" in name or ".norm2.weight" in name:
            weights[name] += 1
    B, V = 3, config["vocab_size"]
    batch = {"tokens": torch.randint(V, (B, length), generator=generator),
             "targets": torch.randint(V, (B, length), generator=generator)}
    real = torch.ones(B, length, dtype=torch.bool)
    if padding == "end":
        for row in range(B):
            real[row, max(1, length - 4 * row):] = False
    elif padding == "anywhere":
        real = torch.rand(B, length, generator=generator) < 0.6
    elif padding == "row":
        real[1] = False
    batch["targets"][~real | (torch.rand(B, length, generator=generator) < 0.3)] = -100
    if (batch["targets"] == -100).all():
        batch["targets"][0, 0] = 1
    if padding != "none":
        batch["mask"] = real.long()
    return weights, fixed, batch, real


def apart(ours, theirs, scale):
    return float((ours.double() - theirs.double()).abs().max()) / scale


def compare(evaluate, directory, changes, length, padding, seed):
    """The worst difference in double and in float, each relative to the largest entry of its tensor."""
    config = {**BASE, **changes}
    weights, fixed, batch, real = draw(config, length, padding, torch.Generator().manual_seed(seed))
    (directory / "config.json").write_text(json.dumps(config))
    reference.write_tensors(directory / "model.safetensors", weights)
    reference.write_tensors(directory / "in.safetensors", batch)
    weights = {name: w.double().requires_grad_(name not in fixed) for name, w in weights.items()}
    expected = {"logits": reference.logits(config, weights, batch["tokens"], real)}
    expected["loss"] = reference.loss(expected["logits"], batch["targets"])
    expected["loss"].backward()
    for name, weight in weights.items():
        if name not in fixed:
            expected["gradient." + name] = torch.zeros_like(weight) if weight.grad is None else weight.grad
    # a gradient that is 0 in exact arithmetic (of the key's bias) is held to the scale of the largest one
    floor = 1e-2 * max(float(x.abs().max()) for name, x in expected.items() if name.startswith("gradient."))
    worst = []
    for options in (["--double"], []):
        out = directory / "out.safetensors"
        subprocess.run([evaluate, "--model", directory, "--tokens", directory / "in.safetensors", "--out", out, "--gradients",
                        "--threads", "1", *options], check=True)
        ours = reference.read_tensors(out)
        if set(ours) != set(expected):
            raise SystemExit(f"{changes}: other tensors: {sorted(set(ours) ^ set(expected))}")
        differences = {}
        for name, theirs in expected.items():
            mine, theirs = ours[name], theirs.detach()
            if name == "logits":  # of real positions
                mine, theirs = mine[real], theirs[real]
            scale = max(float(theirs.abs().max()), floor if name.startswith("gradient.") else 1e-30)
            differences[name] = apart(mine, theirs, scale)
        name = max(differences, key=differences.get)
        worst.append((differences[name], name))
    return worst


def main():
    torch.set_num_threads(1)
    evaluate, failed, counted, largest = sys.argv[1], 0, 0, [0.0, 0.0]
    for seed, (changes, length, padding) in enumerate(configurations()):
        with tempfile.TemporaryDirectory() as directory:
            worst = compare(evaluate, pathlib.Path(directory), changes, length, padding, seed)
        right = worst[0][0] <= 1e-10 and worst[1][0] <= 1e-4
        counted, failed = counted + 1, failed + (not right)
        largest = [max(a, b[0]) for a, b in zip(largest, worst)]
        print("ok  " if right else "FAIL", f"double {worst[0][0]:.1e} float {worst[1][0]:.1e}", f"n' {length} padding {padding}",
              changes, "" if right else worst)
    print(f"{counted} configurations, {failed} apart; worst in double {largest[0]:.1e}, in float {largest[1]:.1e}")
    sys.exit(failed > 0 or counted < 60)


main()

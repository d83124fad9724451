#!/usr/bin/python3
"""bench_step and PyTorch on the same work, by turns: medians, ratios, peak memory. Needs python3-torch.

    compare.py [--repeats N] [CONFIGURATION...]      build/release/bin/bench_step must be built
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

BENCH_STEP = pathlib.Path(__file__).parents[2] / "build/release/bin/bench_step"
LONG = ["--length", "1024", "--batch", "4"]
CONFIGURATIONS = {  # name: steps (the slow ones few), options of bench_step
    "small": (60, ["--length", "64", "--k", "16", "--width", "64", "--heads", "2", "--layers", "2", "--vocab", "96", "--batch", "16"]),
    "default": (20, []),
    "forward": (30, ["--mode", "forward"]),
    "1024": (20, [*LONG, "--k", "64"]),
    "1024-full": (3, [*LONG, "--attention", "full"]),
    "1024-full-causal": (3, [*LONG, "--attention", "full", "--causal"]),
    "4096": (20, ["--length", "4096", "--batch", "1", "--k", "64"]),
    "4096-full": (2, ["--length", "4096", "--batch", "1", "--attention", "full"]),
    "large": (4, ["--length", "512", "--k", "128", "--width", "256", "--heads", "8", "--layers", "6", "--vocab", "4096", "--batch", "8"]),
}
CORES = len(os.sched_getaffinity(0))
# of PyTorch's own loops, of its BLAS: its best setting counts
THREADS = [(1, CORES), (CORES, 1), (1, 1)]


def peer(arguments):
    """The same configuration in PyTorch, eager, with Adam: one line of JSON."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="train")
    parser.add_argument("--attention", default="linformer")
    parser.add_argument("--causal", action="store_true")
    for name, value in dict(length=128, k=32, width=128, heads=4, layers=4, vocab=1024, batch=32, steps=20, threads=1).items():
        parser.add_argument("--" + name, type=int, default=value)
    c = parser.parse_args(arguments)
    torch.set_num_threads(c.threads)
    n, d, h = c.length, c.width, c.heads

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key, self.value, self.output = (nn.Linear(d, d) for _ in range(4))
            if c.attention == "linformer":
                self.E, self.F = (nn.Parameter(torch.randn(c.k, n) / c.k**0.5) for _ in "EF")
            self.register_buffer("future", torch.ones(n, n, dtype=torch.bool).triu(1) if c.causal else None)

        def forward(self, x):
            q, k, v = self.query(x), self.key(x), self.value(x)
            if c.attention == "linformer":
                k, v = self.E @ k, self.F @ v
            q, k, v = (t.unflatten(-1, (h, d // h)).transpose(1, 2) for t in (q, k, v))
            scores = q @ k.transpose(-1, -2) * (d // h) ** -0.5
            if c.causal:
                scores = scores.masked_fill(self.future, float("-inf"))
            return self.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2, self.attention = nn.LayerNorm(d), nn.LayerNorm(d), Attention()
            self.feed_forward = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.feed_forward(self.norm2(x))

    token, position = nn.Embedding(c.vocab, d), nn.Parameter(0.02 * torch.randn(n, d))
    body = nn.Sequential(*(Block() for _ in range(c.layers)), nn.LayerNorm(d), nn.Linear(d, c.vocab))
    adam = torch.optim.Adam([*token.parameters(), position, *body.parameters()], 1e-3)
    tokens, targets = torch.randint(c.vocab, (c.batch, n)), torch.randint(c.vocab, (c.batch, n))
    times = []
    for _ in range(c.steps + 3):
        start = time.perf_counter()
        with torch.set_grad_enabled(c.mode == "train"):
            loss = F.cross_entropy(body(token(tokens) + position).flatten(0, 1), targets.flatten())
        if c.mode == "train":
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
        times.append(1e3 * (time.perf_counter() - start))
    print(json.dumps({"median_ms": statistics.median(times[3:]),
                      "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def measured(command, environment=None):
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})})
    return json.loads(result.stdout)


def compare(name, repeats):
    steps, options = CONFIGURATIONS[name]
    ours, theirs = [], {threads: [] for threads in THREADS}
    for _ in range(repeats):
        for loops, blas in THREADS:
            ours.append(measured([BENCH_STEP, *options, "--steps", str(2 * steps), "--threads", str(CORES)]))
            environment = {"OPENBLAS_NUM_THREADS": str(blas), "OMP_WAIT_POLICY": "passive"}
            theirs[loops, blas].append(measured([sys.executable, __file__, "--peer", *options, "--steps", str(steps),
                                                 "--threads", str(loops)], environment))
    median = lambda runs, key: statistics.median(run[key] for run in runs)
    best = min(theirs.values(), key=lambda runs: median(runs, "median_ms"))
    mine, other = (median(runs, "median_ms") for runs in (ours, best))
    memory, other_memory = (median(runs, "peak_rss_mb") for runs in (ours, best))
    print(f"| {name} | {mine:.1f} | {median(ours, 'gflops'):.0f} | {other:.1f} | 1 / {other / mine:.2f} |"
          f" {memory:.0f} | {other_memory:.0f} | 1 / {other_memory / memory:.1f} |", flush=True)


def main():
    if sys.argv[1:2] == ["--peer"]:
        return peer(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="CONFIGURATION", help=", ".join(CONFIGURATIONS) + "; none: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CONFIGURATIONS):
        parser.error(f"no such configuration: {', '.join(sorted(unknown))}")
    print("| | taper ms | GFLOP/s | PyTorch ms | time | taper MB | PyTorch MB | memory |\n|---|---|---|---|---|---|---|---|")
    for name in arguments.names or CONFIGURATIONS:
        compare(name, arguments.repeats)


if __name__ == "__main__":
    main()

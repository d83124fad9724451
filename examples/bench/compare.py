#!/usr/bin/python3
"""bench_step and PyTorch on the same work, by turns: medians, ratios, peak memory. Needs
python3-torch.

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
SMALL = ["--length", "64", "--k", "16", "--width", "64", "--heads", "2", "--layers", "2",
         "--vocab", "96", "--batch", "16"]
LARGE = ["--length", "512", "--k", "128", "--width", "256", "--heads", "8", "--layers", "6",
         "--vocab", "4096", "--batch", "8"]
CONFIGURATIONS = {  # name: steps (the slow ones few), options of bench_step
    "small": (60, SMALL),
    "default": (20, []),
    "forward": (30, ["--mode", "forward"]),
    "1024": (20, [*LONG, "--k", "64"]),
    "1024-full": (3, [*LONG, "--attention", "full"]),
    "1024-full-causal": (3, [*LONG, "--attention", "full", "--causal"]),
    "4096": (20, ["--length", "4096", "--batch", "1", "--k", "64"]),
    "4096-full": (2, ["--length", "4096", "--batch", "1", "--attention", "full"]),
    "large": (4, LARGE),
}
DEFAULTS = {"length": 128, "k": 32, "width": 128, "heads": 4, "layers": 4, "vocab": 1024,
            "batch": 32, "steps": 20, "threads": 1}
WARM_UP = 3  # steps whose time does not count
CORES = len(os.sched_getaffinity(0))
# Of PyTorch's own loops, and of its BLAS. Its best setting counts.
THREADS = [(1, CORES), (CORES, 1), (1, 1)]


def peer_options(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="train")
    parser.add_argument("--attention", default="linformer")
    parser.add_argument("--causal", action="store_true")
    for name, value in DEFAULTS.items():
        parser.add_argument("--" + name, type=int, default=value)
    return parser.parse_args(arguments)


def peer(arguments):
    """The same configuration in PyTorch, eager, with Adam: one line of JSON."""
    import torch
    from torch import nn
    from torch.nn import functional

    c = peer_options(arguments)
    torch.set_num_threads(c.threads)
    n = c.length
    d = c.width
    d_h = d // c.heads

    def heads_apart(x):
        return x.unflatten(-1, (c.heads, d_h)).transpose(1, 2)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query = nn.Linear(d, d)
            self.key = nn.Linear(d, d)
            self.value = nn.Linear(d, d)
            self.output = nn.Linear(d, d)
            if c.attention == "linformer":
                self.E = nn.Parameter(torch.randn(c.k, n) / c.k**0.5)
                self.F = nn.Parameter(torch.randn(c.k, n) / c.k**0.5)
            future = torch.ones(n, n, dtype=torch.bool).triu(1) if c.causal else None
            self.register_buffer("future", future)

        def forward(self, x):
            q = self.query(x)
            k = self.key(x)
            v = self.value(x)
            if c.attention == "linformer":
                k = self.E @ k
                v = self.F @ v
            q = heads_apart(q)
            k = heads_apart(k)
            v = heads_apart(v)
            scores = q @ k.transpose(-1, -2) * d_h**-0.5
            if c.causal:
                scores = scores.masked_fill(self.future, float("-inf"))
            return self.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(d)
            self.norm2 = nn.LayerNorm(d)
            self.attention = Attention()
            self.feed_forward = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.feed_forward(self.norm2(x))

    token = nn.Embedding(c.vocab, d)
    position = nn.Parameter(0.02 * torch.randn(n, d))
    blocks = [Block() for _ in range(c.layers)]
    body = nn.Sequential(*blocks, nn.LayerNorm(d), nn.Linear(d, c.vocab))
    adam = torch.optim.Adam([*token.parameters(), position, *body.parameters()], 1e-3)
    tokens = torch.randint(c.vocab, (c.batch, n))
    targets = torch.randint(c.vocab, (c.batch, n))

    def forward():  # by itself, so that the logits are released before the backward pass
        logits = body(token(tokens) + position)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def step():
        with torch.set_grad_enabled(c.mode == "train"):
            loss = forward()
        if c.mode == "train":
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    times = []
    for _ in range(WARM_UP + c.steps):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"median_ms": statistics.median(times[WARM_UP:]),
                      "peak_rss_mb": kilobytes // 1024}))


def measured(command, **environment):
    """What the command prints, one line of JSON."""
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE,
                            env={**os.environ, **environment})
    return json.loads(result.stdout)


def measured_taper(steps, options):
    return measured([BENCH_STEP, *options, "--steps", str(steps), "--threads", str(CORES)])


def measured_peer(steps, options, loops, blas):
    command = [sys.executable, __file__, "--peer", *options, "--steps", str(steps),
               "--threads", str(loops)]
    return measured(command, OPENBLAS_NUM_THREADS=str(blas), OMP_WAIT_POLICY="passive")


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def compare(name, repeats):
    """Prints a row of the table."""
    steps, options = CONFIGURATIONS[name]
    taper = []
    peers = {threads: [] for threads in THREADS}
    for _ in range(repeats):
        for loops, blas in THREADS:
            taper.append(measured_taper(2 * steps, options))
            peers[loops, blas].append(measured_peer(steps, options, loops, blas))
    pytorch = min(peers.values(), key=lambda runs: median(runs, "median_ms"))
    taper_ms = median(taper, "median_ms")
    pytorch_ms = median(pytorch, "median_ms")
    taper_mb = median(taper, "peak_rss_mb")
    pytorch_mb = median(pytorch, "peak_rss_mb")
    print(f"| {name} | {taper_ms:.1f} | {median(taper, 'gflops'):.0f} | {pytorch_ms:.1f} |"
          f" 1 / {pytorch_ms / taper_ms:.2f} | {taper_mb:.0f} | {pytorch_mb:.0f} |"
          f" 1 / {pytorch_mb / taper_mb:.1f} |", flush=True)


def main():
    if sys.argv[1:2] == ["--peer"]:
        return peer(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="CONFIGURATION",
                        help=", ".join(CONFIGURATIONS) + "; none: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CONFIGURATIONS):
        parser.error(f"no such configuration: {', '.join(sorted(unknown))}")
    print("| | taper ms | GFLOP/s | PyTorch ms | time | taper MB | PyTorch MB | memory |")
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.names or CONFIGURATIONS:
        compare(name, arguments.repeats)


if __name__ == "__main__":
    main()

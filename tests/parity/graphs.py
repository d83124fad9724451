"""Random graphs of ops in taper against other engines: every value and every gradient.

    graphs.py GRAPH_RUNNER [--seed S] [--graphs N | --seconds T] [--first I]     exit 0: all agree

The engines are numpy_engine.py and, where it is installed, PyTorch's autograd; they are compared
with each other, too. taper runs in double and float, on 1 and 3 threads, which must give the same
bits. The same seed gives the same graphs.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

import generator
from comparison import LIMIT, apart, largest, other_engines
from numpy_engine import Numpy
from tensors import read_tensors, write_tensors

KINDS = ("double", "float")
RUNS = [(kind, threads, keep) for kind in KINDS for threads,
        keep in ((1, "everything"), (3, "nothing"))]
BATCH = 10


def declared_ops():
    """The names in core/ops.hpp; those of its namespace composed as composed::softmax."""
    names, prefix = set(), ""
    header = pathlib.Path(__file__).resolve().parents[2] / "core" / "ops.hpp"
    for line in header.read_text().splitlines():
        if line.startswith("namespace composed"):
            prefix = "composed::"
        if line.startswith("}"):
            prefix = ""
        found = re.search(r"^(?:template <class T>)?\s*Var<T> (\w+)\(", line)
        if found:
            names.add(prefix + found[1])
    return names


def ops_to_draw(runner):
    known = set(subprocess.run([runner], check=True, capture_output=True, text=True).stdout.split())
    declared = declared_ops()
    drawn = {op for op in known if op.removeprefix("composed::") in generator.DRAW}
    for where, missing in (("graph_runner.cpp", declared - known),
                           ("generator.py", declared - drawn)):
        if missing:
            raise SystemExit(f"ops that {where} does not have: {sorted(missing)}")
    return sorted(known)


class Worst:
    """Largest error by op, and how often each op was there."""

    def __init__(self):
        self.by_op, self.arrays, self.shapes = collections.defaultdict(float), 0, set()
        self.counted = collections.Counter()

    def see(self, op, what, kind, error):
        self.by_op[op, what, kind] = max(self.by_op[op, what, kind], error)

    def of(self, what, kind):
        return max((error for (_, *key), error in self.by_op.items() if key == [what, kind]),
                   default=0.0)


class Check:
    """One graph: what is expected, and what is wrong with each engine's results."""

    def __init__(self, graph, engines, worst):
        self.graph, self.worst, self.problems = graph, worst, []
        self.values = [node.value for node in graph.nodes]
        self.gradients = graph.gradients(graph.engine, graph.nodes)
        # One that is 0 in exact arithmetic (of scores of one key) is held to the largest one.
        self.floor = 0.1 * max(map(largest, [*self.gradients.values(), *graph.cotangents]))
        single = Numpy(np.float32)
        nodes = graph.run(single)
        self.rounded = [node.value for node in nodes]
        # The largest value that each was made of: the variance of equal numbers is 0, but for
        # rounding.
        self.terms = [largest(value[np.isfinite(value)]) for value in self.values]
        for i, step in enumerate(graph.description["steps"], len(graph.kinds)):
            self.terms[i] = max(self.terms[x] for x in [i, *step["inputs"]])
        self.rounded_gradients = graph.gradients(single, nodes)
        self.users = collections.defaultdict(list)
        for i, step in enumerate(graph.description["steps"], len(graph.kinds)):
            for x in step["inputs"]:
                self.users[x].append(i)
        for engine in engines:
            nodes = graph.run(engine)
            self.values_of(engine.name, "double",
                           {i: engine.value(x) for i,
                            x in enumerate(nodes) if i >= len(graph.kinds)})
            self.gradients_of(engine.name, "double", graph.gradients(engine, nodes))
        worst.shapes.update(node.shape for node in graph.nodes)
        worst.counted.update(node.op for node, _ in graph.steps)

    def op(self, i):
        return self.graph.nodes[i].op

    def values_of(self, engine, kind, found):
        for i, ours in sorted(found.items()):
            error = apart(ours, self.values[i], self.rounded[i], terms=self.terms[i])
            self.note(engine, kind, "value", [self.op(i)], i, error)

    def gradients_of(self, engine, kind, found):
        for i, ours in sorted(found.items(), reverse=True):
            error = apart(ours, self.gradients[i], self.rounded_gradients[i], self.floor)
            self.note(engine, kind, "gradient", [self.op(user) for user in self.users[i]], i, error)

    def note(self, engine, kind, what, ops, i, error):
        self.worst.arrays += engine == "taper"
        for op in ops:
            self.worst.see(op if engine == "taper" else engine, what, kind, error)
        if not error <= LIMIT[kind if engine == "taper" else engine]:
            self.problems.append((engine,
                                  f"{engine} in {kind}: {what} of node {i} {self.graph.nodes[i].shape}: {error:.1e}; "
                                  f"{'made' if what == 'value' else 'used'} by {', '.join(ops) or 'no op: it is an output'}"))

    def taper(self, runs):
        """runs: (kind, threads, keep) -> node arrays of this graph, by (what, node)."""
        for kind in KINDS:
            everything, least = (runs[run] for run in RUNS if run[0] == kind)
            self.values_of("taper", kind,
                           {i: x for (what, i), x in everything.items() if what == "value"})
            found = {i: x for (what, i), x in everything.items() if what == "gradient"}
            for i in sorted(set(found) - set(self.gradients)):
                self.problems.append(("taper",
                                      f"taper in {kind}: a gradient of node {i}, which is not trained"))
                del found[i]
            for i in set(self.gradients) - set(found):
                found[i] = np.zeros(self.values[i].shape)
            self.gradients_of("taper", kind, found)
            for (what, i), x in least.items():
                if everything[what, i].tobytes() != x.tobytes():
                    self.problems.append(("taper",
                                          f"taper in {kind}: {what} of node {i} on 3 threads: other bits"))


def run_taper(runner, directory, graphs):
    (directory / "graphs.json").write_text(json.dumps([graph.description for graph in graphs]))
    write_tensors(directory / "in.safetensors",
                  {k: v for graph in graphs for k, v in graph.tensors.items()})
    results = {}
    for run in RUNS:
        kind, threads, keep = run
        out = directory / "out.safetensors"
        command = [runner, directory / "graphs.json", directory / "in.safetensors", out, kind,
                   str(threads), keep]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{kind}, {threads} threads: exit {done.returncode}: {done.stderr.strip()[-2000:]}"
        results[run] = collections.defaultdict(dict)
        for name, array in read_tensors(out).items():
            graph, what, node = name.split("/")
            results[run][graph][what, int(node)] = array
    return results


def described(graph):
    for i, kind in enumerate(graph.kinds):
        yield f"    {i} {kind} {graph.nodes[i].shape}"
    for i, step in enumerate(graph.description["steps"], len(graph.kinds)):
        mark = f" output {graph.outputs.index(i)}" if i in graph.outputs else ""
        yield f"    {i} {step['op']}{tuple(step['inputs'])} {step['arguments']} -> {graph.nodes[i].shape}{mark}"
    yield f"    backward: {graph.passes}"


def failure(graph, problems, again):
    print(f"FAIL graph {graph.name}")
    for text in problems[:12]:
        print("  " + text)
    print(*described(graph), sep="\n")
    print(f"  again: {again} --first {graph.name} --graphs 1", flush=True)


def batch(runner, seed, numbers, ops, engines, worst, again):
    """The numbers of the graphs that failed."""
    graphs = [generator.graph(seed, number, ops) for number in numbers]
    with tempfile.TemporaryDirectory() as directory:
        results = run_taper(runner, pathlib.Path(directory), graphs)
    if isinstance(results, str):
        if len(numbers) > 1:
            return [bad for n in numbers for bad in batch(runner, seed, [n], ops, engines, worst,
                                                          again)]
        failure(graphs[0], [results], again)
        return numbers
    failed = []
    for graph in graphs:
        check = Check(graph, engines, worst)
        check.taper({run: results[run][graph.name] for run in RUNS})
        if check.problems:
            failure(graph, [text for _, text in check.problems], again)
            failed.append(graph.name)
    return failed


def report(worst):
    for op in sorted({op for op, _, _ in worst.by_op}):
        line = f"{op:28} {worst.counted[op]:5}"
        for kind in KINDS:
            value, gradient = (worst.by_op.get((op, what, kind), 0) for what in ("value", "gradient"))
            line += f"  {kind} {value:7.1e} {gradient:7.1e}"
        print(line)
    print("largest shapes:", *sorted(worst.shapes, key=lambda shape: -np.prod(shape,
                                                                              dtype=float))[:5])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--graphs", type=int)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    engines = other_engines()
    ops, worst, failed = ops_to_draw(options.runner), Worst(), []
    number, start = options.first, time.monotonic()
    again = f"{sys.executable} {sys.argv[0]} {shutil.which(options.runner)} --seed {options.seed}"
    against = " and ".join(["numpy", *(engine.name for engine in engines)])
    print(f"seed {options.seed}, {len(ops)} ops, against {against}", flush=True)
    last = options.first + options.graphs if options.graphs else sys.maxsize
    # Without a number of graphs each op has been the first of one, and then the time counts.
    least, end = options.first + len(ops), start + options.seconds
    while number < last and (options.graphs or number < least or time.monotonic() < end):
        numbers = list(range(number, min(number + BATCH, last)))
        failed += batch(options.runner, options.seed, numbers, ops, engines, worst, again)
        number = numbers[-1] + 1
    report(worst)
    largest_errors = ", ".join(f"{what} in {kind} {worst.of(what, kind):.1e}"
                               for kind in KINDS for what in ("value", "gradient"))
    print(f"{number - options.first} graphs, {worst.arrays} arrays, {len(failed)} graphs apart, "
          f"seed {options.seed}; worst {largest_errors}"
          + f"; {time.monotonic() - start:.0f} s")
    sys.exit(len(failed) > 0)


main()

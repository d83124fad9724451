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
# Of graph_runner: the threads, and which values and gradients are kept.
SETTINGS = ((1, "everything"), (3, "nothing"))
RUNS = [(kind, *setting) for kind in KINDS for setting in SETTINGS]
BATCH = 10
MOST_PROBLEMS = 12  # printed of one graph


# ---- which ops there are

def declared_ops():
    """The names in core/ops.hpp; those of its namespace composed as composed::softmax."""
    header = pathlib.Path(__file__).resolve().parents[2] / "core" / "ops.hpp"
    names = set()
    prefix = ""
    for line in header.read_text().splitlines():
        if line.startswith("namespace composed"):
            prefix = "composed::"
        if line.startswith("}"):
            prefix = ""
        declaration = re.search(r"^(?:template <class T>)?\s*Var<T> (\w+)\(", line)
        if declaration:
            names.add(prefix + declaration[1])
    return names


def require_none(missing, file):
    if missing:
        raise SystemExit(f"ops that {file} does not have: {sorted(missing)}")


def ops_to_draw(runner):
    listing = subprocess.run([runner], check=True, capture_output=True, text=True)
    known = set(listing.stdout.split())
    drawn = {op for op in known if generator.plain_name(op) in generator.DRAW}
    declared = declared_ops()
    require_none(declared - known, "graph_ops.hpp")
    require_none(declared - drawn, "drawn_ops.py")
    return sorted(known)


# ---- what is compared

class Worst:
    """Over all graphs: the largest error by op, and how often each op was there."""

    def __init__(self):
        self.errors = collections.defaultdict(float)  # by (op or other engine, what, kind)
        self.counts = collections.Counter()
        self.arrays = 0
        self.shapes = set()

    def see(self, op, what, kind, error):
        self.errors[op, what, kind] = max(self.errors[op, what, kind], error)

    def error(self, what, kind):
        """The largest of all ops."""
        errors = [error for (_, *key), error in self.errors.items() if key == [what, kind]]
        return max(errors, default=0.0)


class Check:
    """One graph: what is expected, and what is wrong with each engine's results."""

    def __init__(self, graph, engines, worst):
        self.graph = graph
        self.worst = worst
        self.problems = []

        # What is expected: the numpy engine in double. Its own rounding in float is a measure of
        # what taper's may be.
        self.values = [node.value for node in graph.nodes]
        self.gradients = graph.gradients(graph.engine, graph.nodes)
        single = Numpy(np.float32)
        single_nodes = graph.run(single)
        self.rounded_values = [node.value for node in single_nodes]
        self.rounded_gradients = graph.gradients(single, single_nodes)

        # A gradient that is 0 in exact arithmetic (of scores of one key) is held to the largest.
        self.floor = 0.1 * max(map(largest, [*self.gradients.values(), *graph.cotangents]))
        # The largest value that each was made of: the variance of equal numbers is 0, but for
        # rounding.
        self.terms = [largest(value[np.isfinite(value)]) for value in self.values]
        self.users = collections.defaultdict(list)
        for i, step in graph.numbered_steps():
            self.terms[i] = max(self.terms[x] for x in [i, *step["inputs"]])
            for x in step["inputs"]:
                self.users[x].append(i)

        for engine in engines:
            self.compare_engine(engine)
        worst.shapes.update(node.shape for node in graph.nodes)
        worst.counts.update(node.op for node in graph.steps)

    def compare_engine(self, engine):
        nodes = self.graph.run(engine)
        values = {i: engine.value(nodes[i]) for i, _ in self.graph.numbered_steps()}
        self.compare_values(engine.name, "double", values)
        self.compare_gradients(engine.name, "double", self.graph.gradients(engine, nodes))

    def compare_taper(self, runs):
        """runs: (kind, threads, keep) -> node arrays of this graph, by (what, node)."""
        for kind in KINDS:
            everything, least = (runs[(kind, *setting)] for setting in SETTINGS)
            values = {i: x for (what, i), x in everything.items() if what == "value"}
            gradients = {i: x for (what, i), x in everything.items() if what == "gradient"}
            self.compare_values("taper", kind, values)
            for i in sorted(set(gradients) - set(self.gradients)):
                self.problem(f"taper in {kind}: a gradient of node {i}, which is not trained")
                del gradients[i]
            for i in set(self.gradients) - set(gradients):
                gradients[i] = np.zeros(self.values[i].shape)
            self.compare_gradients("taper", kind, gradients)
            for (what, i), x in least.items():
                if everything[what, i].tobytes() != x.tobytes():
                    self.problem(f"taper in {kind}: {what} of node {i} on 3 threads: other bits")

    def compare_values(self, engine, kind, values):
        for i, value in sorted(values.items()):
            error = apart(value, self.values[i], self.rounded_values[i], terms=self.terms[i])
            self.note(engine, kind, "value", i, error, [self.op(i)])

    def compare_gradients(self, engine, kind, gradients):
        for i, gradient in sorted(gradients.items(), reverse=True):
            error = apart(gradient, self.gradients[i], self.rounded_gradients[i], self.floor)
            self.note(engine, kind, "gradient", i, error, [self.op(user) for user in self.users[i]])

    def note(self, engine, kind, what, i, error, ops):
        """An error of node i. Its cause is one of `ops`: what made its value, or used it."""
        is_taper = engine == "taper"
        self.worst.arrays += is_taper
        for op in ops:
            self.worst.see(op if is_taper else engine, what, kind, error)
        limit = LIMIT[kind if is_taper else engine]
        if not error <= limit:  # NaN, too
            relation = "made" if what == "value" else "used"
            causes = ", ".join(ops) or "no op: it is an output"
            self.problem(f"{engine} in {kind}: {what} of node {i} {self.graph.nodes[i].shape}: "
                         f"{error:.1e}; {relation} by {causes}")

    def op(self, i):
        return self.graph.nodes[i].op

    def problem(self, text):
        self.problems.append(text)


# ---- running taper

def run_taper(runner, directory, graphs):
    """run -> name of the graph -> arrays by (what, node), or what went wrong, as a text."""
    description = directory / "graphs.json"
    inputs = directory / "in.safetensors"
    out = directory / "out.safetensors"
    description.write_text(json.dumps([graph.description for graph in graphs]))
    write_tensors(inputs, {name: x for graph in graphs for name, x in graph.tensors.items()})
    results = {}
    for run in RUNS:
        kind, threads, keep = run
        command = [runner, description, inputs, out, kind, str(threads), keep]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            message = done.stderr.strip()[-2000:]
            return f"{kind}, {threads} threads: exit {done.returncode}: {message}"
        results[run] = collections.defaultdict(dict)
        for name, array in read_tensors(out).items():
            graph, what, node = name.split("/")
            results[run][graph][what, int(node)] = array
    return results


def described(graph):
    for i, kind in enumerate(graph.kinds):
        yield f"    {i} {kind} {graph.nodes[i].shape}"
    for i, step in graph.numbered_steps():
        call = f"{step['op']}{tuple(step['inputs'])} {step['arguments']}"
        mark = f" output {graph.outputs.index(i)}" if i in graph.outputs else ""
        yield f"    {i} {call} -> {graph.nodes[i].shape}{mark}"
    yield f"    backward: {graph.passes}"


def print_failure(graph, problems, again):
    print(f"FAIL graph {graph.name}")
    for text in problems[:MOST_PROBLEMS]:
        print("  " + text)
    print(*described(graph), sep="\n")
    print(f"  again: {again} --first {graph.name} --graphs 1", flush=True)


def failed_graphs(runner, seed, numbers, ops, engines, worst, again):
    """Those of these numbers, in one run of taper; each alone where that run fails."""
    graphs = [generator.graph(seed, number, ops) for number in numbers]
    with tempfile.TemporaryDirectory() as directory:
        results = run_taper(runner, pathlib.Path(directory), graphs)
    failed = []
    if isinstance(results, str):
        if len(numbers) == 1:
            print_failure(graphs[0], [results], again)
            return numbers
        for number in numbers:
            failed += failed_graphs(runner, seed, [number], ops, engines, worst, again)
        return failed
    for graph in graphs:
        check = Check(graph, engines, worst)
        check.compare_taper({run: results[run][graph.name] for run in RUNS})
        if check.problems:
            print_failure(graph, check.problems, again)
            failed.append(graph.name)
    return failed


# ---- the program

def print_worst(worst):
    for op in sorted({op for op, _, _ in worst.errors}):
        line = f"{op:28} {worst.counts[op]:5}"
        for kind in KINDS:
            value = worst.errors.get((op, "value", kind), 0)
            gradient = worst.errors.get((op, "gradient", kind), 0)
            line += f"  {kind} {value:7.1e} {gradient:7.1e}"
        print(line)
    by_size = sorted(worst.shapes, key=lambda shape: -np.prod(shape, dtype=float))
    print("largest shapes:", *by_size[:5])


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--graphs", type=int)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0)
    return parser.parse_args()


def main():
    options = read_options()
    warnings.simplefilter("ignore")
    engines = other_engines()
    ops = ops_to_draw(options.runner)
    again = f"{sys.executable} {sys.argv[0]} {shutil.which(options.runner)} --seed {options.seed}"
    against = " and ".join(["numpy", *(engine.name for engine in engines)])
    print(f"seed {options.seed}, {len(ops)} ops, against {against}", flush=True)

    worst = Worst()
    failed = []
    number = options.first
    start = time.monotonic()
    end = start + options.seconds
    last = options.first + options.graphs if options.graphs else sys.maxsize
    # Without a number of graphs each op has been the first of one, and then the time counts.
    least = options.first + len(ops)
    while number < last and (options.graphs or number < least or time.monotonic() < end):
        numbers = list(range(number, min(number + BATCH, last)))
        failed += failed_graphs(options.runner, options.seed, numbers, ops, engines, worst, again)
        number = numbers[-1] + 1

    print_worst(worst)
    errors = ", ".join(f"{what} in {kind} {worst.error(what, kind):.1e}"
                       for kind in KINDS for what in ("value", "gradient"))
    print(f"{number - options.first} graphs, {worst.arrays} arrays, {len(failed)} graphs apart, "
          f"seed {options.seed}; worst {errors}; {time.monotonic() - start:.0f} s")
    sys.exit(len(failed) > 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Which small changes of the sources do the tests not notice?

    sh tests/mutations/run.sh                    all of mutations.txt; prints what survives
    sh tests/mutations/run.sh --only 17,40-52    these alone
    sh tests/mutations/run.sh --list             their numbers, without building anything
    sh tests/mutations/run.sh --named            faster: without what other tests would notice

All changes are compiled in at once, each behind a switch that the environment variable
TAPER_MUTATION sets when a program starts: an expression E becomes
(taper_mutation == 17 ? changed : E), a statement an if with both. So there is one build, in
build/mutations, and one run of the tests for each change: first the tests that are named for its
file, and where they pass, all the others. A change that ends a program, or hangs it, is noticed
too.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutations"
SECONDS = 300  # the least limit of one run of the tests; it is more where the machine is slow


class Mutation:
    def __init__(self, number, file, tests, anchor, before, after, reason):
        self.number = number
        self.file = file
        self.tests = tests
        self.anchor = anchor
        self.before = before
        self.after = after
        self.equivalent = reason  # why no test can notice it, or ""
        # where `before` is in the text of the file: locate finds it
        self.begin = None
        self.end = None
        self.line = None

    def __str__(self):
        return f"{self.number:3} {self.file}:{self.line}: {self.before} ==> {self.after}"


LINE = re.compile(r"(?:\[\[(?P<anchor>.*?)\]\] )?(?P<before>.*?) ==> (?P<after>.*)")


def read_list(path):
    mutations = []
    file = None
    tests = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            file, _, tests = line.partition(" : ")
            tests = tests.split()
            continue
        text, _, reason = line.strip().partition("  ## equivalent: ")
        match = LINE.fullmatch(text)
        if not match or not file:
            sys.exit(f"{path}:{number}: a line must be [[anchor]] before ==> after: {line}")
        mutations.append(Mutation(len(mutations) + 1, file, tests, match["anchor"], match["before"],
                                  match["after"], reason))
    return mutations


def anywhere_broken(line):
    """A line, wherever the formatter breaks it: at a blank, or behind an opening parenthesis."""
    return re.compile(re.escape(line).replace("\\ ", r"\s+").replace("\\(", r"\(\s*"))


def locate(mutations):
    """Sets where each change begins. Each must be found, and only once or behind its anchor."""
    for mutation in mutations:
        text = (ROOT / mutation.file).read_text()
        start = 0
        if mutation.anchor:
            start = text.find(mutation.anchor)
            if start < 0:
                sys.exit(f"{mutation.file}: the anchor must be in the file: {mutation.anchor}")
        places = list(anywhere_broken(mutation.before).finditer(text, start))
        if not places:
            sys.exit(f"{mutation.file}: the text to change must be in the file: {mutation.before}")
        if not mutation.anchor and len(places) > 1:
            sys.exit(f"{mutation.file}: the text to change must be there once: {mutation.before}")
        mutation.begin, mutation.end = places[0].span()
        mutation.line = text.count("\n", 0, mutation.begin) + 1


def switched(original, mutations):
    """The original text and its changes, each behind its number."""
    is_statement = original.rstrip().endswith(";")
    branches = ""
    for m in mutations:
        if is_statement:
            branches += f"if (taper_mutation == {m.number}) {{ {m.after} }} else "
        else:
            branches += f"taper_mutation == {m.number} ? ({m.after}) : "
    if is_statement:
        return branches + "{ " + original + " }"
    return "(" + branches + "(" + original + "))"


def changed_sources(mutations):
    """For each file its text with all changes in it."""
    texts = {}
    for file in {m.file for m in mutations}:
        text = (ROOT / file).read_text()
        places = {}
        for mutation in (m for m in mutations if m.file == file):
            places.setdefault((mutation.begin, mutation.end), []).append(mutation)
        next_begin = len(text)
        for (begin, end), group in sorted(places.items(), reverse=True):
            if end > next_begin:
                sys.exit(f"{file}: two changes overlap without being of the same text: "
                         f"{text[begin:end]}")
            text = text[:begin] + switched(text[begin:end], group) + text[end:]
            next_begin = begin
        texts[file] = "extern int taper_mutation;\n#line 1\n" + text
    return texts


SWITCH = """#include <cstdlib>
extern int taper_mutation;
int taper_mutation = 0;
__attribute__((constructor(101))) static void choose() {
    if (const char* number = std::getenv("TAPER_MUTATION")) taper_mutation = std::atoi(number);
}
"""


def write_if_other(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tracked_files():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True,
                           check=True)
    return [name for name in files.stdout.split("\0") if name and (ROOT / name).is_file()]


def write_sources(source, mutations):
    """A copy of the project with all changes in it. What is as it was keeps its time."""
    names = tracked_files()
    texts = changed_sources(mutations)
    for name in names:
        try:
            write_if_other(source / name, texts.get(name) or (ROOT / name).read_text())
        except UnicodeDecodeError:
            shutil.copy(ROOT / name, source / name)
    write_if_other(source / "core" / "mutation.cpp", SWITCH)
    for path in source.rglob("*.[ch]pp"):
        name = str(path.relative_to(source))
        if name not in names and name != "core/mutation.cpp":
            path.unlink()


def build(mutations):
    source = BUILD / "source"
    write_sources(source, mutations)
    configure = ["cmake", "-S", source, "-B", BUILD / "build", "-G", "Ninja",
                 "-D", "CMAKE_BUILD_TYPE=Release", "-D", "CMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG",
                 "-D", "TAPER_TESTS=ON"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD / "build"], check=True)


def failed_test(number, arguments, seconds):
    """The first test that notices the change, or None."""
    with tempfile.TemporaryDirectory(prefix="taper-mutation-") as scratch:
        environment = {**os.environ, "TAPER_MUTATION": str(number), "TMPDIR": scratch}
        program = BUILD / "build" / "bin" / "taper_tests"
        command = [program, "--no-colors", "--abort-after=1", *arguments]
        try:
            run = subprocess.run(command, cwd=scratch, env=environment, timeout=seconds,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, errors="replace")
        except subprocess.TimeoutExpired:
            return "(does not end)"
    if run.returncode == 0:
        if "test cases:    0" in run.stdout or "test cases: 0" in run.stdout:
            sys.exit(f"no test is named so: {arguments}")
        return None
    name = re.search(r"TEST CASE: +(.*)", run.stdout)
    return name[1].strip() if name else f"(ends with status {run.returncode})"


def judge(mutation, named_alone, seconds):
    names = ",".join(mutation.tests)
    start = time.monotonic()
    caught = failed_test(mutation.number, [f"--test-case={names}"], seconds)
    if caught is None and not named_alone:
        caught = failed_test(mutation.number, [f"--test-case-exclude={names}"], seconds)
    return mutation, caught, time.monotonic() - start


def numbers(text):
    chosen = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen.update(range(int(first), int(last or first) + 1))
    return chosen


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="N,M-K", help="these changes alone")
    parser.add_argument("--list", action="store_true", help="print the changes and do nothing")
    parser.add_argument("--named", action="store_true",
                        help="run the tests alone that are named for a change's file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    return parser.parse_args()


def seconds_unchanged(mutations, named_alone):
    """How long the tests take where nothing is changed. They must pass."""
    names = ",".join(sorted({name for m in mutations for name in m.tests}))
    arguments = [f"--test-case={names}"] if named_alone else []
    start = time.monotonic()
    if failed := failed_test(0, arguments, 3600):
        sys.exit(f"the tests must pass where nothing is changed: {failed}")
    return time.monotonic() - start


def main():
    options = read_options()
    mutations = read_list(pathlib.Path(__file__).parent / "mutations.txt")
    locate(mutations)
    if options.list:
        print(*mutations, sep="\n")
        return 0
    build(mutations)
    chosen = [m for m in mutations if not options.only or m.number in numbers(options.only)]
    seconds = max(SECONDS, 5 * seconds_unchanged(chosen, options.named))
    survivors = []
    equivalent = []
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        judged = pool.map(lambda m: judge(m, options.named, seconds), chosen)
        for mutation, caught, took in judged:
            print(f"{mutation}\n      {caught or 'SURVIVED'} ({took:.0f} s)", flush=True)
            if mutation.equivalent:
                equivalent.append(mutation)
            elif not caught:
                survivors.append(mutation)
            if mutation.equivalent and caught:
                wrong.append(mutation)
    print(f"\n{len(chosen) - len(survivors) - len(equivalent)} caught, {len(survivors)} survived, "
          f"{len(equivalent)} equivalent")
    for mutation in survivors:
        print(f"survived: {mutation}")
    for mutation in equivalent:
        print(f"equivalent: {mutation}: {mutation.equivalent}")
    for mutation in wrong:
        print(f"called equivalent, and noticed: {mutation}")
    return 1 if survivors or wrong else 0


if __name__ == "__main__":
    sys.exit(main())

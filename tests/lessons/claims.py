#!/usr/bin/env python3
"""Can each claim of a lesson fail? Breaks what it claims, and looks.

    python3 tests/lessons/claims.py            all lessons
    python3 tests/lessons/claims.py 03 10      these
    python3 tests/lessons/claims.py --list     only: has each claim a change, whose text is there?

NN_name.txt has an entry for each claim of examples/lessons/NN_name.cpp: the first words of its
sentence, and below it, indented, a change of the lesson's source, before ==> after. A text that
stands more than once in the source has an anchor before it, [[anchor]], and the first behind that
is meant. A line that begins with # is a comment. The lesson is compiled with the change, as the
release build compiles it (which must be there), and must end at that claim: "NOT TRUE: ...".
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LESSONS = ROOT / "examples" / "lessons"
BUILD = ROOT / "build" / "release"
SECONDS = 300  # the limit of one run
CHANGE = re.compile(r"(?:\[\[(?P<anchor>.*?)\]\] )?(?P<before>.*?) ==> (?P<after>.*)")
HOLDS = "  -> "
FAILS = "  NOT TRUE: "


class Entry:
    def __init__(self, words, change):
        self.words = words
        self.change = change

    def changed(self, source):
        """The source with the change, or None where its text is not found."""
        match = CHANGE.fullmatch(self.change)
        if not match:
            return None
        begin = 0
        if match["anchor"]:
            begin = source.find(match["anchor"])
            if begin < 0:
                return None
        begin = source.find(match["before"], begin)
        if begin < 0:
            return None
        end = begin + len(match["before"])
        if not match["anchor"] and source.find(match["before"], begin + 1) >= 0:
            return None
        return source[:begin] + match["after"] + source[end:]


def read_entries(path):
    entries = []
    words = None
    for line in path.read_text().splitlines() if path.exists() else []:
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if words is not None:
                sys.exit(f"{path.name}: no change below: {words}")
            words = line.rstrip()
        elif words is None:
            sys.exit(f"{path.name}: no claim above: {line.strip()}")
        else:
            entries.append(Entry(words, line.strip()))
            words = None
    if words is not None:
        sys.exit(f"{path.name}: no change below: {words}")
    return entries


def run(program):
    """What it prints and its status; None where it does not end."""
    try:
        done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=SECONDS, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "", None
    return done.stdout, done.returncode


def complaints(name, source, entries):
    """What is wrong with the list itself."""
    found = []
    printed, status = run(BUILD / "bin" / name)
    if status != 0:
        found.append(f"ends with status {status} as it is")
    claims = [line[len(HOLDS):] for line in printed.splitlines() if line.startswith(HOLDS)]
    for claim in dict.fromkeys(claims):
        named = [entry for entry in entries if claim.startswith(entry.words)]
        if len(named) != 1:
            found.append(f"{len(named)} entries for the claim: {claim}")
    for entry in entries:
        if not any(claim.startswith(entry.words) for claim in claims):
            found.append(f"no such claim: {entry.words}")
        if entry.changed(source) is None:
            found.append(f"not found, or more than once: {entry.change}")
    return found


def commands(name):
    """How the release build compiles and links the lesson."""
    lines = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", f"bin/{name}"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    # What the library takes stands there too, in an order of ninja's own.
    compile_ = next(line for line in lines if f"/{name}.dir/" in line and " -c " in line)
    return compile_, lines[-1]


def outcome(name, source, entry):
    """Empty where the lesson with the change ends at the claim."""
    compile_, link = commands(name)
    with tempfile.TemporaryDirectory() as folder:
        # A lesson may print its own file's name and folder.
        file = pathlib.Path(folder) / "lessons" / f"{name}.cpp"
        file.parent.mkdir()
        file.write_text(entry.changed(source))
        words = shlex.split(compile_)
        old_object = words[words.index("-o") + 1]
        words[words.index("-o") + 1] = f"{folder}/lesson.o"
        words[words.index("-c") + 1] = str(file)
        if "-MF" in words:
            words[words.index("-MF") + 1] = f"{folder}/lesson.d"
        made = subprocess.run(words + ["-w"], cwd=BUILD, capture_output=True, text=True)
        if made.returncode != 0:
            return "does not compile: " + next(
                (line for line in made.stderr.splitlines() if "error" in line), made.stderr[-200:])
        made = subprocess.run(link.replace(old_object, f"{folder}/lesson.o")
                              .replace(f"-o bin/{name}", f"-o {folder}/lesson"),
                              cwd=BUILD, shell=True, capture_output=True, text=True)
        if made.returncode != 0:
            return "does not link: " + made.stderr[-200:]
        printed, status = run(f"{folder}/lesson")
    failed = [line[len(FAILS):] for line in printed.splitlines() if line.startswith(FAILS)]
    if status is None:
        return f"does not end within {SECONDS} s"
    if not failed:
        return f"no claim fails, status {status}"
    if not failed[0].startswith(entry.words):
        return f"another claim fails: {failed[0]}"
    return "" if status == 1 else f"status {status}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="NN")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    names = [path.stem for path in sorted(LESSONS.glob("[0-9][0-9]_*.cpp"))
             if not given.lessons or path.stem[:2] in given.lessons]
    if not names:
        sys.exit("no such lesson: " + " ".join(given.lessons))
    passed = 0
    failed = 0
    for name in names:
        source = (LESSONS / f"{name}.cpp").read_text()
        entries = read_entries(pathlib.Path(__file__).parent / f"{name}.txt")
        wrong = complaints(name, source, entries)
        for complaint in wrong:
            print(f"{name}: {complaint}")
        failed += len(wrong)
        if given.list:
            passed += len(entries)
            continue
        entries = [entry for entry in entries if entry.changed(source) is not None]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda entry: outcome(name, source, entry), entries))
        for entry, result in zip(entries, results):
            if result:
                print(f"{name}: {entry.words}: {result}\n    {entry.change}")
        good = results.count("")
        passed += good
        failed += len(results) - good
        print(f"{name}: {good} of {len(results)} claims fail when broken", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

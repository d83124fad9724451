#!/usr/bin/env python3
"""Does the check of each exercise catch the likely mistakes, with a line that helps?

    python3 tests/exercises/mistakes.py [--build DIR] [NAME...]     no NAME: all

mistakes/NAME.txt has one entry for each mistake: a piece of what the check is to print, at the left
margin; below it, indented by four, the changes of solutions/NAME.cpp that make the mistake,
`before ==> after`, where `before` stands once in that file ([[anchor]] before ==> after: once
behind the anchor). Each is compiled and run by itself: it must end with status 1, and print the
piece and a line "expected ..., yours ...", or a line "Your code ...". Needs the solutions built:
ninja -C DIR solutions.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "examples" / "exercises"
LISTS = pathlib.Path(__file__).resolve().parent / "mistakes"
CHANGE = re.compile(r"(?:\[\[(?P<anchor>.*?)\]\] )?(?P<before>.*?) ==> ?(?P<after>.*)")


def entries_of(name):
    """[(what is to be printed, [change, ...]), ...]"""
    entries = []
    for line in (LISTS / f"{name}.txt").read_text().splitlines():
        if not line.strip():
            continue
        if not line.startswith("    "):
            entries.append((line.strip(), []))
            continue
        change = CHANGE.fullmatch(line[4:])
        if not change or not entries:
            sys.exit(f"{name}.txt: a change is `before ==> after`: {line}")
        entries[-1][1].append(change)
    return entries


def changed(name, source, changes):
    for change in changes:
        begin = 0
        if change["anchor"]:
            begin = source.find(change["anchor"])
            if begin < 0:
                sys.exit(f"{name}.txt: not in the solution: {change['anchor']}")
        at = source.find(change["before"], begin)
        again = source.find(change["before"], at + 1)
        if at < 0 or (again >= 0 and not change["anchor"]):
            sys.exit(f"{name}.txt: must stand once in the solution: {change['before']}")
        source = source[:at] + change["after"] + source[at + len(change["before"]):]
    return source


def commands_of(build, name):
    """How the solution is compiled and linked."""
    commands = subprocess.run(
        ["ninja", "-C", str(build), "-t", "commands", f"bin/solutions/{name}"],
        capture_output=True, text=True, check=True).stdout.splitlines()
    compile_it = next(c for c in commands if c.endswith(f"/solutions/{name}.cpp"))
    return compile_it, commands[-1]


def output_of(build, name, source):
    compile_it, link = commands_of(build, name)
    with tempfile.TemporaryDirectory(prefix="taper-mistake-") as scratch:
        file = pathlib.Path(scratch) / f"{name}.cpp"
        # The solution may include a neighbour by its path from the root, which stays right.
        file.write_text(source)
        words = shlex.split(compile_it)
        program = f"{scratch}/{name}"
        for i, word in enumerate(words):
            if word.endswith(f"/solutions/{name}.cpp"):
                words[i] = str(file)
            if word in ("-o", "-MF"):
                words[i + 1] = program + (".o" if word == "-o" else ".d")
        # What a compiler would warn of, a learner may well write.
        compiled = subprocess.run(words + ["-w"], cwd=build, capture_output=True, text=True)
        if compiled.returncode != 0:
            sys.exit(f"{name}: a mistake must compile:\n{source}\n{compiled.stderr}")
        link = re.sub(rf"\S*/solutions/{name}\.cpp\.o", f"{program}.o", link)
        link = re.sub(rf"-o bin/solutions/{name}\b", f"-o {program}", link)
        subprocess.run(link, shell=True, cwd=build, check=True)
        result = subprocess.run([program], capture_output=True, text=True, timeout=100)
        return result.returncode, result.stdout + result.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--verbose", action="store_true", help="print what each check says")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in EXERCISES.glob("*.cpp"))
    missed = 0
    count = 0
    for name in names:
        source = (EXERCISES / "solutions" / f"{name}.cpp").read_text()
        entries = entries_of(name)
        if len(entries) < 2:
            sys.exit(f"{name}.txt: at least the two likeliest mistakes")
        for wanted, changes in entries:
            status, output = output_of(options.build, name, changed(name, source, changes))
            helps = re.search(r"expected .*yours|Your code", output)
            caught = status == 1 and wanted in output and helps
            count += 1
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {name}: {wanted}")
            if options.verbose or not caught:
                print(f"status {status}\n{output}")
    print(f"{count - missed} of {count} mistakes are caught")
    sys.exit(missed > 0)


main()

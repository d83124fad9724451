"""A lesson or an exercise, read as text: what of it is prose, and what is code.

Prose is the comment that a file begins with, and each comment that begins with "// ---- TITLE". It
is Markdown, with formulas: lines that stand four blanks deeper, and what stands between dollar
signs. All other comments belong to the code.
"""
import dataclasses
import re

HEADING = re.compile(r"// ---- (?P<title>.*?)[ -]*")


@dataclasses.dataclass
class Part:
    title: str  # empty: what stands before the first heading, and main
    prose: list  # its lines, without the slashes
    code: str


@dataclasses.dataclass
class Program:
    title: str
    prose: list
    includes: str
    parts: list


def is_comment(line):
    return line == "//" or line.startswith("// ")


def text_of(comment):
    return [line[3:].rstrip() for line in comment]


def take_comment(lines, begin):
    end = begin
    while end < len(lines) and is_comment(lines[end]):
        end += 1
    return lines[begin:end], end


def read_program(path):
    """The program of a file, whose first line is its title."""
    lines = path.read_text().splitlines()
    head, at = take_comment(lines, 0)
    if not head:
        raise SystemExit(f"{path}: a title must stand in its first line")
    title, *prose = text_of(head)
    parts = [Part("", [], [])]
    while at < len(lines):
        heading = HEADING.fullmatch(lines[at])
        if heading and heading["title"]:
            comment, at = take_comment(lines, at)
            parts.append(Part(heading["title"], text_of(comment[1:]), []))
            continue
        if re.match(r"int main\(", lines[at]) and parts[-1].title:
            parts.append(Part("", [], []))
        parts[-1].code.append(lines[at])
        at += 1
    before = parts[0].code
    last_include = max((i for i, line in enumerate(before)
                        if line.startswith(("#include", "using "))), default=-1)
    includes = "\n".join(before[: last_include + 1]).strip()
    parts[0].code = before[last_include + 1 :]
    for part in parts:
        part.code = "\n".join(part.code).strip("\n")
    return Program(title, prose, includes, [p for p in parts if p.prose or p.code])


def printed_parts(output):
    """What a lesson printed, by its section's title; by "" what came before the first."""
    parts = {"": []}
    title = ""
    lines = output.splitlines()
    for i, line in enumerate(lines):
        below = lines[i + 1] if i + 1 < len(lines) else ""
        if line and below == "-" * len(line):
            title = line
            parts[title] = []
        elif not (i > 0 and line and line == "-" * len(lines[i - 1])):
            parts[title].append(line)
    return {title: "\n".join(lines).strip("\n") for title, lines in parts.items()}

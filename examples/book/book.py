#!/usr/bin/env python3
"""Makes a book of the lessons: one folder of HTML that needs no network.

    python3 examples/book/book.py --bin build/release/bin --out build/book

A chapter is a lesson: its comments as prose, its formulas typeset, its code coloured, what it
printed behind the code that printed it, the page of its tape, and its exercises. Sources that the
prose names are pages of their own. The last part is the page on the paper. The lessons must be
built; each is run. Needs Debian's python3-markdown, python3-pygments and libjs-asciimathml.
"""
import argparse
import dataclasses
import html
import os
import pathlib
import re
import shutil
import subprocess
import sys

from program_source import printed_parts, read_program
from rendering import Renderer, known_symbols

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LESSONS = ROOT / "examples" / "lessons"
EXERCISES = ROOT / "examples" / "exercises"
PAPER = ROOT / "examples" / "paper"
MATHEMATICS = pathlib.Path("/usr/share/javascript/asciimathtml/ASCIIMathML.min.js")
PARTS = {1: "Backpropagation", 8: "Training", 13: "Attention", 18: "Linformer",
         24: "Further on"}


@dataclasses.dataclass
class Chapter:
    name: str
    title: str
    body: str


class Book:
    def __init__(self, programs, out):
        self.programs = programs
        self.out = out
        self.sources = {}  # path in the project -> page
        symbols = known_symbols(MATHEMATICS.read_text(errors="replace"))
        self.renderer = Renderer(symbols, self.link_of)

    # ---- Sources that the prose names

    def link_of(self, name):
        """The page of a source of the project, which is made when it is first named."""
        if not re.fullmatch(r"[\w./-]+\.(?:cpp|hpp|py|sh|txt|md)", name):
            return None
        path = ROOT / name
        if not path.is_file() or ROOT not in path.resolve().parents:
            return None
        if path.parent == LESSONS and path.suffix == ".cpp":
            return f"{path.stem}.html"
        return self.sources.setdefault(name, "source_" + re.sub(r"\W", "_", name) + ".html")

    def write_sources(self):
        for name, page in self.sources.items():
            language = {".py": "python", ".sh": "sh", ".cpp": "cpp", ".hpp": "cpp"}.get(
                pathlib.Path(name).suffix, "text")
            body = (f"<h1><code>{html.escape(name)}</code></h1>"
                    + self.renderer.code((ROOT / name).read_text(), language))
            self.write(page, name, body, wide=True)

    # ---- Chapters

    def run(self, name, has_page):
        command = [self.programs / name]
        if has_page:
            (self.out / "pages").mkdir(exist_ok=True)
            command += ["--page", self.out / "pages" / f"{name}.html"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=ROOT)
        if done.returncode != 0:
            sys.exit(f"{name} ends with status {done.returncode}:\n{done.stdout}{done.stderr}")
        # Where the page is written is no part of the lesson.
        return "\n".join(line for line in done.stdout.splitlines()
                         if not line.startswith("  The page of this tape is in "))

    def lesson(self, path):
        program = read_program(path)
        has_page = "lessons/page.hpp" in program.includes
        printed = printed_parts(self.run(path.stem, has_page))
        show = self.renderer
        body = f"<h1>{html.escape(program.title)}</h1>" + show.prose(program.prose)
        if has_page and (self.out / "pages" / f"{path.stem}.html").exists():
            page = f"pages/{path.stem}.html"
            body += (f'<p class="tape-link"><a href="#tape">The tape of this lesson</a>, op by op,'
                     " is at the end of the chapter.</p>")
        if program.includes:
            body += ("<details><summary>What the program includes</summary>"
                     + show.code(program.includes) + "</details>")
        for part in program.parts:
            if part.title:
                body += f"<h2>{html.escape(part.title)}</h2>"
            body += show.prose(part.prose)
            if part.code:
                body += show.code(part.code)
            text = printed.pop(part.title, "")
            if text:
                body += '<p class="says">It prints:</p>' + show.output(text)
        for title, text in printed.items():
            if text:
                sys.exit(f"{path.name}: no heading for what it prints under: {title}")
        if has_page and (self.out / "pages" / f"{path.stem}.html").exists():
            body += ('<h2 id="tape">The tape of this lesson</h2>'
                     "<p>Step forward through the ops, and back again through their gradients. "
                     f'<a href="{page}">The same page by itself</a> has more room.</p>'
                     f'<iframe class="tape" src="{page}" loading="lazy" '
                     'title="The tape of this lesson, op by op"></iframe>')
        body += self.exercises(path.stem[:2])
        return Chapter(path.stem, program.title, body)

    def exercises(self, lesson):
        body = ""
        for path in sorted(EXERCISES.glob(f"{lesson}[a-z]_*.cpp")):
            program = read_program(path)
            show = self.renderer
            body += f'<section class="exercise"><h3>{html.escape(program.title)}</h3>'
            body += show.prose(program.prose)
            body += show.code("\n\n".join(part.code for part in program.parts))
            body += f"<p>Your file: <code>examples/exercises/{path.name}</code></p>"
            hints = EXERCISES / "hints" / f"{path.stem}.md"
            each = re.split(r"^## Hint \d+$", hints.read_text(), flags=re.M)[1:]
            for i, hint in enumerate(each, 1):
                body += (f"<details><summary>Hint {i}</summary>"
                         + show.prose(hint.strip().splitlines()) + "</details>")
            answer = read_program(EXERCISES / "solutions" / path.name)
            body += ("<details><summary>The model answer</summary>" + show.prose(answer.prose)
                     + show.code("\n\n".join(part.code for part in answer.parts))
                     + "</details></section>")
        if not body:
            return ""
        return '<h2 id="exercises">Exercises</h2>' + body

    # ---- Pages made of Markdown

    def linked_markdown(self, path, text):
        """The text with its links to files of the project made to pages of the book, and its
        pictures copied."""
        def new_link(match):
            words, target = match[2], match[3]
            name, _, anchor = target.partition("#")
            if re.match(r"\w+:", target) or not name:
                return match[0]
            file = (path.parent / name).resolve()
            if match[1] and file.is_file():
                shutil.copy(file, self.out / file.name)
                return f"![{words}]({file.name})"
            inside = ROOT in file.parents
            if file == PAPER / "README.md":
                return f"[{words}](paper.html{'#' + anchor if anchor else ''})"
            link = self.link_of(str(file.relative_to(ROOT))) if inside and file.is_file() else None
            return f"[{words}]({link})" if link else words

        return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", new_link, text)

    def paper(self):
        path = PAPER / "README.md"
        title, _, text = path.read_text().partition("\n")
        title = title.lstrip("# ")
        body = f"<h1>{html.escape(title)}</h1>" + self.renderer.prose(
            self.linked_markdown(path, text).splitlines())
        return Chapter("paper", title, body)

    def section_of_readme(self, heading):
        """The text below a heading of the README, or nothing."""
        text = (ROOT / "README.md").read_text()
        match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        return self.linked_markdown(ROOT / "README.md", match[1]).splitlines() if match else []

    def words(self):
        body = "<h1>Words and letters</h1>"
        for heading in ("Words", "Letters"):
            body += f"<h2>{heading}</h2>" + self.renderer.prose(self.section_of_readme(heading))
        return Chapter("words", "Words and letters", body)

    # ---- The book

    def write(self, file, title, body, before=None, after=None, wide=False):
        def link(chapter, text, rel):
            if chapter is None:
                return "<span></span>"
            return (f'<a rel="{rel}" href="{chapter.name}.html">{text} '
                    f"<span>{html.escape(chapter.title)}</span></a>")

        turn = (f'<nav class="turn" aria-label="Chapters">{link(before, "&larr;", "prev")}'
                f'{link(after, "&rarr;", "next")}</nav>')
        page = (HERE / "page.html").read_text()
        marks = {"TITLE": html.escape(title), "WIDE": ' class="wide-page"' if wide else "",
                 "TURN": turn if before or after else "", "BODY": body}
        for mark, text in marks.items():
            page = page.replace(f"<!--{mark}-->", text)
        (self.out / file).write_text(page)

    def contents(self, chapters):
        body = "<h1>taper: the book of the lessons</h1>" + self.renderer.prose(
            self.section_of_readme("New here?"))
        body += "<h2>Contents</h2>"
        open_list = False
        for chapter in chapters:
            number = int(chapter.name[:2]) if chapter.name[:2].isdigit() else 0
            part = PARTS.get(number, None if number else
                             "The paper" if chapter.name == "paper" else None)
            if part or not open_list:
                body += ("</ul>" if open_list else "") + (f"<h3>{part}</h3>" if part else "")
                body += '<ul class="contents">'
                open_list = True
            body += f'<li><a href="{chapter.name}.html">{html.escape(chapter.title)}</a></li>'
        body += "</ul>"
        return body

    def make(self):
        chapters = [self.lesson(path) for path in sorted(LESSONS.glob("[0-9][0-9]_*.cpp"))]
        chapters += [self.paper(), self.words()]
        for i, chapter in enumerate(chapters):
            self.write(f"{chapter.name}.html", chapter.title, chapter.body,
                       chapters[i - 1] if i else None,
                       chapters[i + 1] if i + 1 < len(chapters) else None)
        self.write("index.html", "taper: the book of the lessons", self.contents(chapters))
        self.write_sources()
        for file in ("book.css", "book.js"):
            shutil.copy(HERE / file, self.out / file)
        shutil.copy(MATHEMATICS, self.out / "ASCIIMathML.js")
        print(f"{len(chapters)} chapters and {len(self.sources)} sources: {self.out}/index.html")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    given = parser.parse_args()
    if not MATHEMATICS.is_file():
        sys.exit(f"{MATHEMATICS} is missing (Debian: libjs-asciimathml)")
    os.makedirs(given.out, exist_ok=True)
    Book(given.bin.resolve(), given.out.resolve()).make()


if __name__ == "__main__":
    main()

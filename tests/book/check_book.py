#!/usr/bin/env python3
"""Is the book whole, and can it be read?

    python3 tests/book/check_book.py BOOK [CHROMIUM]

BOOK: the folder that examples/book/book.py made. Every lesson and exercise must be in it, every
link must lead to a file and a place in the folder, and no page may fetch anything. With a browser
every page is opened at the width of a phone and of a screen: formulas must be typeset, no page may
scroll sideways, each text must stand out from its ground by 4.5 : 1 (WCAG 2.1, 1.4.3), and what
scrolls must be reached by keyboard.
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTHS = (390, 1400)
wrong = []


def check(holds, complaint):
    if not holds:
        wrong.append(complaint)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links = []  # (tag, target)
        self.places = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src"):
                self.links.append((tag, value))
            elif name == "id":
                self.places.add(value)


def check_files(book):
    readme = (ROOT / "README.md").read_text()
    pages = {path.name: Page(path.read_text()) for path in book.glob("*.html")}
    for lesson in (ROOT / "examples" / "lessons").glob("[0-9][0-9]_*.cpp"):
        page = book / f"{lesson.stem}.html"
        check(page.exists(), f"no chapter: {lesson.stem}")
        headings = re.findall(r"^// ---- (.*?)[ -]*$", lesson.read_text(), re.M)
        text = html.unescape(page.read_text()) if page.exists() else ""
        for heading in headings:
            check(f"<h2>{heading}</h2>" in text, f"{page.name}: no section: {heading}")
        check(text.count('class="printed"') >= min(1, len(headings)),
              f"{page.name}: nothing of what the lesson prints")
        prose = re.sub(r"<(pre|code)\b.*?</\1>", "", text, flags=re.S)
        check("$" not in prose, f"{page.name}: a dollar sign that begins no formula")
        for exercise in (ROOT / "examples" / "exercises").glob(f"{lesson.stem[:2]}[a-z]_*.cpp"):
            check(exercise.name in text, f"{page.name}: no exercise: {exercise.name}")
        minutes = re.search(r"About (\d+)\s+(?://\s+)?minutes", lesson.read_text())
        row = re.search(rf"^\| \[{lesson.stem[:2]}\].*\| (\d+) \|$", readme, re.M)
        check(minutes and row and minutes[1] == row[1],
              f"README.md: other minutes than {lesson.name} says, or none")
    for name, page in pages.items():
        for tag, target in page.links:
            address = urllib.parse.urlsplit(target)
            if address.scheme or address.netloc:
                check(tag == "a", f"{name}: fetches {target}")
                continue
            file = urllib.parse.unquote(address.path) or name
            check((book / file).is_file(), f"{name}: leads nowhere: {target}")
            if address.fragment and file in pages:
                check(urllib.parse.unquote(address.fragment) in pages[file].places,
                      f"{name}: no such place: {target}")
    return sorted(pages)


# What a page finds out about itself, and tells the page that shows it.
INSPECTION = r"""
<script>
function luminance([r, g, b]) {
    const linear = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
const channels = colour => colour.match(/[\d.]+/g).map(Number);
function ground(element) {
    for (; element; element = element.parentElement) {
        const colour = channels(getComputedStyle(element).backgroundColor);
        if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
}
addEventListener("load", () => {
    const found = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > root.clientWidth)
        found.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
    for (const formula of document.querySelectorAll(".formula"))
        if (!formula.querySelector("math") || formula.querySelector("merror"))
            found.push("not typeset: " + formula.textContent);
    const seen = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const colour = getComputedStyle(element).color;
        const [a, b] = [luminance(channels(colour)), luminance(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const kind = element.tagName + "." + element.className + " " + colour;
        if (contrast < 4.5 && !seen.has(kind)) {
            seen.add(kind);
            found.push(`contrast ${contrast.toFixed(2)}: ${kind}`);
        }
    }
    for (const element of document.querySelectorAll("pre, .wide, .formulas"))
        if (element.scrollWidth > element.clientWidth + 1 && element.tabIndex < 0)
            found.push("not reached by keyboard: " + element.className);
    parent.postMessage(found, "*");
});
</script>
"""
FRAMES = r"""
<!doctype html><body><pre id="log"></pre><script>
const pages = PAGES, widths = WIDTHS, log = [];
async function look(page, width) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${width}px; height: 900px`;
    const told = new Promise(resolve =>
        addEventListener("message", event => resolve(event.data), { once: true }));
    frame.src = page;
    document.body.append(frame);
    for (const complaint of await told) log.push(`${page} at ${width}: ${complaint}`);
    frame.remove();
}
(async () => {
    for (const page of pages) for (const width of widths) await look(page, width);
    log.push(`looked at ${pages.length} pages`);
    document.querySelector("#log").textContent = JSON.stringify(log);
})();
</script>
"""


def look_at(book, pages, chromium):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "book"
        shutil.copytree(book, copy)
        for name in pages:
            text = (copy / name).read_text()
            (copy / name).write_text(text.replace("</body>", INSPECTION + "</body>"))
        frames = FRAMES.replace("PAGES", json.dumps(pages)).replace(
            "WIDTHS", json.dumps(WIDTHS))
        (copy / "frames_of_test.html").write_text(frames)
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--allow-file-access-from-files", f"--user-data-dir={folder}/browser",
             "--virtual-time-budget=600000", "--dump-dom", f"file://{copy}/frames_of_test.html"],
            capture_output=True, text=True, timeout=280)
    log = re.search(r'<pre id="log">(.*?)</pre>', done.stdout, re.S)
    found = json.loads(html.unescape(log[1])) if log and log[1] else []
    check(found and found[-1] == f"looked at {len(pages)} pages", "the browser did not end")
    wrong.extend(found[:-1])


def main():
    book = pathlib.Path(sys.argv[1])
    pages = check_files(book)
    if len(sys.argv) > 2 and sys.argv[2]:
        look_at(book, pages, sys.argv[2])
    print("\n".join(wrong))
    print(f"{len(pages)} pages, {len(wrong)} complaints")
    sys.exit(bool(wrong) or len(pages) < 3)


if __name__ == "__main__":
    main()

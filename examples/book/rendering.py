"""Markdown, formulas, code and output as HTML."""
import html
import re

import markdown
import pygments
import pygments.formatters
import pygments.lexers

# Words that ASCIIMathML.js knows are operators and letters; all others are text in a formula.
SYMBOL = re.compile(r'input:"([A-Za-z]+)"')
# But these are more often text: "the slope of y in x".
ENGLISH = {"and", "if", "in", "is", "it", "not", "or", "to"}
# dW, dL: the gradient of W, of L; ij: two indices
LETTERS = re.compile(r"d[A-Za-z]|[ijklnrst]{2}")


def known_symbols(script):
    return set(SYMBOL.findall(script))


class Renderer:
    """symbols: those of ASCIIMathML.js. link_of: of a path that prose names, the page, or None."""

    def __init__(self, symbols, link_of):
        self.symbols = symbols
        self.link_of = link_of

    # ---- Formulas: ASCIIMathML.js typesets them in the browser; without it they stay as they are.

    def notation(self, formula):
        """The formula as ASCIIMathML.js wants it: with words in quotes."""
        formula = formula.replace("<-", " larr ")
        pieces = re.split(r'("[^"]*")', formula)
        return "".join(piece if piece.startswith('"') else self.quoted_words(piece)
                       for piece in pieces)

    def quoted_words(self, text):
        def is_text(word):
            if word in ENGLISH:
                return True
            return word not in self.symbols and not LETTERS.fullmatch(word)

        def quoted(match):
            words = match[0].split(" ")
            result = []
            while words:
                run = []
                while words and is_text(words[0]):
                    run.append(words.pop(0))
                if run:
                    result.append('"' + " ".join(run) + '"')
                else:
                    result.append(words.pop(0))
            return " ".join(result)

        return re.sub(r"(?<![A-Za-z])[A-Za-z]{2,}(?: [A-Za-z]{2,})*(?![A-Za-z])", quoted, text)

    def formula(self, text, display):
        shown = html.escape(text.strip())
        mathematics = html.escape(self.notation(text.strip()), quote=True)
        kind = "display" if display else "inline"
        return f'<span class="formula {kind}" data-formula="{mathematics}">{shown}</span>'

    # ---- Prose

    def prose(self, lines):
        kept = []  # pieces of HTML that Markdown must not read: private characters stand for them

        def keep(piece):
            kept.append(piece)
            return f"\ue000{len(kept) - 1}\ue001"

        text = []
        fenced = False
        at = 0
        while at < len(lines):
            line = lines[at]
            if line.startswith("```"):
                fenced = not fenced
                text.append(line)
                at += 1
            elif fenced:
                text.append(line)
                at += 1
            elif line.startswith("    ") and (at == 0 or not lines[at - 1].startswith("- ")):
                rows = []
                while at < len(lines) and lines[at].startswith("    "):
                    columns = re.split(r" {2,}", lines[at].strip())
                    rows.append("<div>" + " ".join(self.formula(c, True) for c in columns)
                                + "</div>")
                    at += 1
                text += ["", keep('<div class="formulas">' + "".join(rows) + "</div>"), ""]
            else:
                # Code in backquotes is no formula.
                pieces = re.split(r"(`[^`]*`)", line)
                text.append("".join(
                    piece if piece.startswith("`") else
                    re.sub(r"\$([^$]+)\$", lambda m: keep(self.formula(m[1], False)), piece)
                    for piece in pieces))
                at += 1
        page = markdown.markdown("\n".join(text), extensions=["fenced_code", "tables", "toc"])
        page = re.sub(r"<code>([^<]*)</code>", lambda m: self.linked(m[1]), page)
        page = re.sub(r"<p>\ue000(\d+)\ue001</p>", lambda m: kept[int(m[1])], page)
        page = re.sub(r"\ue000(\d+)\ue001", lambda m: kept[int(m[1])], page)
        return page.replace("<table>", '<div class="wide"><table>').replace(
            "</table>", "</table></div>")

    def linked(self, name):
        link = self.link_of(html.unescape(name))
        code = f"<code>{name}</code>"
        return f'<a href="{html.escape(link)}">{code}</a>' if link else code

    # ---- Code and output

    @staticmethod
    def code(text, language="cpp"):
        lexer = pygments.lexers.get_lexer_by_name(language)
        coloured = pygments.highlight(text, lexer,
                                      pygments.formatters.HtmlFormatter(nowrap=True))
        return f'<pre class="code"><code>{coloured}</code></pre>'

    @staticmethod
    def output(text):
        """What a program printed; its claims as a list."""
        pieces = []
        for line in text.splitlines():
            kind = "claim" if line.startswith("  -> ") else "line"
            if not pieces or pieces[-1][0] != kind:
                pieces.append((kind, []))
            pieces[-1][1].append(line[5:] if kind == "claim" else line)
        result = []
        for kind, lines in pieces:
            if kind == "claim":
                items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
                result.append(f'<ul class="claims">{items}</ul>')
            elif "".join(lines).strip():
                shown = html.escape("\n".join(lines).strip("\n"))
                result.append(f'<pre class="output">{shown}</pre>')
        return '<div class="printed">' + "".join(result) + "</div>"

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""story_figures.py PAGE.html MODEL_FOLDER FIGURES.jsonl: every number that a page of `decoct story` showed.

The browser test writes a line for each <data> element that it saw: {"of": what it is, "value": the full
number, "text": as it was shown}, and one for each digit elsewhere: {"loose": the text, "in": where}. Each
number is computed again from the weights, in float64. Exit code 1: something is wrong; 77: there is no numpy.
"""
import json
import math
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
if __name__ == "__main__":
    import own_libraries  # noqa: F401
# Digits that the model did not compute: a pattern of the elements' path and one of the text, whose number (if it has a
# group) must be this true of the model's sizes, and why. What is left of a text after all of them holds no digit.
LOOSE = [
    (r"", r"(?i)\blayer (\d+)", lambda n, m: 1 <= n <= m["layers"], "the name of a layer"),
    (r"", r"(?i)\bhead (\d+)", lambda n, m: 1 <= n <= m["heads"], "the name of a head"),
    (r"", r"\bplace (\d+)", lambda n, m: 1 <= n <= m["tokens"], "the name of a position"),
    (r"", r"\bsteps? (\d+)", lambda n, m: 1 <= n <= m["steps"], "the name of a step of the page"),
    (r"#contents-list ", r"^(\d+)$", lambda n, m: 1 <= n <= m["steps"], "the name of a step of the page"),
    (r"select#layer option$", r"^(\d+)$", lambda n, m: 1 <= n <= m["layers"], "the name of a layer"),
    (r"select#head option$", r"^(\d+)$", lambda n, m: 1 <= n <= m["heads"], "the name of a head"),
    (r"#survey span\.tag$", r"^(\d+)$", lambda n, m: 1 <= n <= m["layers"], "the name of a layer, beside its row"),
    (r"#rise svg text\.tick$", r"^(\d+)$", lambda n, m: 0 <= n <= m["layers"], "an axis: layers"),
    (r"#rise svg text\.tick$", r"^(\d+) ?%$", lambda n, m: n in (0, 25, 50, 75, 100), "an axis: probabilities"),
    (r"@aria-label$", r"(\d+) numbers as colours$", lambda n, m: n in (m["d_model"], m["head_dim"]), "the width of a strip"),
    (r"#tokens-first\b", r"^The first (\d+) numbers of", lambda n, m: n <= m["d_model"], "how many numbers follow"),
    (r"#bill-score ", r"\u221a(\d+)", lambda n, m: n == m["head_dim"], "the width of a head; its root is checked"),
    (r"", r"best \(?= 1\b", None, "the unit of relative numbers"),
    (r"#temperature(-value)?\b", r"[\d.]+", None, "the reader's own temperature"),
    (r"#(shares|pours) ", r"^(\d+) others$", lambda n, m: n < m["tokens"], "how many words are summed up; the sum is checked"),
    (r"ul#notes li$", r"^unsure: the best answer has only (\d+) %$", lambda n, m: abs(n - m["best"]) <= 0.5001, "of answer/0/p"),
    (r"ul#notes li$", r" and (\d+) more$", lambda n, m: n > 0, "how many are not listed"),
    (r"#step-(mattered|kinds)\.step\b", r"\b0 % is the same answer, 100 % (one|another)\b", None, "the scale of an effect"),
]
STEPS = 12  # of the page
PATH = r"[a-z_]+(?:/[a-z_0-9]+)*"
NUMBER = r"[0-9.]+(?:e-?\d+)?"


class Figures:
    def __init__(self, expected):
        self.expected = expected

    def look(self, path):
        """An element, or what is left of an array after some indices."""
        here = self.expected
        for step in path.split("/"):
            here = here[step] if isinstance(here, dict) else here[self.index(step, len(here))]
        return here

    @staticmethod
    def index(text, size):
        if not re.fullmatch(r"0|[1-9]\d*", text) or int(text) >= size:
            raise KeyError("%s of %d" % (text, size))
        return int(text)

    def number(self, path):
        value = self.look(path)
        if getattr(value, "ndim", 0) or isinstance(value, (dict, list, str)):
            raise KeyError("%s is not a number" % path)
        return float(value)

    def relative(self, path, temperature):
        """exp((score - max) / temperature) of the scores that a token can see."""
        name, layer, head, reader = path.split("/")
        row = self.look(path)[:int(reader) + 1]
        if name != "scores":
            raise KeyError(path)
        return [math.exp((score - max(row)) / float(temperature)) for score in row]

    def softmax(self, path, temperature, read):
        raised = self.relative(path, temperature)
        return raised[self.index(read, len(raised))] / sum(raised)

    def dot(self, a, b, head):
        size = int(self.number("model/head_dim"))
        part = slice(self.index(head, int(self.number("model/heads"))) * size, (int(head) + 1) * size)
        return float(self.look(a)[part] @ self.look(b)[part])

    def rest(self, a, b, head, without):
        """What the columns (of the whole row) that are not named add to dot()."""
        first = int(head) * int(self.number("model/head_dim"))
        named = [self.index(column, self.look(a).size) for column in without.split(",") if column]
        if any(not first <= column < first + self.number("model/head_dim") for column in named) or len(set(named)) != len(named):
            raise KeyError("columns %s of head %s" % (without, head))
        return self.dot(a, b, head) - sum(self.number("%s/%d" % (a, c)) * self.number("%s/%d" % (b, c)) for c in named)

    def forms(self):
        """(pattern, how its groups become a number)"""
        number, temperature = self.number, r"@(%s)" % NUMBER
        yield r"(%s)" % PATH, number
        yield r"(%s)\*(%s)" % (PATH, PATH), lambda a, b: number(a) * number(b)
        yield r"softmax\((%s)\)%s\[(\d+)\]" % (PATH, temperature), self.softmax
        yield (r"sum\(softmax\((%s)\)%s\)" % (PATH, temperature),
               lambda path, t: sum(self.relative(path, t)) / sum(self.relative(path, t)))
        yield (r"relative\((%s)\)%s\[(\d+)\]" % (PATH, temperature),
               lambda path, t, read: self.relative(path, t)[int(read)])
        yield r"dot\((%s),(%s)\)\[(\d+)\]" % (PATH, PATH), self.dot
        yield (r"sum\(((?:lifted/)?weights/\d+/\d+/\d+)\)\[([\d,]*)\]",
               lambda path, tokens: sum(number(path + "/" + j) for j in tokens.split(",") if j))
        yield (r"sum\(softmax\((%s)\)%s\)\[([\d,]*)\]" % (PATH, temperature),
               lambda path, t, tokens: sum(self.softmax(path, t, j) for j in tokens.split(",") if j))
        yield r"rest\((%s),(%s)\)\[(\d+)\]\[([\d,]*)\]" % (PATH, PATH), self.rest
        yield r"sqrt\((model/head_dim)\)", lambda path: math.sqrt(number(path))
        yield (r"exp\((answer/\d+/score)-(answer_rest/max)\)", lambda a, b: math.exp(number(a) - number(b)))
        yield r"exp\((answer_rest/log_sum)\)", lambda path: math.exp(number(path))
        yield r"1-sum\((answer)/p\)", lambda path: 1 - sum(item["p"] for item in self.look(path))

    def evaluate(self, of):
        for pattern, how in self.forms():
            found = re.fullmatch(pattern, of)
            if found:
                return how(*found.groups())
        raise KeyError("unknown")


def is_shown_right(text, value):
    """Is the text the value, rounded? Percents may be of a share; "<0.1 %" is a bound."""
    found = re.fullmatch(r"([<>]?) ?([-\u2212]?)([\d\s]*\.?\d+)(\s*%)?", text.strip())
    if not found:
        return False
    bound, minus, digits, percent = found.groups()
    digits = re.sub(r"\s", "", digits)
    shown = (-1 if minus else 1) * float(digits)
    half = 0.5001 * 10 ** -len(digits.partition(".")[2])
    if "." not in digits:  # 12 300 is shown for 12 345
        half *= 10 ** max(0, len(digits) - 3) if digits.endswith("0") and abs(value) >= 1000 else 1
    # influence/effect is in percent already
    values = [value, 100 * value] if percent else [value]
    if bound:
        return any(abs(v) <= shown if bound == "<" else abs(v) >= shown for v in values)
    return any(abs(shown - v) <= half for v in values)


def rest_of(text, where, sizes):
    """The text without what LOOSE allows there."""
    for place, form, is_right, _ in LOOSE:
        if re.search(place, where):
            text = re.sub(form, lambda found, is_right=is_right: "" if is_right is None or is_right(int(found.group(1)), sizes)
                          else found.group(), text)
    return text


def names_of(value):
    """The texts of the page's data in which a digit is part of a name: tokens, the model, the command, kernels."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and name in ("text", "name", "type", "backend", "command"):
                yield inner.strip()
            yield from names_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_of(inner)


def check_lines(lines, expected, names=()):
    """([what is wrong], how many numbers) of the lines of a browser."""
    names = sorted({name for name in names if re.search(r"\d", name)}, key=len, reverse=True)
    figures, wrong, seen = Figures(expected), [], set()
    sizes = dict(expected["model"], tokens=len(expected["tokens"]), steps=STEPS, best=100 * expected["answer"][0]["p"])
    for line in lines:
        if "loose" in line:
            text = line["loose"]
            for name in names:  # "7" may be a token, and other texts have that digit
                form = r"(?<!\w)%s(?!\w)" if len(name) > 3 else r"^\W*%s\W*$"
                text = re.sub(form % re.escape(name), "", text)
            if re.search(r"\d", rest_of(text, line["in"], sizes)):
                wrong.append("a number that is in no <data>: '%s' in %s" % (line["loose"], line["in"]))
            continue
        key = (line["of"], str(line["value"]), line["text"])
        if key in seen:
            continue
        seen.add(key)
        try:
            value, wanted = float(line["value"]), figures.evaluate(line["of"])
        except (KeyError, IndexError, ValueError, TypeError) as error:
            wrong.append("%s: %s" % (line["of"], error))
            continue
        if not abs(value - wanted) <= 1e-4 * (1 + abs(wanted)):
            wrong.append("%s is %r, not %r" % (line["of"], value, wanted))
        elif not is_shown_right(line["text"], value):
            wrong.append("%s = %r is shown as '%s'" % (line["of"], value, line["text"]))
    return sorted(set(wrong)), len(seen)


def main(page, folder, figures):
    import story_oracle
    import story_page
    data = story_page.page_data(page)
    story, wrong = story_oracle.check(data, folder)
    with open(figures, encoding="utf-8") as file:
        more, count = check_lines([json.loads(line) for line in file], story.expected, names_of(data))
    print("\n".join(wrong + more) or "%s: %d numbers" % (os.path.basename(page), count))
    return 1 if wrong or more or count == 0 else 0


if __name__ == "__main__":
    try:
        import numpy  # noqa: F401
    except ImportError:
        print("skipped: numpy is missing")
        sys.exit(77)
    sys.exit(main(*sys.argv[1:]))

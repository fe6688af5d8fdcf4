#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The corpus of potion: a seeded generator of little stories that knows its own probabilities.

Each story ends in a word that the story decides: a feeling, a person, a place or a thing. The
grammar states the exact distribution of that word for every prompt it can make: that is what the
model is judged by. grammar.py has its words and clauses, tales.py its stories, asks.py its
questions.

    corpus.py --stories N [--lesson L]  the first N stories, one a line
    corpus.py --sha256                  hashes of the training stories of both lessons
    corpus.py --heldout N               JSON lines {"class", "prompt", "next": {" tired": 0.5, ...}}
"""
import argparse
import hashlib
import json
import os
import re

import asks
import grammar
import tales
from grammar import CLAUSES, EVENTS, FEELINGS, FLAT, SENSES, Dice

STORIES, SEED, HELDOUT_SEED = 700000, 11, 12
def sentence(prompt):
    """A prompt as if it was typed with small letters, without commas and a gap to fill."""
    text = prompt.lower().replace(",", "").rstrip("_.? ")
    return " ".join(text.split())


def typed_file(name):
    """dev.txt or people.txt: they are not part of this folder yet."""
    return os.path.join(grammar.HERE, "..", name)


def typed_by_people():
    """The sentences that people typed, of both files: they are kept out of the corpus."""
    found = set()
    for name in ("dev.txt", "people.txt"):
        with open(typed_file(name), encoding="utf-8") as f:
            found |= {sentence(line.partition(" |")[0]) for line in f if not line.startswith("#")}
    return found


OTHERS = {"two": tales.two, "cause": tales.cause, "react": tales.react, "after": tales.after,
          "odd": tales.odd}
SHARES = {"sense": 0.3, "event": 0.28, "two": 0.07, "cause": 0.05, "react": 0.02, "after": 0.015,
          "odd": 0.06, "ask-hand": 0.065, "ask-place": 0.045, "ask-who": 0.055, "ask-what": 0.02,
          "ask-feel": 0.02}
# The second lesson has more of what was learned last.
LESSONS = {1: SHARES, 2: {**SHARES, "sense": 0.26, "event": 0.23, "odd": 0.065, "ask-who": 0.09,
                          "ask-what": 0.035, "ask-feel": 0.055}}
CLASSES = sorted({"sense-" + CLAUSES[k][0] for k in SENSES} | set(EVENTS) | set(SHARES)
                 - {"sense", "event"})
MEMBERS = {c: [k for k in SENSES if "sense-" + CLAUSES[k][0] == c] for c in CLASSES}
MANY = sorted(k for k in EVENTS for _ in range(1 + int(len(CLAUSES[k][1]) ** 0.5)))


def article(text):
    return re.sub(r"\b([Aa]) (?=[aeiou])(?!uni|one|eu)", r"\1n ", text)


def typed(dice, text, choices):
    """What people type: now and then no capital, no comma, no question mark, a gap to fill."""
    text, r = article(text), dice.random()
    if r < 0.06:
        text, choices = text.lower(), {w.lower(): p for w, p in choices.items()}
    elif r < 0.09:
        text = text[:1].lower() + text[1:]
    elif r < 0.13:
        text = text.replace(",", "")
    elif r < 0.14:
        text = text.replace(", ", " , ")
    if text.endswith("?") and dice.chance(0.2):
        text = text[:-1]
    elif not text.endswith("?") and dice.chance(0.015):
        text += dice.pick([" ____", " ...", " ___"])
    return text, choices


def story(dice, name):
    """(class, prompt, held out?, what may follow, next)."""
    if name in asks.ASKS:
        text, out, word = asks.ASKS[name](dice)
        follow, choices = "", {word: 1.0}
    elif name in OTHERS:
        text, out, who, feeling = OTHERS[name](dice)
    else:
        kind = dice.pick(SENSES if name == "sense" else MANY if name == "event" else
                         MEMBERS[name] or [name])
        name = "sense-" + CLAUSES[kind][0] if kind in SENSES else kind
        text, out, who, feeling = tales.plain(dice, kind)
    if name not in asks.ASKS:
        choices, mood = FEELINGS[feeling] if feeling else (FLAT, "rest")
        follow = tales.follow_up(dice, who, mood)
    text, choices = typed(dice, text, choices)
    return name, text, out, follow, choices


def stories(count=STORIES, odd=True, lesson=1):
    """The training corpus; a story is (text, where its ending word starts). The sentences without
    sense can be left out."""
    dice, kept_out = Dice(SEED if lesson == 1 else SEED + 100 * lesson), typed_by_people()
    while count > 0:
        name, prompt, out, follow, choices = story(dice, dice.draw(LESSONS[lesson]))
        word = dice.draw(choices)
        if out or sentence(prompt) in kept_out:
            continue
        if odd or name != "odd":
            yield prompt + word + "." + follow, len(prompt)
        count -= 1


def heldout(count):
    """`count` different held-out prompts, the classes in turn."""
    dice, seen, name = Dice(HELDOUT_SEED), set(), 0
    while len(seen) < count:
        found = story(dice, CLASSES[name % len(CLASSES)])
        if found[2] and found[1] not in seen:
            seen.add(found[1])
            yield {"class": found[0], "prompt": found[1], "next": found[4]}
            name += 1


def words_of(text):
    return set(re.findall(r"[a-z]+", text.lower().replace("'s", "")))


def sha256(lesson):
    h = hashlib.sha256()
    for text, _ in stories(lesson=lesson):
        h.update(text.encode() + b"\n")
    return h.hexdigest()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--stories", type=int, metavar="N")
    options.add_argument("--lesson", type=int, choices=sorted(LESSONS), default=1)
    options.add_argument("--heldout", type=int, metavar="N")
    options.add_argument("--sha256", action="store_true")
    args = options.parse_args()
    for text, _ in stories(args.stories or 0, lesson=args.lesson):
        print(text)
    for row in heldout(args.heldout or 0):
        print(json.dumps(row))
    if args.sha256:
        for lesson in sorted(LESSONS):
            print("%s  corpus-%d.txt" % (sha256(lesson), lesson))


if __name__ == "__main__":
    main()

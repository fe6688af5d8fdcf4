#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The corpus of potion: a seeded generator of little stories that knows its own probabilities.

Each story ends in a word that depends on the sense of a two-sense word, and the grammar can state
the exact distribution of that word for every prompt it can make: that is what the model is judged
by.

    corpus.py --stories 1               the stories of lesson 1 (or 2), one a line
    corpus.py --sha256                  hash of each lesson's stories
    corpus.py --heldout 2304            JSON lines {"class", "prompt", "next": {" tired": 0.5, ...}}
    corpus.py --words                   the sorted list of words, lower-cased
"""
import argparse
import hashlib
import itertools
import json
import os
import random
import re
import zlib

LESSONS = {1: (200000, 1), 2: (140000, 5)}  # stories, seed
HELDOUT_SEED = 2
HERE = os.path.dirname(os.path.abspath(__file__))

GIRLS = """Sarah Anna Emma Lucy Mary Julia Alice Clara Nora Ella Rosa Helen Laura Maria Eva Ruth
Grace Lily Jane Kate Sophie Olga Vera Ida""".split()
BOYS = """Tom Ben Peter Paul Max Leo Jack Sam Henry Oscar David Simon Adam Felix Hugo Otto Mark Luke
John James George Frank Karl Ivan""".split()
GIRL_NOUNS = """the girl;the woman;the old woman;my mother;my sister;my aunt;the nurse;the queen;
the princess;his daughter;the waitress;the young lady""".replace("\n", "").split(";")
BOY_NOUNS = """the boy;the man;the old man;my father;my brother;my uncle;the king;the prince;
the farmer;her son;the sailor;the young man""".replace("\n", "").split(";")
OPENERS = ["Today", "Now", "This morning", "In the evening", "Every day", "Late at night",
           "Once again", "On Monday", "After lunch", "At last"]
FOLLOW = {  # what may come after the story, by the mood of its ending
    "good": ["{He} smiles.", "{He} sings a little song.", "What a lovely day!",
             "{He} laughs softly.", "{He} tells everybody about it."],
    "bad": ["{He} sighs.", "{He} wants to go home.", "What a bad day!", "{He} shakes {his} head.",
            "Nobody comes to help."],
    "rest": ["{He} closes {his} eyes.", "{He} yawns.", "The hours pass slowly.",
             "{He} says nothing.", "It is a long day."],
}
# A cause a sentence earlier decides the sense of a clause that says nothing itself.
CAUSES = [
    ("cause-run", "{Name} has {run ten miles,worked all night,danced for hours,"
     "carried heavy stones}.",
     "{he} lies still", "lies-soft"),
    ("cause-snow", "{Name} has {fallen into the snow,lost his coat in winter,swum in the icy river,"
     "slept in the frost}.", "{he} lies still", "lies-cold"),
    ("cause-floor", "{Name} has {no bed,slept on stones,only a wooden board,broken the bed}.",
     "{he} lies still", "lies-hard"),
    ("cause-vase", "{Name} has {broken the vase,stolen a coin,failed the test,eaten all the cake}.",
     "{he} lies about it", "lies-untrue"),
    ("cause-bite", "{Name} has {been bitten by a dog,met a wolf,seen a growling hound}.",
     "{he} hears the bark", "bark-dog"),
    ("cause-tree", "{Name} has {found an old oak,planted a tree,climbed a tree}.",
     "{he} touches the bark", "bark-tree"),
    ("cause-fish", "{Name} has {taken the fishing rod,walked to the river,seen the ducks}.",
     "{he} sits on the bank", "bank-river"),
    ("cause-debt", "{Name} has {lost all the money,unpaid bills,a large debt}.",
     "{he} goes to the bank", "bank-money"),
]
OBJECTS = "ball book key cup hat lamp coin doll kite drum".split()


def expand(text):
    """All strings that a text with {a,b} describes; {word} without a comma is left alone."""
    parts = re.split(r"(\{[^{}]*,[^{}]*\})", text)
    choices = [p[1:-1].split(",") if p.startswith("{") and "," in p else [p] for p in parts]
    return ["".join(c) for c in itertools.product(*choices)]


def alternatives(text):
    """The expanded alternatives of a table cell; "-" is the empty one; no ; inside {}."""
    found = [e.strip() for part in text.split(";") for e in expand(part.strip())]
    return ["" if e == "-" else e for e in found]


def read_senses():
    senses = {}
    for line in open(os.path.join(HERE, "senses.txt"), encoding="utf-8"):
        if line.startswith("#") or not line.strip():
            continue
        word, name, forms, middles, adjuncts, endings, mood = [c.strip() for c in line.split("|")]
        pairs = endings.split()
        senses[name] = {
            "word": word, "forms": forms.split(","), "middles": alternatives(middles),
            "adjuncts": alternatives(adjuncts), "mood": mood,
            "next": {" " + w: int(n) / 10 for w, n in zip(pairs[::2], pairs[1::2])},
        }
    return senses


SENSES = read_senses()


class Dice:
    """random.Random.random() alone is the same in every Python version."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def pick(self, things):
        return things[int(self.random() * len(things))]

    def chance(self, p):
        return self.random() < p


def held(text, every):
    """True for one text in `every`, always the same ones."""
    return zlib.crc32(text.encode()) % every == 0


def upper_first(text):
    return text[:1].upper() + text[1:]


def subject(dice):
    """(how the story calls the person, "he" or "she")"""
    girl = dice.chance(0.5)
    kind = dice.random()
    if kind < 0.65:
        return dice.pick(GIRLS if girl else BOYS), "she" if girl else "he"
    if kind < 0.85:
        return dice.pick(GIRL_NOUNS if girl else BOY_NOUNS), "she" if girl else "he"
    return ("she" if girl else "he"), "she" if girl else "he"


def gendered(text, he):
    """The table speaks of "he", "his", "him"; {He}, {he}, {his} are marked ones."""
    his = {"he": "his", "she": "her"}[he]
    text = text.replace("{He}", upper_first(he)).replace("{he}", he).replace("{his}", his)
    if he == "she":
        text = re.sub(r"\bhis\b", "her", text)
        text = re.sub(r"\bhim\b", "her", text)
        text = re.sub(r"\bhe\b", "she", text)
    return text


def link(dice, tense, he):
    """The text between the clause and its ending word."""
    feels = "felt" if tense == 2 else "feels"
    r = dice.random()
    if r < 0.6:
        return ", feeling"
    if r < 0.7:
        return " feeling"
    if r < 0.9:
        return " and " + feels
    return ". %s %s" % (upper_first(he), feels)


def clause(dice, name):
    """A story about one sense: (prompt, held out?, mood, he, next); None: for neither set."""
    s = SENSES[name]
    who, he = subject(dice)
    tense = [0, 0, 0, 1, 2][int(dice.random() * 5)]
    middle, adjunct = dice.pick(s["middles"]), dice.pick(s["adjuncts"])
    adjunct_first = dice.chance(0.4)
    # Whole frames and pairs of person and adjunct are kept out of training.
    frames = [held("%s %s %s %d" % (name, middle, adjunct, order), 12) for order in (0, 1)]
    pair = held(who + " " + adjunct, 12)
    out = pair or frames[adjunct_first]
    if adjunct.startswith("and ") and out and not (pair or all(frames)):
        out = None  # one order only: the same words may stand in the corpus, so no test
    core = " ".join(p for p in [who, s["forms"][tense], gendered(middle, he)] if p)
    adjunct = gendered(adjunct, he)
    if adjunct_first and not adjunct.startswith("and "):
        text = adjunct + ("," if dice.chance(0.5) else "") + " " + core
    else:
        text = core + " " + adjunct
        if dice.chance(0.2):
            text = dice.pick(OPENERS) + " " + text
    return upper_first(text) + link(dice, tense, he), out, s["mood"], he, s["next"]


def cause(dice, row):
    _, first, then, name = row
    s = SENSES[name]
    girl = dice.chance(0.5)
    he = "she" if girl else "he"
    who = dice.pick(GIRLS if girl else BOYS)
    said = dice.pick(expand(first.replace("{Name}", who)))
    out = held(said, 8)
    now = dice.pick(["Now ", "And now ", "So ", ""])
    text = gendered(said, he) + " " + upper_first(now + gendered(then, he))
    return text + link(dice, 0, he), out, s["mood"], he, s["next"]


def track(dice):
    """Where is it now? One object goes from hand to hand."""
    people = []
    while len(people) < 3:
        p = dice.pick(GIRLS + BOYS)
        if p not in people:
            people.append(p)
    a, b, c = people
    thing = dice.pick(OBJECTS)
    he = "she" if b in GIRLS else "he"
    if dice.chance(0.5):
        text = "%s gives the %s to %s. Now the %s belongs to" % (a, thing, b, thing)
        out, last = held(a + thing + b, 8), b
    else:
        text = "%s gives the %s to %s. %s gives it to %s. Now the %s belongs to" % (
            a, thing, b, upper_first(b), c, thing)
        out, last = held(b + thing + c, 8), c
        he = "she" if c in GIRLS else "he"
    return text, out, "good", he, {" " + last: 1.0}


# "lies" with nothing but a place: only lesson 2 has it.
BARE = [name for name in SENSES if name.startswith("bare-")]
CLASSES = [n for n in SENSES if n not in BARE] + [c[0] for c in CAUSES] + ["track-hand"]


def story(dice, name=None):
    """(class, prompt, held out?, mood, he, next). Classes are drawn evenly: no majority answer."""
    name = name or dice.pick(CLASSES)
    if name == "track-hand":
        return (name,) + track(dice)
    for row in CAUSES:
        if row[0] == name:
            return (name,) + cause(dice, row)
    return (name,) + clause(dice, name)


def draw(dice, choices):
    r = dice.random()
    for word, p in choices.items():
        r -= p
        if r < 0:
            return word
    return word


def second_class(dice):
    """Lesson 2 has more of what is hard: handing things on, and "lies" without a hint."""
    r = dice.random()
    if r < 0.2:
        return "track-hand"
    return dice.pick(BARE + ["lies-untrue"] * 3) if r < 0.32 else None


def stories(lesson=1):
    """The training corpus; a story is (text, where its ending word starts)."""
    count, seed = LESSONS[lesson]
    dice = Dice(seed)
    while count > 0:
        name = second_class(dice) if lesson == 2 else None
        _, prompt, out, mood, he, choices = story(dice, name)
        if out is not False:
            continue
        text = prompt + draw(dice, choices) + "."
        if dice.chance(0.4):
            text += " " + gendered(dice.pick(FOLLOW[mood]), he)
        yield text, len(prompt)
        count -= 1


def heldout(count):
    """`count` different held-out prompts, the classes in turn."""
    dice, seen, name, classes = Dice(HELDOUT_SEED), set(), 0, CLASSES + BARE
    while len(seen) < count:
        found = story(dice, classes[name % len(classes)])
        if found[2] and found[1] not in seen:
            seen.add(found[1])
            yield {"class": found[0], "prompt": found[1], "next": found[5]}
            name += 1


def words_of(text):
    return set(re.findall(r"[a-z]+", text.lower().replace("'s", "")))


def words():
    return sorted(set().union(*(words_of(text) for k in LESSONS for text, _ in stories(k))))


def sha256(lesson):
    h = hashlib.sha256()
    for text, _ in stories(lesson):
        h.update(text.encode() + b"\n")
    return h.hexdigest()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--stories", type=int, choices=list(LESSONS))
    options.add_argument("--heldout", type=int, metavar="N")
    options.add_argument("--sha256", action="store_true")
    options.add_argument("--words", action="store_true")
    args = options.parse_args()
    if args.stories:
        for text, _ in stories(args.stories):
            print(text)
    if args.heldout:
        for row in heldout(args.heldout):
            print(json.dumps(row))
    if args.sha256:
        for lesson in LESSONS:
            print("%s  corpus-%d.txt" % (sha256(lesson), lesson))
    if args.words:
        print("\n".join(words()))


if __name__ == "__main__":
    main()

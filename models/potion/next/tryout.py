#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tryout.py: writes tryout.txt, what `decoct words` shows first.

A line "NAME: WORD WORD ..." is a group of words, a line "TEXT | TEXT" two texts to compare.
"""
import os

import grammar

HERE = os.path.dirname(os.path.abspath(__file__))

PLACES = """airport attic barn beach bed border cave cellar church desert farm floor forest garage garden gate hall
harbour hospital island jungle kitchen lake museum park pool porch river road school ship snow sofa stadium station
street swamp theatre tunnel village zoo""".split()
PAIRS = [
    ("Sarah lies still on the bed, feeling", "Sarah lies to her mother, feeling"),
    ("Tom sees a bat in the cave, feeling", "Tom swings the bat in the stadium, feeling"),
    ("Anna sits on the bank of the river, feeling", "Anna goes to the bank with no money, feeling"),
    ("Ben wins the match in the final, feeling", "Ben strikes a match near the gasoline, feeling"),
    ("Mary hears the dog bark in the dark alley, feeling", "Mary touches the bark of the oak, feeling"),
    ("We lie in the snow, feeling", "The children lie in the sun, feeling"),
    ("Tom gives the ball to Anna. Who has the ball?", "The ball is in the garden. Where is the ball?"),
    ("Leo has a cold with a fever, feeling", "Leo drinks a cold lemonade at the beach, feeling"),
]


def text():
    senses = [name.split("-")[1] for name in grammar.SENSES]
    feelings = {word.strip() for choices, _ in grammar.FEELINGS.values() for word in choices}
    with open(os.path.join(HERE, "words.txt"), encoding="utf-8") as f:
        known = f.read().split()
    groups = {
        "people": grammar.PEOPLE["girls"] + grammar.PEOPLE["boys"],
        "two senses": sorted({w for w in senses if senses.count(w) > 1 and w in known}),
        "places": PLACES,
        "feelings": sorted(feelings),
    }
    lines = ["# Made by models/potion/tryout.py. A line is a group of words, or two texts to compare."]
    lines += ["%s: %s" % (name, " ".join(words)) for name, words in groups.items()]
    return "\n".join(lines + [" | ".join(pair) for pair in PAIRS]) + "\n"


if __name__ == "__main__":
    with open(HERE + "/tryout.txt", "w", encoding="utf-8") as f:
        f.write(text())

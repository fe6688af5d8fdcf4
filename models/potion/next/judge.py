#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""judge.py DECOCT [FILE [MODEL]]: what the program answers to sentences that a person typed.

FILE (default: people.txt) has a prompt and the words that are believable after it in each line. An
answer is believable if its most probable word is one of them; it carries a warning if the program
adds a note (cli/notes.h). Exit code 0: the marks are reached.
"""
import os
import sys

import notes

HERE = os.path.dirname(os.path.abspath(__file__))
BELIEVABLE, WARNED = 75, 5  # at least, of 100; at most, of the believable ones


def judge(decoct, path, model=HERE):
    """[(believable?, notes, prompt, answer, its probability)]"""
    found = []
    for prompt, good in notes.sentences(path):
        answer = notes.ask(decoct, prompt, model)
        best = answer["next"][0]
        found.append((notes.believable(answer, good), answer["notes"], prompt,
                      best["text"].strip(), best["p"]))
    return found


def report(rows):
    """Prints every answer and the marks; true if all are reached."""
    for good, told, prompt, word, p in sorted(rows, key=lambda r: (r[0], bool(r[1]))):
        print("%-5s %s %s %.2f%s" % ("good" if good else "WRONG", prompt, word.upper(), p,
                                     "  [%s]" % "; ".join(told) if told else ""))
    believable = [r for r in rows if r[0]]
    warned = sum(1 for r in believable if r[1])
    silent = sum(1 for r in rows if not r[0] and not r[1])
    print("believable %d of %d (mark: %d of 100)" % (len(believable), len(rows), BELIEVABLE))
    print("believable with a warning %d (mark: at most %d)" % (warned, WARNED))
    print("others without a warning %d (mark: 0)" % silent)
    return (len(believable) * 100 >= BELIEVABLE * len(rows) and warned <= WARNED and silent == 0)


def main():
    path = sys.argv[2] if len(sys.argv) > 2 else HERE + "/people.txt"
    rows = judge(sys.argv[1], path, *sys.argv[3:4])
    return 0 if report(rows) else 1


if __name__ == "__main__":
    sys.exit(main())

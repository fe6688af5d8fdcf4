#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_grammar.py: verb forms, held-out sentences and distributions of the grammar."""
import unittest

import corpus
import evaluate
import grammar


def typed(name):
    """The prompts of dev.txt or people.txt."""
    with open(corpus.typed_file(name), encoding="utf-8") as f:
        return [line.partition(" |")[0] for line in f if not line.startswith("#") and line.strip()]


class Verbs(unittest.TestCase):
    def test_forms(self):
        for phrase, key, tense, want in (
                ("lose his ring", "sg", "present", "loses his ring"),
                ("lie to his boss", "I", "past", "lied to his boss"),
                ("lie on the bed", "pl", "past", "lay on the bed"),
                ("lie on the bed", "sg", "cont", "is lying on the bed"),
                ("be late", "pl", "past", "were late"),
                ("not win the match", "sg", "perfect", "has not won the match"),
                ("cannot sleep", "sg", "past", "could not sleep"),
                ("still wait", "sg", "present", "still waits"),
                ("carry a bag", "sg", "past", "carried a bag"),
                ("drop a cup", "sg", "cont", "is dropping a cup"),
                ("beat the champion", "pl", "perfect", "have beaten the champion")):
            self.assertEqual(grammar.conjugate(phrase, key, tense), want)

    def test_persons(self):
        they = grammar.Person("the boys", "they", "pl")
        she = grammar.Person("Emma", "she", "sg", True)
        text = "a bat ~fly into his hair"
        self.assertEqual(grammar.verbs(they.fill(text), they, "past"), "a bat flew into their hair")
        self.assertEqual(grammar.verbs(she.fill("SPOUSE ~leave him"), she, "present"),
                         "her husband leaves her")
        self.assertEqual((they.owner(), she.owner()), ("the boys'", "Emma's"))


class Grammar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sentences = {corpus.sentence(text[:end]) for lesson in corpus.LESSONS
                         for text, end in corpus.stories(lesson=lesson)}

    def test_no_heldout_sentence_leaks(self):
        for row in corpus.heldout(evaluate.PROMPTS):
            self.assertNotIn(corpus.sentence(row["prompt"]), self.sentences)
            self.assertAlmostEqual(sum(row["next"].values()), 1)

    def test_no_sentence_of_people_is_in_the_corpus(self):
        for name in ("dev.txt", "people.txt"):
            found = sum(corpus.sentence(prompt) in self.sentences for prompt in typed(name))
            self.assertEqual(found, 0, name)  # the count only: people.txt is not to be looked at

    def test_one_distribution_a_prompt(self):
        dice, known = corpus.Dice(3), {}
        for _ in range(50000):
            found = corpus.story(dice, dice.draw(corpus.SHARES))
            self.assertEqual(known.setdefault(found[1], found[4]), found[4], found[1])

    def test_two_senses(self):
        senses = [name.split("-")[1] for name in grammar.SENSES]
        self.assertGreaterEqual(len({w for w in senses if senses.count(w) > 1}), 60)


if __name__ == "__main__":
    unittest.main()

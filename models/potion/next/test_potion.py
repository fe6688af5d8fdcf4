#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_potion.py [PATH-OF-LIBDECOCT]: files, corpus and held-out marks of the default model.

Python's standard library only. Without the library the marks are skipped.
"""
import ctypes
import hashlib
import math
import os
import sys
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # bpe.py and gpt.py serve both

import bpe
import corpus
import evaluate
import pairs
import test_grammar

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
ODD = ["", " ", "  two  spaces ", "it's we'll", "a\n\n b\t", "caf\u00e9 \u0416\u00df \u4e2d\u6587",
       "12 \u00bd \u0664", "\u00a0x\u3000y", "!?-- (so)", "'S 's'd", "\U0001f600!", "<|endoftext",
       "x\u0301e"]


def sums():
    with open(HERE + "/SHA256SUMS", encoding="utf-8") as f:
        lines = f.read().splitlines()
    return dict(reversed(line.split("  ", 1)) for line in lines if not line.startswith("#"))


class Files(unittest.TestCase):
    def test_sums(self):
        for name, want in sums().items():
            if name != "corpus.txt":
                with open(os.path.join(HERE, name), "rb") as f:
                    self.assertEqual(hashlib.sha256(f.read()).hexdigest(), want, name)


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sentences, cls.company, h = set(), pairs.Company(), hashlib.sha256()
        for text, end in corpus.stories():
            h.update(text.encode() + b"\n")
            cls.sentences.add(corpus.sentence(text[:end]))
        for text, _ in corpus.stories(odd=False):
            cls.company.add(corpus.words_of(text))
        cls.hash = h.hexdigest()

    def test_hash(self):
        self.assertEqual(self.hash, sums()["corpus.txt"])

    def test_words(self):
        with open(HERE + "/words.txt", encoding="utf-8") as f:
            self.assertEqual(f.read().split("\n"), self.company.words() + [""])

    def test_pairs(self):
        with open(HERE + "/pairs.bin", "rb") as f:
            self.assertTrue(f.read() == self.company.pairs(), "run pairs.py")

    def test_bits_of_pairs(self):
        company = pairs.Company()
        for story in ("cold snow", "bed snow", "bed tired"):
            company.add(set(story.split()))
        self.assertEqual(company.words(), ["bed", "cold", "snow", "tired"])
        # cold: not with bed; snow: with bed and cold; tired: with bed only
        self.assertEqual(company.pairs(), bytes([0b001110]))


class Library:
    """As much of libdecoct as the marks need."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.decoct_last_error.restype = ctypes.c_char_p
        self.context, self.model = ctypes.c_void_p(), ctypes.c_void_p()
        self.session = ctypes.c_void_p()
        self.call("decoct_context_open", None, ctypes.byref(self.context))
        self.call("decoct_model_open", self.context, HERE.encode(), ctypes.byref(self.model))
        self.call("decoct_session_create", self.context, self.model, ctypes.c_int64(0),
                  ctypes.byref(self.session))
        self.logits = (ctypes.c_float * len(bpe.Encoder(HERE).ids))()

    def call(self, name, *args):
        status = getattr(self.c, name)(*args)
        if status != 0:
            words = self.c.decoct_last_error(self.context) if self.context else b""
            raise RuntimeError("%s: %d %s" % (name, status, words.decode()))

    def close(self):
        self.c.decoct_session_destroy(self.session)
        self.c.decoct_model_close(self.model)
        self.c.decoct_context_close(self.context)

    def encode(self, text):
        data, count, ids = text.encode(), ctypes.c_int64(), (ctypes.c_int32 * 256)()
        self.call("decoct_encode", self.context, self.model, data, ctypes.c_uint64(len(data)), ids,
                  ctypes.c_int64(256), ctypes.byref(count))
        return list(ids[:count.value])

    def predict(self, ids):
        self.call("decoct_session_truncate", self.context, self.session, ctypes.c_int64(0))
        self.call("decoct_session_eval", self.context, self.session,
                  (ctypes.c_int32 * len(ids))(*ids), ctypes.c_int64(len(ids)), 0, self.logits)
        logits = list(self.logits)
        top = max(logits)
        norm = top + math.log(sum(math.exp(x - top) for x in logits))
        return [x - norm for x in logits]


@unittest.skipUnless(LIBRARY, "no library was named")
class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library, cls.encoder = Library(LIBRARY), bpe.Encoder(HERE)

    @classmethod
    def tearDownClass(cls):
        cls.library.close()

    def test_tokens(self):
        texts = ODD + [row["prompt"] for row in corpus.heldout(300)]
        for text in texts:
            self.assertEqual(self.library.encode(text), self.encoder.encode(text), repr(text))

    def test_marks(self):
        self.assertTrue(evaluate.report(evaluate.marks(self.library.predict, self.encoder)))


if __name__ == "__main__":
    unittest.main()

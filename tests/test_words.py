# SPDX-License-Identifier: BSD-2-Clause
# `decoct words`: test_words.py PATH-OF-DECOCT. The lists are read again by models/potion/notes.py, and every text that
# is offered is tried.
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
HERE = os.path.dirname(os.path.abspath(__file__))
POTION = os.path.join(HERE, "..", "models", "potion")
GPT2 = os.path.join(HERE, "fixtures", "models", "gpt2-f32")
sys.path.insert(0, POTION)
sys.dont_write_bytecode = True
import notes  # noqa: E402

VOCABULARY = notes.Vocabulary()
WORDS = list(VOCABULARY.words)
COMMON = {w for w, i in VOCABULARY.words.items()
          if len(VOCABULARY.met[i]) * 100 / (len(WORDS) - 1) > notes.thresholds()["COMMON_PERCENT"]}


def run(*args, code=0):
    done = subprocess.run([DECOCT, *args], env=dict(os.environ, LC_ALL="C.UTF-8"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    if done.returncode != code:
        raise AssertionError("exit code %d\n%s" % (done.returncode, done.stderr.decode()))
    return done.stdout.decode(), done.stderr.decode()


def company(word):
    return {WORDS[i] for i in VOCABULARY.met[VOCABULARY.words[word]]}


class Overview(unittest.TestCase):
    def test_groups(self):
        out, err = run("words")
        self.assertEqual(err, "")
        self.assertIn("stories that use %d different words" % len(WORDS), out)
        found = json.loads(run("words", "--json")[0])
        self.assertEqual(found["words"], WORDS)
        self.assertEqual(list(found["groups"]), ["people", "two senses", "places", "feelings"])
        text = " ".join(out.split())
        for name, words in found["groups"].items():
            self.assertGreater(len(words), 20)
            self.assertIn("%s %s" % (name, " ".join(words)), text)
            for word in words:
                self.assertIn(word.lower(), WORDS)

    def test_texts_to_try(self):
        """Their answers are without a note, and differ in each pair."""
        offered = re.findall(r"(?m)^  decoct next '(.*)'$", run("words")[0])
        pairs = json.loads(run("words", "--json")[0])["try"]
        self.assertEqual(offered, [text for pair in pairs for text in pair])
        self.assertGreaterEqual(len(pairs), 5)
        for pair in pairs:
            answers = [json.loads(run("next", "--json", text)[0]) for text in pair]
            self.assertEqual([answer["notes"] for answer in answers], [[], []], pair)
            self.assertEqual(len({answer["next"][0]["text"] for answer in answers}), 2, pair)


class Words(unittest.TestCase):
    def test_company(self):
        self.assertTrue({"the", "sarah"} <= COMMON and not {"snow", "bed", "bark"} & COMMON)
        for word in ("snow", "bed", "bark", "Sarah's", "the"):
            out = " ".join(run("words", word)[0].split())
            base = word.lower().replace("'s", "")
            head = "%s: known; it occurred with %d of the %d other words" % (word, len(company(base)), len(WORDS) - 1)
            if base in COMMON:
                self.assertEqual(out, head + ": a common word")
            else:
                common = company(base) & COMMON
                rest = sorted(company(base) - COMMON)
                self.assertEqual(out, "%s. %d of these are common; the others are %s"
                                 % (head, len(common), " ".join(rest)))

    def test_together(self):
        out = run("words", "snow", "bed", "Tired", "xyzzy")[0]
        for a, b in (("snow", "bed"), ("snow", "Tired"), ("bed", "Tired")):
            met = b.lower() in company(a)
            self.assertIn("\n%s with %s: %s\n" % (a, b, "in at least one story" if met else "never in one story"), out)
        self.assertIn("\nxyzzy: never seen\n", out)
        self.assertNotIn("with xyzzy", out)

    def test_patterns(self):
        head, _, rest = run("words", "*")[0].partition("\n")
        self.assertEqual(head, "*: %d of %d words match" % (len(WORDS), len(WORDS)))
        self.assertEqual(rest.split(), WORDS)
        found = run("words", "B?d*")[0].split("\n", 1)[1].split()
        self.assertEqual(found, [w for w in WORDS if re.match("b.d", w)])
        self.assertEqual(run("words", "zz*", code=14)[0].split("\n")[0], "zz*: 0 of %d words match" % len(WORDS))

    def test_unknown(self):
        self.assertEqual(run("words", "xyzzy", code=14)[0], "xyzzy: never seen\n")
        self.assertEqual(run("words", "\033[2J", code=14)[0].count("\033"), 0)
        found = json.loads(run("words", "--json", "xyzzy", code=14)[0])
        self.assertEqual(found["asked"], [{"asked": "xyzzy", "known": []}])

    def test_json(self):
        found = json.loads(run("words", "--json", "Snow", "the")[0])["asked"]
        self.assertEqual([f["asked"] for f in found], ["Snow", "the"])
        snow, the = (f["known"][0] for f in found)
        self.assertEqual((snow["word"], snow["common"], the["common"]), ("snow", False, True))
        self.assertEqual(snow["with"], sorted(company("snow")))


class OtherModels(unittest.TestCase):
    def test_no_list(self):
        out, _ = run("words", "--model", GPT2)
        self.assertIn("no list", out)
        self.assertIn("300\ntokens" if "300\n" in out else "300 tokens", out)
        self.assertIn("no list", run("words", "--model", GPT2, "bed", code=14)[0])
        found = json.loads(run("words", "--json", "--model", GPT2)[0])
        self.assertEqual(found, {"vocabulary": 300, "words": None, "groups": {}, "try": []})

    def folder(self, **files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in os.listdir(GPT2):
            os.symlink(os.path.join(GPT2, name), os.path.join(folder.name, name))
        for name, text in files.items():
            with open(os.path.join(folder.name, name + ".txt"), "w", encoding="utf-8") as file:
                file.write(text)
        return folder.name

    def test_list_alone(self):
        folder = self.folder(words="bed\ncold\nsnow\n")
        self.assertEqual(run("words", "--model", folder)[0],
                         "This model was trained on stories that use 3 different words:\n\n  bed cold snow\n")
        self.assertEqual(run("words", "--model", folder, "bed", "cold")[0], "bed: known\ncold: known\n")
        found = json.loads(run("words", "--model", folder, "--json", "bed")[0])
        self.assertEqual(found["asked"][0]["known"], [{"word": "bed", "common": None, "with": None}])

    def test_tryout_that_is_odd(self):
        folder = self.folder(words="bed\n", tryout="# x: y\nfurniture: bed\nno sense\na: c | b\n")
        out, err = run("words", "--model", folder)
        self.assertEqual(err, "note: tryout.txt: a line is neither NAME: WORDS nor TEXT | TEXT: no sense\n")
        self.assertIn("\n  furniture   bed\n", out)
        self.assertIn("\n  decoct next 'a: c'\n  decoct next 'b'\n", out)
        self.assertNotIn("x", json.loads(run("words", "--json", "--model", folder)[0])["groups"])

    def test_lists_are_not_replaced(self):
        folder = self.folder(words="bed\n", tryout="a | b\n")
        for name in ("words.txt", "tryout.txt"):
            link = os.path.join(folder, name + ".svg")
            os.symlink(name, link)
            _, err = run("attend", "--model", folder, "bed", "-o", link, code=64)
            self.assertIn("is a file of the model", err)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: BSD-2-Clause
# What the program says of a prompt beside its answer: test_notes.py PATH-OF-DECOCT. Words and pairs
# that potion has never seen are computed again by models/potion/notes.py.
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
HERE = os.path.dirname(os.path.abspath(__file__))
POTION = os.path.join(HERE, "..", "models", "potion")
sys.path.insert(0, POTION)
sys.dont_write_bytecode = True
import notes  # noqa: E402

SARAH = "Sarah lies still on the bed, feeling"
ODD = "Kate's xyzzy, Xyzzy lies beside a 'quark' on the beach, with the chess prize, feeling"
KINDS = {"never seen": "unseen", "outside my stories": "apart", "unsure": "unsure"}


def run(*args, model=None):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    done = subprocess.run([DECOCT, args[0], *(["--model", model] if model else []), *args[1:]],
                          env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)
    if done.returncode:
        raise AssertionError("exit code %d\n%s" % (done.returncode, done.stderr.decode()))
    return done.stdout.decode(), done.stderr.decode()


def on_stderr(err):
    return [line[6:] for line in err.splitlines() if line.startswith("note: ")]


class Folder:
    """potion with other lists."""

    def __init__(self, test, words=None, pairs=None):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.name = folder.name
        for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt"):
            os.symlink(os.path.join(os.path.realpath(POTION), name), os.path.join(self.name, name))
        for name, data in (("words.txt", words), ("pairs.bin", pairs)):
            if data is not None:
                with open(os.path.join(self.name, name), "wb") as file:
                    file.write(data)

    def notes(self, prompt):
        return json.loads(run("next", "--json", "--", prompt, model=self.name)[0])["notes"]


class Notes(unittest.TestCase):
    def test_as_computed_again(self):
        vocabulary, limits = notes.Vocabulary(), notes.thresholds()
        self.assertEqual(len(limits), 3)
        seen = set()
        for prompt, _ in list(notes.sentences(os.path.join(POTION, "dev.txt")))[::3] + [(SARAH, []), (ODD, [])]:
            with self.subTest(prompt):
                out, err = run("next", "--json", "--", prompt)
                answer = json.loads(out)
                self.assertEqual(on_stderr(err), answer["notes"])
                shown = {KINDS[note.partition(":")[0]] for note in answer["notes"]}
                self.assertEqual(shown, notes.kinds(vocabulary, prompt, answer, limits))
                if "unsure" in shown:
                    self.assertEqual(answer["notes"][-1], "unsure: the best answer has only %.0f %%"
                                     % (answer["next"][0]["p"] * 100))
                seen |= shown
        self.assertEqual(seen, set(KINDS.values()))

    def test_names_them(self):
        words = b"bed\ncold\nfeeling\nsnow\ntired\nu\nv\nw\nx\ny\n"
        # cold met snow, and "feeling" the first five: it is common
        pairs = bytes([0b00110110, 0b00000001, 0, 0, 0, 0])
        prompt = "Bed and snow, snow's feeling cold. Bed"
        bare = Folder(self, words)
        found = bare.notes(prompt)
        self.assertEqual(found[0], "never seen: and")
        self.assertNotIn("outside my stories", " ".join(found))
        found = Folder(self, words, pairs).notes(prompt)
        self.assertEqual(found[:2], ["never seen: and", "outside my stories: bed with snow, bed with cold"])

    def test_long_lists(self):
        many = ["w%s" % chr(ord("a") + i) for i in range(11)]
        folder = Folder(self, b"bed\n")
        self.assertEqual(folder.notes(" ".join(many))[0], "never seen: %s and 3 more" % ", ".join(many[:8]))
        apart = Folder(self, "".join(w + "\n" for w in many).encode(), bytes(7))
        self.assertEqual(apart.notes("wa wb wc wd wa")[0],
                         "outside my stories: wa with wb, wa with wc, wa with wd and 3 more")

    def test_the_answer_is_one_of_the_words(self):
        words = b"bed\nfeeling\nlies\non\nsarah\nstill\nthe\ntired\nx\ny\n"
        pairs = bytearray(b"\xff" * 6)
        self.assertEqual(Folder(self, words, bytes(pairs)).notes(SARAH), [])
        for other in (w for w in range(9) if w != 7):  # tired met no other
            more, less = max(7, other), min(7, other)
            bit = more * (more - 1) // 2 + less
            pairs[bit // 8] &= ~(1 << bit % 8)
        self.assertEqual(Folder(self, words, bytes(pairs)).notes(SARAH), [])  # the others are common
        self.assertEqual(Folder(self, b"bed\ntired\n", bytes(1)).notes(SARAH)[-1],
                         "outside my stories: bed with tired")

    def test_lists_that_are_broken(self):
        words = b"bed\ncold\nsnow\n"
        for size in (0, 2):
            self.assertIn("pairs.bin does not fit words.txt: it needs 1 bytes; pairs are not checked",
                          Folder(self, words, bytes(size)).notes("bed"))
        found = Folder(self, b"x" * (1 << 20) + b"\n").notes("bed")
        self.assertEqual(found, ["words.txt has more than 1048576 bytes: words are not checked"])
        for text, fault in ((b"bed\n\0snow\n", "has a zero byte"), (b"\n\n", "has no word")):
            self.assertEqual(Folder(self, text, b"").notes("bed"), ["words.txt %s: words are not checked" % fault])
        folder = Folder(self)
        os.mkfifo(os.path.join(folder.name, "words.txt"))  # the program does not wait for somebody to write
        self.assertEqual(folder.notes("bed"), ["words.txt is not a regular file: words are not checked"])

    def test_model_without_a_list(self):
        self.assertEqual(Folder(self).notes(ODD), [])
        self.assertEqual(run("generate", "xyzzy", "-n", "2", model=Folder(self).name)[1],
                         "note: stopped after 2 tokens (-n); the text has not ended\n")


class Everywhere(unittest.TestCase):
    def setUp(self):
        self.notes = json.loads(run("next", "--json", ODD)[0])["notes"]
        self.assertEqual(self.notes[0], "never seen: xyzzy, quark")
        self.assertTrue(self.notes[1].startswith("outside my stories: "), self.notes)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "map")

    def test_terminal_and_why(self):
        for command in ("next", "attend", "why"):
            self.assertEqual(on_stderr(run(command, ODD)[1]), self.notes, command)
            self.assertEqual(run(command, SARAH)[1], "", command)
        self.assertEqual(json.loads(run("why", "--json", ODD)[0])["notes"], self.notes)

    def test_cuts_change_no_note(self):
        self.assertEqual(run("attend", SARAH, "--cut", "*:bed")[1], "")
        self.assertEqual(on_stderr(run("attend", ODD, "--cut", "*:beach")[1]), self.notes)

    def test_page(self):
        for prompt, wanted in ((ODD, self.notes), (SARAH, [])):
            err = run("attend", prompt, "-o", self.path + ".html")[1]
            self.assertEqual(on_stderr(err), wanted)
            with open(self.path + ".html", encoding="utf-8") as file:
                data = re.search(r'id="data">(.*?)</script>', file.read(), re.S).group(1)
            self.assertEqual(json.loads(data)["notes"], wanted)

    def test_picture(self):
        def texts(prompt):
            run("attend", prompt, "-o", self.path + ".svg")
            tree = xml.etree.ElementTree.parse(self.path + ".svg").getroot()
            return int(tree.get("height")), [e for e in tree if e.tag.endswith("}text")]
        height, found = texts(ODD)
        lines = " ".join(e.text for e in found[-5:])
        for note in self.notes:
            self.assertIn(note, lines)
        for e in found[-3:]:
            self.assertLess(int(e.get("y")), height)
        many = "loses farmers blows hottest everyone pirates cancelled prisoner"
        found = [e.text for e in texts("Sarah " + many + " lies")[1] if e.text]
        self.assertTrue(all(len(line) <= 80 for line in found), found)
        self.assertIn("never seen: " + many.replace(" ", ", "), " ".join(found))
        self.assertNotIn("never seen", " ".join(e.text for e in texts(SARAH)[1]))


class Endings(unittest.TestCase):
    def test_what_ended_the_text(self):
        for args, wanted in ((["-n", "60"], "note: the model ended the text\n"),
                             (["-n", "2"], "note: stopped after 2 tokens (-n); the text has not ended\n")):
            out, err = run("generate", SARAH, "-t", "0", *args)
            self.assertEqual(err, wanted)
            self.assertTrue(out.startswith(SARAH + " tired") and "note" not in out, out)
        # At such a temperature the token that ends a text is one of 2000.
        full = [run("generate", SARAH, "-t", "100", "--top-k", "0", "-n", "1000", "-s", str(s))[1] for s in range(3)]
        self.assertIn("note: stopped: the model's context of 64 tokens is full\n", full)

    def test_notes_come_after_the_text(self):
        out, err = run("generate", ODD, "-n", "3")
        self.assertEqual(on_stderr(err)[:-1], json.loads(run("next", "--json", ODD)[0])["notes"])
        self.assertTrue(out.startswith(ODD), out)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: BSD-2-Clause
# `decoct why`: test_why.py PATH-OF-DECOCT. Every answer without a word is compared with the one of
# `decoct attend --cut`, which runs the whole text on a new session.
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
HERE = os.path.dirname(os.path.abspath(__file__))
SNOW = "Sarah lies in the snow, feeling"
SVG = "{http://www.w3.org/2000/svg}"
MODELS = os.path.join(HERE, "fixtures", "models")


def run(*args, locale="C.UTF-8", **env):
    full = dict(os.environ, LC_ALL=locale, **env)
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=full, timeout=600)
    return done.returncode, done.stdout, done.stderr


def why(*args):
    code, out, err = run("why", "--json", *args)
    assert code == 0, err
    return json.loads(out)


def cut(numbers, *args):
    """The answer after words with these numbers were hidden from all after them: [(p, before)]."""
    cuts = [part for number in numbers for part in ("--cut", "*:%d" % number)]
    code, out, err = run("attend", *args, *cuts, "-o", "-")
    assert code == 0, err
    data = re.search(rb'id="data">(.*?)</script>', out, re.S).group(1)
    return [(entry["p"], entry["before"]) for entry in json.loads(data)["answer"]]


def write_long_model(folder):
    """The fixture gpt2-f32 with room for 600 tokens: its positions again and again. And with its first block only: how
    many words are allowed does not depend on blocks, and an emulator takes long for thousands of runs."""
    source = os.path.join(MODELS, "gpt2-f32")
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(os.path.join(source, name), os.path.join(folder, name))
    with open(os.path.join(source, "config.json"), encoding="ascii") as file:
        config = json.load(file)
    config.update(n_positions=600, n_ctx=600, n_layer=1)
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
        json.dump(config, file)
    with open(os.path.join(source, "model.safetensors"), "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    entry = next(entry for name, entry in header.items() if name.endswith("wpe.weight"))
    first, last = entry["data_offsets"]
    entry.update(shape=[600, entry["shape"][1]], data_offsets=[len(data), len(data) + 15 * (last - first)])
    # A file has no gaps: the other block and the old positions get names that are not read.
    header = {re.sub(r"\bh\.1\.", "more.", name): entry for name, entry in header.items()}
    header["more.weight"] = {"dtype": "F32", "shape": [(last - first) // 4], "data_offsets": [first, last]}
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data + 15 * data[first:last])


def percent(value):
    """As the terminal shows it."""
    return "<0.1 %" if 0 < value < 0.05 else "%.1f %%" % value


class Why(unittest.TestCase):
    def check_answer(self, hidden, after):
        """An answer of `why` and its effect against the one of `attend`."""
        found = [p for p, _ in after]
        for p in [entry["p"] for entry in hidden["answer"] if entry["p"] >= 0.01]:
            self.assertLess(min(abs(p - other) for other in found), 1e-6)
        known = sum(abs(p - before) for p, before in after) / 2
        rest = 2 - sum(p + before for p, before in after)
        self.assertGreaterEqual(hidden["effect"], 100 * known - 1e-3)
        self.assertLessEqual(hidden["effect"], 100 * (known + rest / 2) + 1e-3)

    def check_text(self, *args):
        found = why("--pairs", *args)
        for word in found["words"]:
            self.check_answer(word, cut([word["number"]], *args))
        for pair in found["pairs"]:
            self.check_answer(pair, cut(pair["numbers"], *args))
        return found

    def test_hidden_words(self):
        found = self.check_text(SNOW)
        self.assertEqual(list(found), ["prompt", "backend", "method", "answer", "last", "words", "notes", "extra", "pairs"])
        self.assertEqual((found["prompt"], found["last"]), (SNOW, "feeling"))
        self.assertEqual(sorted(word["number"] for word in found["words"]), [1, 2, 3, 4, 5, 6])
        self.assertEqual(found["words"][0]["word"], "snow")
        self.assertGreater(found["words"][0]["effect"], 50)

    def test_order(self):
        found = why("--pairs", SNOW)
        effects = [word["effect"] for word in found["words"]]
        self.assertEqual(effects, sorted(effects, reverse=True))
        self.assertTrue(all(0 <= effect <= 100 for effect in effects))
        alone = {word["number"]: word["effect"] for word in found["words"]}
        for pair in found["pairs"]:
            first, second = pair["numbers"]
            self.assertLess(first, second)
            self.assertAlmostEqual(pair["extra"], pair["effect"] - alone[first] - alone[second], places=5)
        extras = [pair["extra"] for pair in found["pairs"]]
        self.assertEqual(len(extras), 15)
        self.assertEqual(extras, sorted(extras, reverse=True))
        few = why("--pairs", "--top", "2", SNOW)
        self.assertEqual((few["words"], few["pairs"]), (found["words"][:2], found["pairs"][:2]))

    def test_attention(self):
        code, out, _ = run("attend", SNOW, "--layer", "all")
        self.assertEqual(code, 0)
        shown = dict(re.findall(r"(?m)^  (\S+) +([\d.]+) %  ", out.decode().split("The last word")[1].split("What could")[0]))
        for word in why(SNOW)["words"]:
            if word["word"] in shown:
                self.assertAlmostEqual(word["attention"] * 100, float(shown[word["word"]]), delta=0.051)
        self.assertGreaterEqual(len(shown), 4)

    def test_same_bits(self):
        wanted = why("--pairs", SNOW)
        for args in (["--threads", "1"], ["--threads", "3"], ["--backend", "scalar"]):
            found = why("--pairs", SNOW, *args)
            self.assertEqual({**found, "backend": ""}, {**wanted, "backend": ""})

    def test_other_models(self):
        for name in ("gpt2-f32", "gpt1-f32", "gpt2-one-head", "gpt1-bf16"):
            with self.subTest(name):
                found = self.check_text("the cat and a dog", "--model", os.path.join(MODELS, name))
                self.assertEqual(len(found["words"]), 4)
                self.assertGreater(found["words"][0]["effect"], 0)

    def test_terminal(self):
        code, out, err = run("why", "--pairs", SNOW)
        self.assertEqual((code, err), (0, b""))
        text = out.decode()
        found = why("--pairs", SNOW)
        for word in found["words"]:
            self.assertRegex(text, r"(?m)^  %s +%s  .* %s  %s \d+ %%" % (
                re.escape(word["word"]), percent(word["effect"]), percent(word["attention"] * 100), word["answer"][0]["text"].strip()))
        for pair in found["pairs"]:
            line = r"(?m)^  %s +\+ %s +%s  " % (*map(re.escape, pair["words"]), percent(pair["effect"]))
            (self.assertRegex if pair["extra"] >= 1 else self.assertNotRegex)(text, line)
        said = " ".join(text.split())
        self.assertIn("hidden in turn and the model runs again", said)
        self.assertIn("Only pairs with at least one point are listed", said)
        self.assertNotIn("below 0", said)
        self.assertIn("total variation", " ".join(run("why", "--help")[1].decode().split()))
        largest = max(found["pairs"], key=lambda pair: pair["effect"])
        self.assertIn("The pair with the largest effect: %s, %s.\n\n  two words  " % (
            " + ".join(largest["words"]), percent(largest["effect"])), text)
        self.assertNotIn("two words  ", run("why", SNOW)[1].decode())
        self.assertIn(b"and 4 with smaller effects", run("why", SNOW, "-k2")[1])
        self.assertTrue(run("why", "--pairs", SNOW, locale="C")[1].isascii())
        for wide in ("40", "100"):
            out = run("why", "--pairs", SNOW, COLUMNS=wide)[1].decode()
            self.assertLessEqual(max(map(len, out.splitlines())), max(int(wide), 70))

    def test_few_words(self):
        code, out, err = run("why", "--pairs", "Sarah")
        self.assertEqual((code, err), (0, b""))
        self.assertIn(b"there is no earlier word to hide", out)
        self.assertEqual(why("--pairs", "Sarah")["words"], [])
        code, out, err = run("why", "--pairs", "Sarah lies")
        self.assertEqual(code, 0)
        self.assertIn(b"There is no pair to hide", out)
        self.assertEqual(why("--pairs", "Sarah lies")["pairs"], [])

    def test_many_words(self):
        with tempfile.TemporaryDirectory() as folder:
            write_long_model(folder)
            for args, most in ((["--pairs"], 64), ([], 256)):
                code, _, err = run("why", "a." * (most // 2), "--model", folder, *args)
                self.assertEqual(code, 0, err)
                code, out, err = run("why", "a." * (most // 2) + "a", "--model", folder, *args)
                self.assertEqual((code, out), (64, b""))
                self.assertIn(b"at most %d words, and this text has %d: leave the beginning out" % (most, most + 1), err)
        code, _, err = run("why", "a" * 70, "--model", os.path.join(MODELS, "gpt2-f32"))
        self.assertEqual(code, 64)
        self.assertIn(b"leave the beginning out", err)

    def test_repeated_words(self):
        out = run("why", "the cat sees the dog")[1].decode()
        self.assertRegex(out, r"\n  the \(1\) +\d")
        self.assertRegex(out, r"\n  the \(4\) +\d")

    def test_words_that_were_never_seen(self):
        code, out, err = run("why", "--json", "Sarah xyzzyquux lies in the snow, feeling")
        self.assertEqual(code, 0)
        self.assertIn(b"never seen: xyzzyquux", err)
        self.assertIn("xyzzyquux", [word["word"] for word in json.loads(out)["words"]])

    def test_hostile_prompt(self):
        code, out, err = run("why", "--pairs", "Sarah \033[2J\u202e\u009b31m lies")
        self.assertEqual(code, 0)
        for bad in (b"\033", "\u202e".encode(), "\u009b".encode()):
            self.assertNotIn(bad, out + err)
        self.assertEqual(why(b"Sarah \xff\xc3 lies")["prompt"], "Sarah \ufffd\ufffd lies")

    def test_maps(self):
        """The page's data, and the bars of the picture, which also follow the cuts."""
        wanted = why(SNOW)["words"]
        code, out, _ = run("attend", SNOW, "-o", "-")
        self.assertEqual(code, 0)
        data = json.loads(re.search(rb'id="data">(.*?)</script>', out, re.S).group(1))
        self.assertEqual([item["word"] for item in data["influence"]], [0, 1, 2, 3, 4, 5])
        for word in wanted:
            item = data["influence"][word["number"] - 1]
            self.assertAlmostEqual(item["effect"], word["effect"], places=3)
            self.assertEqual([(entry["text"], round(entry["p"], 5)) for entry in item["answer"]],
                             [(entry["text"].strip(), round(entry["p"], 5)) for entry in word["answer"]])
        for cuts, hidden in (((), 0), (("--cut", "*:snow"), 1)):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "map.svg")
                self.assertEqual(run("attend", SNOW, *cuts, "-o", path)[0], 0)
                tree = xml.etree.ElementTree.parse(path).getroot()
            bars = [bar for bar in tree.iter(SVG + "rect") if bar.get("class") == "weight"]
            shown = [bar.find(SVG + "title").text for bar in bars]
            self.assertEqual(len(bars), 6)
            if hidden:
                self.assertEqual(shown[4], "snow: 0.0 %")
                continue
            self.assertEqual(sorted(shown), sorted("%s: %.1f %%" % (w["word"], w["effect"]) for w in wanted))
            tall = [float(bar.get("height")) for bar in bars]
            self.assertEqual(tall.index(max(tall)), 4)
        code, out, _ = run("attend", "Sarah", "-o", "-")
        self.assertIn(b'"influence":[]', out)

    def test_usage(self):
        for args in ([], [""], ["--top=0", "x"], ["--pairs=3", "x"]):
            code, out, err = run("why", *args)
            self.assertEqual((code, out), (64, b""))
            self.assertTrue(err.startswith(b"decoct why: "), err)


if __name__ == "__main__":
    unittest.main()

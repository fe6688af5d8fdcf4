# SPDX-License-Identifier: BSD-2-Clause
# The data of the page of `decoct story`: test_story.py PATH-OF-DECOCT. Every number and array is compared with
# float64 computations from the model's weights (oracle_gpt.py). Exit code 77, a skip: there is no numpy.
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import own_libraries  # noqa: E402, F401
DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
MODELS = os.path.join(HERE, "fixtures", "models")
POTION = os.path.join(HERE, "..", "models", "potion")
SARAH = "Sarah lies still on the bed, feeling"
SENTENCES = [SARAH, "The boy lies to his teacher, feeling", "Sarah's xylophone is heavy, so she"]

try:
    import numpy
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)
import story_figures  # noqa: E402
import story_oracle  # noqa: E402
import story_page  # noqa: E402


def run(*args, **options):
    return subprocess.run([DECOCT, "story", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, check=False, **options)


def model(name):
    return ["--model", os.path.join(MODELS, name)]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def story(self, text, *args):
        page = self.path("story.html")
        ran = run(text, "-o", page, *args)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return story_page.page_data(page)


class Numbers(Folder):
    def check(self, text, folder, *args):
        data = self.story(text, *args)
        _, wrong = story_oracle.check(data, folder)
        self.assertEqual(wrong, [])
        return data

    def test_sentences(self):
        for text in SENTENCES:
            with self.subTest(text):
                data = self.check(text, POTION, "--model", POTION)
                self.assertEqual("".join(token["text"] for token in data["tokens"]), text)
                self.assertEqual(data["text"], text)

    def test_random_models(self):
        for name in sorted(os.listdir(MODELS)):
            for text in ("the ant in", "a man, an inn and the then"):
                with self.subTest((name, text)):
                    data = self.check(text, os.path.join(MODELS, name), *model(name))
                    self.assertEqual(data["model"]["norm_order"], "post" if name.startswith("gpt1") else "pre")

    def test_words_of_several_tokens(self):
        words = self.story(SENTENCES[2], "--model", POTION)["words"]
        self.assertGreater(max(word["count"] for word in words), 3)

    def test_one_token(self):
        for name in ("gpt2-f32", "gpt1-f32"):
            data = self.check("a", os.path.join(MODELS, name), *model(name))
            self.assertEqual(len(data["tokens"]), 1)
            self.assertEqual((data["opens"]["layer"], data["opens"]["head"]), (0, 0))
            self.assertEqual(data["influence"], [])

    def test_two_words(self):
        data = self.check("the an", os.path.join(MODELS, "gpt2-f32"), *model("gpt2-f32"))
        self.assertEqual(data["shuffled"]["text"], "the an")

    def test_64_tokens(self):
        data = self.check("z" * 64, os.path.join(MODELS, "gpt2-one-head"), *model("gpt2-one-head"))
        self.assertEqual(len(data["tokens"]), 64)

    def test_each_number_is_compared(self):
        """A number that is wrong is found, wherever it is."""
        data = self.story("the ant in", *model("gpt2-f32"))
        story, wrong = story_oracle.check(data, os.path.join(MODELS, "gpt2-f32"))
        self.assertEqual(wrong, [])
        broken = 0
        for path in numbers_of(data):
            changed = copy.deepcopy(data)
            here = changed
            for step in path[:-1]:
                here = here[step]
            if isinstance(here[path[-1]], numpy.ndarray):
                flat = here[path[-1]].reshape(-1)
                flat[-1] += 3e-4 * (1 + abs(flat[-1]))
            else:
                here[path[-1]] += 1 if isinstance(here[path[-1]], int) else 3e-4 * (1 + abs(here[path[-1]]))
            found = story_oracle.differences(changed, story.expected)
            self.assertEqual(len(found), 1, path)
            broken += 1
        self.assertGreater(broken, 100)

    def test_a_missing_or_unknown_part_is_found(self):
        data = self.story("the ant in", *model("gpt2-f32"))
        story, _ = story_oracle.check(data, os.path.join(MODELS, "gpt2-f32"))
        data["answer"][0].pop("p")
        data["shuffled"]["more"] = 3
        self.assertEqual(len(story_oracle.differences(data, story.expected)), 2)

    def test_a_wrong_order_is_found(self):
        data = self.story("the ant in", *model("gpt2-f32"))
        for change in (lambda a: a.reverse(), lambda a: a.pop(0), lambda a: a.append(a[0])):
            changed = copy.deepcopy(data)
            change(changed["answer"])
            self.assertNotEqual(story_oracle.check(changed, os.path.join(MODELS, "gpt2-f32"))[1], [])
        data["opens"]["head"] = int(data["heads_tell"][data["opens"]["layer"]].argmin())
        self.assertNotEqual(story_oracle.check(data, os.path.join(MODELS, "gpt2-f32"))[1], [])


def numbers_of(value, path=()):
    """The paths of all numbers and arrays."""
    if isinstance(value, (int, float, numpy.ndarray)):
        yield path
    elif isinstance(value, (dict, list)):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers_of(inner, path + (step,))


class Figures(Folder):
    """The check of what a browser showed, without a browser."""

    def setUp(self):
        super().setUp()
        data = self.story("the ant in", *model("gpt2-f32"))
        self.expected = story_oracle.check(data, os.path.join(MODELS, "gpt2-f32"))[0].expected
        self.figures = story_figures.Figures(self.expected)

    def test_formulas(self):
        e = self.expected
        row = e["scores"][1, 2, 2, :3]
        raised = numpy.exp((row - row.max()) / 0.5)
        for of, value in (("weights/1/2/2/0", e["weights"][1, 2, 2, 0]), ("answer/0/p", e["answer"][0]["p"]),
                          ("q/1/2/3*k/1/0/3", e["q"][1, 2, 3] * e["k"][1, 0, 3]),
                          ("softmax(scores/1/2/2)@0.5[1]", raised[1] / raised.sum()),
                          ("relative(scores/1/2/2)@0.5[1]", raised[1]), ("sum(softmax(scores/1/2/2)@0.5)", 1),
                          ("dot(q/1/2,k/1/1)[2]", row[1] * 12 ** 0.5), ("sqrt(model/head_dim)", 12 ** 0.5),
                          ("rest(q/1/2,k/1/1)[2][24,30]", row[1] * 12 ** 0.5 - e["q"][1, 2, 24] * e["k"][1, 1, 24]
                           - e["q"][1, 2, 30] * e["k"][1, 1, 30]),
                          ("sum(softmax(scores/1/2/2)@0.5)[0,2]", (raised[0] + raised[2]) / raised.sum()),
                          ("sum(lifted/weights/1/2/2)[0]", e["lifted"]["weights"][1, 2, 2, 0]),
                          ("sum(weights/1/2/2)[0,2]", e["weights"][1, 2, 2, 0] + e["weights"][1, 2, 2, 2]),
                          ("exp(answer_rest/log_sum)", numpy.exp(e["answer_rest"]["log_sum"])),
                          ("1-sum(answer/p)", 1 - sum(item["p"] for item in e["answer"]))):
            with self.subTest(of):
                self.assertTrue(story_page.near(self.figures.evaluate(of), value))

    def test_what_is_wrong_is_found(self):
        p = self.expected["answer"][0]["p"]
        good = {"of": "answer/0/p", "value": p, "text": "%.1f\u00a0%%" % (100 * p)}
        self.assertEqual(story_figures.check_lines([good], self.expected), ([], 1))
        for change in ({"value": p + 1e-3}, {"of": "answer/0/q"}, {"of": "answer/99/p"}, {"of": "answer"},
                       {"of": "p(answer)"}, {"text": "%.1f\u00a0%%" % (100 * p + 0.1)}, {"text": "x"}, {"value": "NaN"}):
            with self.subTest(change):
                self.assertEqual(len(story_figures.check_lines([dict(good, **change)], self.expected)[0]), 1)

    def test_loose_digits(self):
        for text, where, wrong in (("before layer 2, head 4", "p", 0), ("layer 3", "p", 1), ("head 5", "p", 1), ("17", "p", 1),
                                   ("Layer 1 of 2", "p", 1), ("layer 1.5", "p", 1), ("48 numbers as colours", "div.tile @aria-label", 0),
                                   ("47 numbers as colours", "div.tile @aria-label", 1), ("49.5 %", "div#rise p", 1)):
            with self.subTest(text):
                lines = [{"loose": text, "in": where}]
                self.assertEqual(len(story_figures.check_lines(lines, self.expected)[0]), wrong)
        for text, wrong in (("<extra16> and", 0), ("<extra17>", 1), ("7", 0), ("7 words", 1)):
            lines = [{"loose": text, "in": "p"}]
            self.assertEqual(len(story_figures.check_lines(lines, self.expected, ["<extra16>", "7"])[0]), wrong, text)

    def test_shown(self):
        for text, value in (("49.5\u00a0%", 0.494619), ("<0.1\u00a0%", 0.0004), ("\u22123.14", -3.141), ("12", 12.4),
                            ("28\u00a0%", 28.46), ("<0.001", 0.0004), ("12\u202f300", 12345), ("0.00", 0.003)):
            self.assertTrue(story_figures.is_shown_right(text, value), text)
        for text, value in (("49.5\u00a0%", 0.4957), ("3.14", -3.141), ("12", 13), ("<0.1\u00a0%", 0.2), ("", 1),
                            ("12\u202f300", 12465), ("a", 1), ("1 of 2", 1)):
            self.assertFalse(story_figures.is_shown_right(text, value), text)


class Command(Folder):
    def test_notes(self):
        data = self.story("Sarah's xylophone is heavy, so she", "--model", POTION)
        self.assertIn("never seen: xylophone", data["notes"])

    def test_weights(self):
        """Of every head the shares of a token add up to 1, and a later token has no share."""
        for name in ("gpt2-f32", "gpt1-bf16"):
            data = self.story("the ant in", *model(name))
            for weights in data["weights"].reshape(-1, *data["weights"].shape[2:]):
                self.assertTrue(story_page.near(weights.sum(axis=1), 1).all())
                self.assertEqual(numpy.triu(weights, 1).max(), 0)
            self.assertTrue((numpy.triu(data["lifted"]["weights"][0, 0]) > 0).any(axis=0).all())

    def test_head_of_choice(self):
        data = self.story("the ant in", "--layer", "2", "--head", "3", *model("gpt2-f32"))
        self.assertEqual((data["opens"]["layer"], data["opens"]["head"]), (1, 2))
        self.assertIn("--layer 2 --head 3", data["command"])
        self.assertEqual(story_oracle.check(data, os.path.join(MODELS, "gpt2-f32"))[1], [])

    def test_opens_with_the_best_head_of_a_layer(self):
        for layer in (1, 2):
            data = self.story("the", "bed", "--layer", str(layer), *model("gpt2-f32"))
            effects = list(data["heads_tell"][layer - 1])
            head = data["opens"]["head"]
            self.assertEqual((data["opens"]["layer"], effects[head]), (layer - 1, max(effects)))
            self.assertIn("--layer %d --head %d" % (layer, head + 1), data["command"])

    def test_standard_output_by_its_name(self):
        ran = run("the bed", "-o", "/dev/stdout", *model("gpt2-f32"))
        self.assertEqual((ran.returncode, ran.stdout[:15]), (0, b"<!doctype html>"))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: BSD-2-Clause
# The pages in a browser: test_pages.py PATH-OF-DECOCT. Fills the report page with made-up data, lets
# the program make reports and a map, and has test_pages.mjs look at them in Chromium. Exit code 77 is a skip.
# DECOCT_TEST_SCREENSHOTS=FOLDER keeps pictures.
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

LONG = "Sarah wakes early in the morning and goes to the kitchen. The house is quiet, the light is on, and her brother " \
       "sleeps in his room. She makes a cup of tea and sits at the table. Then she hears a dog and she is very"


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def real(decoct, sample_report, kind, folder):
    """The page that the program makes of these files, and what it says to it."""
    files = os.path.join(folder, kind.__name__)
    os.mkdir(files)
    arguments = sample_report.result_files(kind(), files)
    page = os.path.join(folder, "real-" + kind.__name__ + ".html")
    done = subprocess.run([decoct, "report", *arguments, "-o", page], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=600)
    with open(page[:-5] + ".txt", "wb") as file:
        file.write(done.stdout)


def comparisons(decoct, folder):
    """The pages of made-up comparisons by `decoct ab`: of each kind, of two, and beside result files."""
    import sample_ab
    import sample_report
    files = {kind.__name__: sample_ab.write(os.path.join(folder, kind.__name__ + ".json"), kind())
             for kind in sample_ab.KINDS}
    runs = os.path.join(folder, "beside")
    os.mkdir(runs)
    pages = {name: [path] for name, path in files.items()}
    pages["two"] = [files["suite"], files["single"]]
    pages["mixed"] = [files["gated"], *sample_report.result_files(sample_report.double(), runs)]
    for name, arguments in pages.items():
        subprocess.run([decoct, "report", *arguments, "-o", os.path.join(folder, "ab-%s.html" % name)],
                       stdout=subprocess.DEVNULL, check=True, timeout=600)


def scores(decoct, folder):
    """The pages of the reference CPU, and of three made-up CPUs."""
    with open(os.path.join(HERE, "..", "cli", "commands", "reference-cpu.json"), encoding="utf-8") as file:
        text = file.read()
    several = os.path.join(folder, "several")
    os.mkdir(several)
    files = [os.path.join(several, cpu + ".json") for cpu in ("Alpha", "Beta", "Gamma")]
    for path in files:
        doc = json.loads(text)
        doc["context"]["machine"]["cpu"] = os.path.basename(path)[:-5]
        for row in doc["benchmarks"]:
            for key in {"real_time", "GFLOP/s", "GB/s", "tokens/s"} & set(row):
                row[key] *= (0.5 if key == "real_time" else 2) if "Beta" in path else 1
        if "Gamma" in path:
            doc["benchmarks"] = [row for row in doc["benchmarks"] if row.get("level") != "L3"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(doc, file)
    for name, source in (("score-one", files[0]), ("score-many", several)):
        subprocess.run([decoct, "report", source, "-o", os.path.join(folder, name + ".html")],
                       stdout=subprocess.DEVNULL, check=True, timeout=600)


STORIES = {
    "story-bed": ["Sarah lies still on the bed, feeling"],
    "story-pieces": ["The zebra"],  # a word of several tokens, and nothing to shuffle
    "story-long": [" ".join(["The teacher and her mother walk to the old bank near the river,"] * 4) + " feeling"],
    "story-gpt2": ["the bat and the bank", "--model", os.path.join(HERE, "fixtures/models/gpt2-f32")],
    "story-gpt1": ["the", "--model", os.path.join(HERE, "fixtures/models/gpt1-f32")],
}


def stories(decoct, folder):
    for name, arguments in STORIES.items():
        subprocess.run([decoct, "story", *arguments, "-o", os.path.join(folder, name + ".html")],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=600)


def figures_are_right(folder):
    """Every number that the stories showed, against float64."""
    python = shutil.which("/usr/bin/python3") or sys.executable  # Debian's numpy belongs to Debian's Python
    right = True
    for name, arguments in STORIES.items():
        lines = os.path.join(os.environ.get("DECOCT_STORY_FIGURES", folder), name + ".jsonl")
        model = arguments[-1] if "--model" in arguments else os.path.join(HERE, "..", "models", "potion")
        done = subprocess.run([python, os.path.join(HERE, "story_figures.py"), os.path.join(folder, name + ".html"),
                               model, lines], timeout=600)
        right = right and done.returncode in (0, 77)
    return right


def main(decoct):
    node = shutil.which("node")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not node:
        skip("there is no Node.js here")
    if not chromium:
        skip("there is no Chromium here")
    if not os.path.isdir(os.path.join(HERE, "node_modules", "playwright-core")):
        skip("playwright-core is missing; `npm ci` in tests brings it")
    if not os.path.isdir(os.path.join(HERE, "..", "cli", "pages", "node_modules", "uplot")):
        skip("uPlot is missing; `npm ci` in cli/pages brings it")
    import sample_report
    with tempfile.TemporaryDirectory() as folder:
        for kind in sample_report.KINDS:
            sample_report.write(kind, os.path.join(folder, kind.__name__ + ".html"))
        for kind in sample_report.VERDICTS:
            real(decoct, sample_report, kind, folder)
        scores(decoct, folder)
        comparisons(decoct, folder)
        stories(decoct, folder)
        for name, text in (("map", ["Sarah lies still on the bed, feeling"]),
                           ("cut", ["Sarah lies still on the bed, feeling", "--cut=bed:still"]),
                           ("snow", ["Sarah lies in the snow, feeling"]), ("word", ["Sarah"]), ("long", [LONG]),
                           ("chosen", ["Sarah lies in the snow", "--layer=11", "--head=2"]),
                           ("all", ["Sarah lies in the snow", "--layer=all"]),
                           ("notes", ["Kate loses her new watch on the beach, feeling"])):
            done = subprocess.run([decoct, "attend", *text, "-o", os.path.join(folder, name + ".html")],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
            if done.returncode:
                print(done.stdout.decode())
        sys.stdout.flush()
        code = subprocess.run([node, os.path.join(HERE, "test_pages.mjs"), chromium, folder]).returncode
        return code or (0 if figures_are_right(folder) else 1)


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.exit(main(os.path.abspath(sys.argv[1])))

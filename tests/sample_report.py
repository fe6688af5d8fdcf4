# SPDX-License-Identifier: BSD-2-Clause
# The report page filled with made-up data, for its tests and for looking at it:
# sample_report.py KIND OUT.html, or `all` and a folder. The kinds are the functions named in KINDS.
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli", "pages"), HERE]
sys.dont_write_bytecode = True
import embed  # noqa: E402
import results  # noqa: E402

HOSTILE = ('<script>window.hit=1</script><img src=x onerror="window.hit=1">'
           "</script><script>window.hit=1</script>\"'&")
# GFLOP/s of one core in a product, and how well it does in attention and softmax (elements a ns).
SPEED = {"scalar": 5.2, "avx2": 92.0, "avx512": 148.0, "neon": 34.0}
CLOCK = {"scalar": 3690, "avx2": 3610, "avx512": 3380, "neon": 2600}
LEVELS = [("L1", 24e3, 310.0), ("L2", 700e3, 122.0), ("L3", 12e6, 41.0), ("DRAM", 256e6, 21.0)]
# The names in the data of the page: the lines of rows.def that reports keep.
KEPT = [(v[1], v[0].lower(), v[-1] if isinstance(v[-1], list) else [v[-1]]) for line, v in
        embed.fields.read(os.path.join(HERE, "..", "bench", "rows", "rows.def")) if line != "ROW_FIELD"]
COLUMNS = ["n"] + [name for _, name, shown in KEPT if not {"ROW_IS_CASE", "ROW_IS_NAME"} & set(shown)]


def case(op, workers=1, pin="none", seq=None, heads=None, dim=None, layers=None, model=None,
         level=None, dtype="f32"):
    parts = [op] + ["%s:%s" % (k, v) for k, v in (
        ("model", model), ("layers", layers), ("seq", seq), ("heads", heads), ("dim", dim),
        ("level", level), ("dtype", dtype if dtype != "f32" else None), ("threads", workers), ("pin", pin))
        if v is not None]
    return {"name": "/".join(parts), "op": op, "dtype": dtype, "seq": seq, "heads": heads, "head_dim": dim,
            "layers": layers, "model": model, "workers": workers, "pin": pin, "level": level}


def all_cases(pins=("none",)):
    cases = []
    for pin in pins:
        for workers in (1, 2):
            for seq in (128, 256, 512, 1024, 2048):
                for heads in (4, 12):
                    for op in ("matmul", "softmax", "attention"):
                        cases.append(case(op, workers, pin, seq, heads, 64))
                cases.append(case("block", workers, pin, seq, 12, 64))
            for seq in (128, 512, 1024):
                for op in ("prefill", "decode"):
                    cases.append(case(op, workers, pin, seq, 12, 64, 12, "gpt2"))
            cases.append(case("fma", workers, pin))
            cases += [case("read", workers, pin, level=level[0]) for level in LEVELS]
    return cases


def measure(rng, c, backend, factor):
    """One row: times from a roofline model with some spread."""
    peak = SPEED[backend] * c["workers"] ** 0.96 * factor
    drain = 21.0 * c["workers"] ** 0.45 * factor
    spread = rng.choice([0.004, 0.008, 0.015, 0.03])
    clock = CLOCK[backend] * factor * rng.uniform(0.995, 1.005)
    row = dict.fromkeys(COLUMNS)
    flop = moved = tokens = 0
    if c["op"] == "fma":
        flop, us = peak * 1.12 * 1e3, 1.0
    elif c["op"] == "read":
        rate = next(r for name, _, r in LEVELS if name == c["level"]) * factor
        rate *= c["workers"] ** (0.97 if c["level"] != "DRAM" else 0.4)
        moved, us = (rate if backend != "scalar" else rate * 0.3) * 1e3, 1.0
    else:
        s, d = c["seq"], c["heads"] * c["head_dim"]
        if c["op"] == "softmax":
            flop, moved = 6.0 * c["heads"] * s * s, 8.0 * c["heads"] * s * s
        elif c["op"] == "matmul":
            flop, moved = 2.0 * s * d * d, 4.0 * (2 * s * d + d * d)
        elif c["op"] == "attention":
            flop, moved = 4.0 * s * s * d, 16.0 * s * d
        else:
            layers = c["layers"] or 1
            rows = 1 if c["op"] == "decode" else s
            flop = layers * (24.0 * rows * d * d + 4.0 * rows * s * d)
            moved = layers * (48.0 * d * d + 4.0 * rows * d + 8.0 * s * d)
            tokens = rows if c["layers"] else 0
        memory = flop / moved * drain < peak * 1.12
        roof = drain if memory else peak * 1.12
        share = (0.62 + 0.25 * s / (s + 300.0)) * (0.8 if c["op"] == "softmax" else 1)
        share *= rng.uniform(0.94, 1.04)
        us = (moved if memory else flop) / (roof * share * 1e3)
        row.update(roof="memory" if memory else "compute", roof_rate=roof, intensity=flop / moved,
                   pct=share * 100, pct_low=share * 100 * (1 - spread / 2),
                   pct_high=share * 100 * (1 + spread / 2))
    row.update(time=us, time_low=us * (1 - spread), time_high=us * (1 + spread * 1.3), clock=clock,
               n=1, correct=1, bound=None, seen=",".join(str(i) for i in range(c["workers"])))
    row["gflops"] = flop / us / 1e3 if flop and c["op"] != "softmax" else None
    row["gbs"] = moved / us / 1e3 if moved else None
    row["tokens"] = tokens / us * 1e6 if tokens else None
    if c["pin"] != "none":
        row["bound"] = row["seen"]
    if c["workers"] > 1:
        row["line"] = round(rng.uniform(90, 400), 1)
    if rng.random() < 0.02:
        row["disturbed"] = rng.choice(["steal 3.1 %", "involuntary switches 812",
                                       "steal 1.2 %; migrations 4"])
    return row


def context(cpu, date, **more):
    machine = {
        "cpu": cpu, "family": "x86_64", "features": ["avx2", "fma", "f16c", "avx512"],
        "usable_cpus": 2, "quota": None, "kernel": "6.18.44", "vendor": "AuthenticAMD",
        "cpu_family": 25, "model": 17, "stepping": 1, "microcode": "0xa101148", "hypervisor": "KVM",
        "governor": "unknown", "turbo": "unknown", "smt": "off", "huge_pages": "madvise",
        "numa_balancing": "off", "clock_source": "tsc", "memory_bytes": 16777216000,
        "mitigations": {"spectre_v2": "Mitigation: Enhanced IBRS", "meltdown": "Not affected"},
        "topology": {"packages": 1, "cores": 2, "cpus": 2, "numa": 1, "smt": 1, "caches": [
            {"level": 1, "size": 32768, "line": 64, "count": 2},
            {"level": 2, "size": 1048576, "line": 64, "count": 2},
            {"level": 3, "size": 33554432, "line": 64, "count": 1}]},
        "backends": [{"name": "avx512", "version": "0.1", "usable": True}]}
    machine.update(more)
    return {
        "date": date, "host_name": "bench-1", "executable": "decoct", "num_cpus": 2,
        "mhz_per_cpu": 3700, "cpu_scaling_enabled": False, "caches": [], "load_avg": [0.4, 0.3, 0.2],
        "library_build_type": "release", "machine": machine,
        "decoct": {"format": 1, "version": "0.1.0", "commit": "495530b", "build_type": "release",
                   "compiler": "gcc 12.2.0", "flags": "-O3", "library": "9f2c" * 16,
                   "plugins": {"avx512": "77ab" * 16, "avx2": "10de" * 16},
                   "command": ["decoct", "sweep", "--seq", "128..2048"], "environment": {},
                   "seed": 1, "repetitions": 11, "min_time": 0.05, "complete": True,
                   "planned": 84}}


def group(label, date="2026-11-25T14:02:11+01:00", files=1, complete=True, mixed=(), **more):
    text = context(label, date, **more)
    return {"label": label, "cpu": label, "files": files,
            "file": label.lower().replace(" ", "-") + ".json", "date": date,
            "commit": text["decoct"]["commit"], "complete": complete, "context": text,
            "mixed": list(mixed)}


def report(groups, series, cases, holes=0.0, seed=7):
    """series: (group, backend, factor of its speed)."""
    rng = random.Random(seed)
    values = {name: [] for name in COLUMNS}
    for _, backend, factor in series:
        rows = [measure(rng, c, backend, factor) if rng.random() >= holes else
                dict.fromkeys(COLUMNS) for c in cases]
        for name in COLUMNS:
            values[name].append([r[name] for r in rows])
    flat = {name: [v for column in values[name] for v in column] for name in COLUMNS}
    return {"made": "2026-11-25T16:40:00Z", "decoct": "0.1.0", "ab": [], "groups": groups,
            "series": [{"group": g, "backend": b, "label": "%s, %s" % (groups[g]["label"], b)}
                       for g, b, _ in series],
            "cases": cases, "values": values,
            "verdict": {"wrong": flat["correct"].count(0),
                        "disturbed": sum(v is not None for v in flat["disturbed"]), "refused": 0,
                        "rows": sum(v is not None for v in flat["time"])}}


def one():
    return report([group("AMD EPYC")], [(0, "avx512", 1)],
                  [c for c in all_cases() if c["workers"] == 1 and c["op"] in ("matmul", "softmax")])


def backends():
    return report([group("AMD EPYC")], [(0, "scalar", 1), (0, "avx2", 1), (0, "avx512", 1)],
                  all_cases())


def two():
    arm = group("Neoverse-N1", "2026-11-24T09:10:00+01:00", kernel="6.1.0-28-arm64", vendor="ARM",
                features=["neon", "fp16"], usable_cpus=4, family="aarch64", hypervisor="none",
                complete=False)
    return report([group("AMD EPYC"), arm],
                  [(0, "avx512", 1), (1, "neon", 1), (0, "scalar", 1), (1, "scalar", 0.8)],
                  all_cases(("none", "compact")), holes=0.02)


def topology(packages, nodes, caches, cores, smt, allowed=None, kinds=()):
    """As docs/results.md has it: siblings side by side, numbered after all cores; caches 0: no L3."""
    count = packages * nodes * (caches or 1) * cores
    columns = {"cpu": [], "package": [], "numa": [], "l3": [], "core": []}
    for core in range(count):
        for thread in range(smt):
            l3 = core // cores
            for key, v in zip(columns, (core + thread * count, l3 // ((caches or 1) * nodes), l3 // (caches or 1),
                                        l3 if caches else None, core)):
                columns[key].append(v)
    return {"packages": packages, "cores": count, "cpus": count * smt, "numa": packages * nodes, "smt": smt,
            "allowed": sorted(columns["cpu"]) if allowed is None else allowed, "kinds": list(kinds), "places": columns,
            "caches": [{"level": 3, "size": 33554432, "line": 64, "count": count // cores}] if caches else []}


def drawn():
    """A server, a laptop with two kinds of cores, a virtual machine without L3."""
    laptop = topology(1, 1, 1, 12, 1, kinds=[
        {"efficiency": 0, "type": "IntelAtom", "cpus": list(range(4, 12))},
        {"efficiency": 1, "type": "IntelCore", "cpus": [0, 1, 2, 3]}])
    data = report([group("Server", topology=topology(2, 1, 8, 8, 2, allowed=list(range(192)))),
                   group("Laptop", topology=laptop), group("Small", topology=topology(1, 1, 0, 2, 1))],
                  [(0, "avx512", 1), (1, "avx2", 0.7), (2, "avx2", 0.5)], all_cases(("none", "spread")))
    for name, reason in (("counters_unknown", "cycles, instructions: not offered by the CPU of this virtual machine"),
                         ("energy_unknown", "there is no /sys/class/powercap/intel-rapl:*")):
        data["values"][name][2] = [reason] * len(data["cases"])
    for i, c in enumerate(data["cases"]):
        if c["pin"] == "spread":
            data["values"]["seen"][0][i] = ",".join(str(w // 2 + w % 2 * 64) for w in range(c["workers"] * 32))
            c["workers"] *= 32
        data["values"]["ipc"][0][i] = 2.5
    return data


def close():
    return report([group("AMD EPYC"), group("AMD EPYC (2)", kernel="6.12.9")],
                  [(0, "avx512", 1), (1, "avx512", 1.01)], all_cases(), seed=3)


def fleet():
    rng = random.Random(5)
    groups = [group("Xeon Platinum %d" % (8100 + 37 * i), files=rng.randint(2, 40),
                    mixed=["kernel", "microcode"] if i % 3 == 0 else [],
                    kernel="6.%d.0" % rng.choice([1, 6, 12, 18])) for i in range(30)]
    series = [(i, b, 0.6 + 0.03 * i) for i in range(30) for b in ("avx2", "avx512")]
    data = report(groups, series, all_cases(), holes=0.05)
    for column, (g, _, _) in zip(data["values"]["n"], series):
        column[:] = [n and groups[g]["files"] for n in column]
    return data


def nulls():
    data = backends()
    keep = {"time"}
    for name, columns in data["values"].items():
        if name not in keep:
            data["values"][name] = [[None] * len(c) for c in columns]
    data["groups"][0].update(date=None, commit=None, context={}, complete=None)
    return data


def nothing():
    data = report([group("AMD EPYC")], [(0, "avx2", 1)], [])
    data["series"], data["values"] = [], {name: [] for name in COLUMNS}
    return data


def hostile():
    data = two()

    def poison(value, key=""):
        if isinstance(value, dict):
            return {poison(k) if key == "context" else k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        return value + HOSTILE if isinstance(value, str) and key not in ("roof",) else value
    for name in ("made", "decoct", "groups", "series", "cases"):
        data[name] = poison(data[name], name)
    for name in ("disturbed", "bound", "seen", "pin_error"):
        data["values"][name] = [[HOSTILE] * len(c) for c in data["values"][name]]
    data["values"]["correct"][0][3] = 0
    data["verdict"].update(wrong=1, refused=2)
    return data


def types():
    """Products in two types, on two threads too."""
    shapes = [(dtype, workers, seq) for dtype in ("f32", "bf16") for workers in (1, 2)
              for seq in (128, 256, 512, 1024, 2048)]
    return report([group("AMD EPYC")], [(0, "avx2", 1), (0, "avx512", 1)],
                  [case("matmul", workers, "none", seq, 12, 64, dtype=dtype) for dtype, workers, seq in shapes])


def big():
    cases = [case(op, w, "none", seq, heads, 64) for op in ("matmul", "softmax", "attention", "block")
             for w in range(1, 9) for seq in range(64, 64 * 26, 64) for heads in (1, 2, 4, 8, 12)]
    return report([group("AMD EPYC"), group("Xeon")],
                  [(0, "scalar", 1), (0, "avx2", 1), (0, "avx512", 1), (1, "avx2", .9),
                   (1, "avx512", .9)], cases)


def pair(ratio=1.0, machine=1.0, noise=0.01, cases=20, disturbed=0, invalid=0, lone=1.0, mixed=False):
    """Two files of one machine: the second is `ratio` times as fast, and its machine `machine` times."""
    names = [case("matmul", 1, "none", 64 + i, 12, 64) for i in range(cases)]
    data = report([group("AMD EPYC (before.json)"), group("AMD EPYC (after.json)")], [(0, "avx2", 1), (1, "avx2", 1)],
                  names)
    for g in data["groups"]:
        g["cpu"] = "AMD EPYC"
    values, rng = data["values"], random.Random(11)
    for i in range(cases):
        real = 1 / ratio if mixed and i % 2 else ratio * (lone if i == 0 else 1)
        values["roof_rate"][1][i] = values["roof_rate"][0][i] * machine * rng.uniform(0.995, 1.005)
        for key in ("time", "time_low", "time_high"):
            end = {"time": 0, "time_low": -noise, "time_high": noise}[key]
            for s in (0, 1):
                values[key][s][i] = 100 * (1 + end) / (real * machine if s else 1)
        for s in (0, 1):
            values["disturbed"][s][i] = "steal 9 %" if i < disturbed else None
            values["invalid"][s][i] = "pct_of_roof is 147 %" if i < invalid else None
    return data


def same():
    return pair()


def four():
    return pair(1.04)


def many():
    """73 cases are faster, 6 slower, and the other 21 too noisy to tell. Their noise must not hide the mean."""
    data = pair(cases=100)
    values, rng = data["values"], random.Random(3)
    for i in range(100):
        real, noise = (1.3, 0.01) if i < 73 else (0.8, 0.01) if i < 79 else (rng.uniform(0.9, 1.15), 0.3)
        for key, end in (("time", 0), ("time_low", -noise), ("time_high", noise)):
            for s in (0, 1):
                values[key][s][i] = 100 * (1 + end) / (real if s else 1)
    return data


def moved():
    return pair(machine=1.2)


def small():
    return pair(1.04, noise=0.004, machine=1.001)


def inside(ratio=1.04, **more):
    """Two backends in one file."""
    data = pair(ratio, noise=0.003, **more)
    data["groups"].pop()
    data["groups"][0]["label"] = "AMD EPYC"
    data["series"] = [{"group": 0, "backend": b, "label": "AMD EPYC, " + b} for b in ("avx2", "mine")]
    return data


def runs():
    """Six runs of each."""
    data = pair(1.04, noise=0.003)
    for i, name in enumerate(("before", "after")):
        data["groups"][i].update(files=6, label="AMD EPYC (%s)" % name)
        data["values"]["n"][i] = [6] * len(data["cases"])
        data["series"][i]["label"] = data["groups"][i]["label"] + ", avx2"
    return data


def busy():
    """The same; one file of each was disturbed in every row."""
    data = runs()
    data["values"]["disturbed"] = [["1 of 6 files"] * len(data["cases"])] * 2
    return data


def apart():
    """A folder of two files, one for each backend: they are two runs."""
    data = inside()
    data["groups"][0]["files"] = 2
    return data


def sole():
    """The interval is above 1 and all cases go one way, but one of them makes most of the mean."""
    return inside(1.0352, lone=10)


def lone():
    return pair(lone=10)


def few():
    return pair(10, cases=4)


def upset():
    return pair(2, disturbed=11)


def void():
    return pair(2, invalid=11)


def mixed():
    return pair(2, mixed=True)


def split():
    """The interval is above 1, but in 8 of 20 cases the first one is faster."""
    data = inside(3)
    for key in ("time", "time_low", "time_high"):
        data["values"][key][1][:8] = [v * 3 / 0.95 for v in data["values"][key][1][:8]]
    return data


def slower():
    return pair(0.5)


def double():
    data = pair(2)
    data["groups"][0]["context"]["findings"] = [
        {"name": "governor", "state": "bad", "text": "the governor is powersave"},
        {"name": "steal", "state": "ok", "text": "no steal"}]
    for i, dirty in enumerate((True, False)):
        data["groups"][i]["context"]["decoct"].update(build_id="%d1f0" % i * 10, tree_dirty=dirty)
    data["values"]["served"][1][2] = "softmax: scalar"
    return data


VERDICTS = [same, four, many, moved, small, inside, runs, lone, few, upset, void, mixed, split, slower, double, busy, apart,
            sole]
KINDS = [one, backends, types, two, drawn, close, fleet, nulls, nothing, hostile, big, *VERDICTS]


def sample_row(data, s, c, number):
    """The row of one file; that of the first of several is quickest, that of the last one slowest."""
    get = lambda key: data["values"][key][s][c]
    files, backend = get("n"), data["series"][s]["backend"]
    name = data["cases"][c]["name"] + "/backend:" + backend
    middle = "time" if files == 1 or 0 < number < files - 1 else "time_high" if number else "time_low"
    words = get("disturbed")
    upset = words and (files == 1 or number < int(words.split()[0]))
    return {**data["cases"][c], "name": name, "run_name": name, "run_type": "iteration", "time_unit": "us",
            "real_time": get(middle), "real_time_low": get("time_low"), "real_time_high": get("time_high"),
            "backend": backend, "roof": get("roof"), "roof_rate": get("roof_rate"), "correct": True,
            "disturbed": [words] if upset else [], "invalid": [get("invalid")] if get("invalid") else []}


def result_files(data, folder):
    """Writes result files that give this data; what `decoct report` is to be called with."""
    arguments = []
    for g, one_group in enumerate(data["groups"]):
        count = one_group["files"]
        mine = [s for s, series in enumerate(data["series"]) if series["group"] == g]
        place = os.path.join(folder, ("before", "after")[g] + (".json" if count == 1 else ""))
        if count > 1:
            os.mkdir(place)
        for number in range(count):
            rows = [sample_row(data, s, c, number) for s in mine for c in range(len(data["cases"]))
                    if data["values"]["n"][s][c] == count or s % count == number]
            results.write(os.path.join(place, "%d.json" % number) if count > 1 else place,
                          {"context": results.context(one_group["cpu"]), "benchmarks": rows})
        arguments.append(place)
    return arguments


def page(data, raw=()):
    """What `decoct report` writes."""
    def safe(value):
        return json.dumps(value).replace("<", "\\u003c")
    pieces = embed.split(embed.compose(os.path.join(HERE, "..", "cli", "pages", "report.html")))
    scripts = "".join('<script type="application/json" class="raw" data-name="%s">%s</script>\n' % (
        name.replace("&", "&amp;").replace('"', "&quot;"), safe(text)) for name, text in raw)
    return pieces[0] + safe(data) + pieces[1] + scripts + pieces[2]


def write(kind, path):
    data = kind()
    name = HOSTILE if kind is hostile else data["groups"][0]["file"]
    raw = [(name, {"context": data["groups"][0]["context"], "benchmarks": []})]
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(data, [] if kind is one else raw))


if __name__ == "__main__":
    if sys.argv[1] == "all":
        for one_kind in KINDS:
            write(one_kind, os.path.join(sys.argv[2], one_kind.__name__ + ".html"))
    else:
        write(next(k for k in KINDS if k.__name__ == sys.argv[1]), sys.argv[2])

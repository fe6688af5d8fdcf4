# SPDX-License-Identifier: BSD-2-Clause
"""The package itself: what is in the wheel, its tag, its types, its documentation."""
import glob
import inspect
import os
import re
import shutil
import subprocess
import sys
import zipfile

import decoct
import pytest

from conftest import SARAH, SOURCE

NATIVE = os.path.join(os.path.dirname(decoct.__file__), "_native")


@pytest.fixture
def wheel():
    path = os.environ.get("DECOCT_WHEEL")
    if not path:
        pytest.skip("DECOCT_WHEEL does not name the wheel")
    return path


def test_the_wheel_holds_all(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        records = archive.read([name for name in names if name.endswith("/RECORD")][0]).decode()
    assert {line.split(",")[0] for line in records.splitlines()} == set(names)
    for pattern in (r"decoct/py.typed", r"decoct/_native/.*/libdecoct.so.0", r"decoct/_native/.*/decoct/backends/\w+.so",
                    r"decoct/_native/share/decoct/models/potion/model.safetensors", r".*/LICENSE",
                    r"decoct/_native/.*/libsleef.so.3", r".*/licenses/libsleef.so.3.txt"):
        assert [name for name in names if re.fullmatch(pattern, name)], pattern


def test_the_tag_is_what_the_libraries_need(wheel):
    """The newest version of a symbol of the C library that is used, and nothing that it may lack."""
    (tag,) = re.findall(r"-py3-none-manylinux_2_(\d+)_\w+\.whl$", wheel)
    libraries = glob.glob(NATIVE + "/**/*.so*", recursive=True)
    assert len(libraries) >= 5
    newest, needed = 0, set()
    for path in libraries:
        dump = subprocess.run(["objdump", "-p", path], check=True, text=True, stdout=subprocess.PIPE).stdout
        newest = max([newest, *(int(minor) for minor in re.findall(r"GLIBC_2\.(\d+)", dump))])
        needed |= set(re.findall(r"NEEDED +(\S+)", dump))
    assert int(tag) == newest
    inside = {os.path.basename(path) for path in libraries}
    assert {name for name in needed - inside if not re.match(r"(lib(c|m|dl|pthread|rt|gcc_s)|ld-linux.*)\.so", name)} == set()


def test_only_libraries_of_the_package_are_loaded(wheel):
    decoct.Model().next(SARAH)
    with open("/proc/self/maps", encoding="utf-8") as file:
        loaded = {line.split(None, 5)[5].strip() for line in file if ".so" in line and "/" in line}
    ours = {path for path in loaded if re.search(r"sleef|hwloc|jansson|libdecoct|decoct/backends", path)}
    assert {os.path.basename(path) for path in ours} >= {"libdecoct.so.0", "libsleef.so.3"}
    assert [path for path in ours if not path.startswith(os.path.realpath(NATIVE))] == []
    assert decoct.default_model().startswith(NATIVE)


def test_a_missing_library_has_a_message(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import decoct"], text=True, stderr=subprocess.PIPE, check=False,
                          env=dict(os.environ, DECOCT_LIBRARY=str(tmp_path / "none.so")))
    assert done.returncode == 1
    assert re.search(r"ImportError: decoct cannot load its library: .*none.so.*Install Decoct", done.stderr)


def public():
    for name in decoct.__all__:
        thing = getattr(decoct, name)
        if callable(thing):
            yield name, thing
        if inspect.isclass(thing) and not issubclass(thing, (BaseException, tuple)):
            yield from (("%s.%s" % (name, one), part) for one, part in vars(thing).items()
                        if not one.startswith("_") and (callable(part) or isinstance(part, property)))


def test_everything_is_documented():
    names = [name for name, thing in public() if not (thing.__doc__ or "").strip()]
    assert names == [] and len(list(public())) > 60
    for name, thing in public():
        if name in ("attention", "matmul", "softmax", "layer_norm", "Weights", "Block", "rotary"):
            assert re.search(r"\([\w.]*(, \w+)+\)", thing.__doc__), "%s: no shape" % name


def test_types(tmp_path):
    """mypy --strict over the package, and over a program that uses it."""
    if subprocess.run([sys.executable, "-m", "mypy", "--version"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("there is no mypy")
    program = tmp_path / "program.py"
    program.write_text("import decoct\nimport numpy as np\n"
                       "q = np.zeros((2, 3, 4), np.float32)\n"
                       "out = decoct.attention(q, q, q, causal=True)\n"
                       "reveal_type(out)\n"
                       "with decoct.Model() as model:\n    reveal_type(model.next('a'))\n"
                       "    reveal_type(model.stream('a'))\n"
                       "decoct.softmax(q, scale='1')\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([*command, "--config-file", os.path.join(SOURCE, "pyproject.toml"),
                           os.path.join(SOURCE, "decoct")], text=True, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stdout
    shutil.copytree(os.path.dirname(decoct.__file__), tmp_path / "decoct", ignore=shutil.ignore_patterns("_native"))
    done = subprocess.run([*command, "program.py"], cwd=tmp_path, text=True, stdout=subprocess.PIPE, check=False)
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert re.match(r"numpy.ndarray\[Any, numpy.dtype\[numpy.floating\[", revealed[0]), done.stdout
    assert revealed[1:] == ["builtins.str", "typing.Iterator[builtins.str]"]
    assert len(re.findall("error:", done.stdout)) == 1 and 'incompatible type "str"; expected "float"' in done.stdout


def test_settings_of_the_build(tmp_path):
    """A wheel without the library, for the system's; and a setting that does not exist."""
    build = ("import sys; sys.path.insert(0, sys.argv[1]); import backend; "
             "print(backend.build_wheel(sys.argv[2], dict([sys.argv[3].split('=')])))")
    command = [sys.executable, "-c", build, os.path.join(SOURCE, "wheel"), str(tmp_path)]
    name = subprocess.run([*command, "native=no"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    assert name == "decoct-%s-py3-none-any.whl" % decoct.__version__
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert not [one for one in archive.namelist() if "_native" in one]
    done = subprocess.run([*command, "speed=high"], text=True, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and "the settings are prefix=FOLDER or native=no" in done.stderr


def test_readme():
    """Its programs print what it says."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        text = file.read()
    shown = re.findall(r"(?ms)^```python\n(.*?)^```\n(?:\n?prints\n\n```text\n(.*?)^```)?", text)
    assert len(shown) >= 3 and shown[0][1]
    for program, printed in shown:
        if "numpy" in program:
            pytest.importorskip("numpy")
        done = subprocess.run([sys.executable, "-c", program], text=True, stdout=subprocess.PIPE, check=True)
        assert not printed or done.stdout == printed, program

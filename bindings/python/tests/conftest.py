# SPDX-License-Identifier: BSD-2-Clause
"""What the tests share. `../test PREFIX` runs them against the installed package."""
import os
import subprocess

import decoct
import pytest

# The installed Decoct that the wheel was made from, and the folder of the package's source.
PREFIX = os.environ.get("DECOCT_PREFIX")
SOURCE = os.environ.get("DECOCT_SOURCE", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SARAH = "Sarah lies still on the bed, feeling"


@pytest.fixture(scope="session")
def prefix():
    if not PREFIX:
        pytest.skip("DECOCT_PREFIX does not name an installed Decoct")
    return PREFIX


@pytest.fixture(scope="session")
def program(prefix):
    """Runs the installed program `decoct`; returns what it prints."""
    def run(*arguments):
        return subprocess.run([os.path.join(prefix, "bin", "decoct"), *arguments], check=True, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return run


@pytest.fixture(scope="session")
def model():
    return decoct.Model()


@pytest.fixture
def two():
    """A context with two threads."""
    with decoct.Context(2) as context:
        yield context

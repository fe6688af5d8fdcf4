# SPDX-License-Identifier: BSD-2-Clause
"""Imported first, by tests that use numpy or scipy: starts this program again without LD_LIBRARY_PATH. The runner lists
all folders of the build in it, and in one of them is a small libopenblas.so.0 for a test of the peers, which
numpy would load."""
import os
import sys

if os.environ.pop("LD_LIBRARY_PATH", None):
    os.execv(sys.executable, [sys.executable, *sys.argv])

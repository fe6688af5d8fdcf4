# SPDX-License-Identifier: BSD-2-Clause
"""The data of a page of `decoct story`, and when a number of it is right. Needs numpy."""
import base64
import json
import re

import numpy


def near(value, wanted):
    """Also for arrays. NaN is not near anything."""
    return numpy.abs(value - wanted) <= 1e-4 * (1 + numpy.abs(wanted))


def page_data(path):
    with open(path, encoding="utf-8") as file:
        found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', file.read(), re.S)
    assert len(found) == 1 and "<" not in found[0]
    return unpack(json.loads(found[0]))


def unpack(value):
    """Arrays in the place of {"shape", "f32"}."""
    if isinstance(value, dict) and set(value) == {"shape", "f32"}:
        flat = numpy.frombuffer(base64.b64decode(value["f32"], validate=True), "<f4")
        return flat.reshape(value["shape"]).astype(numpy.float64)
    if isinstance(value, dict):
        return {name: unpack(inner) for name, inner in value.items()}
    return [unpack(inner) for inner in value] if isinstance(value, list) else value

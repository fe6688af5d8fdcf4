# SPDX-License-Identifier: BSD-2-Clause
"""What a program writes to a terminal."""
import os


def read_all(descriptor):
    """The bytes that come from this end of a terminal until the other one is closed; closes it."""
    text = b""
    while True:
        try:
            more = os.read(descriptor, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not more:
            break
        text += more
    os.close(descriptor)
    return text

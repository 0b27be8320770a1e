import os
import platform
import subprocess
import sys

import pytest

from ganc import cli, memory

PROGRAM = """
import resource, sys
import numpy as np
from ganc import memory
print(memory.keep_freed_memory())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(2):
    np.ones(2**26, np.uint8)
before = faults()
for _ in range(50):
    np.ones(2**26, np.uint8)
print(faults() - before)
"""


def program(**environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it concerns glibc alone")
def test_freed_memory_is_taken_again_without_page_faults():
    # 64 MiB are 16,384 pages, or 32 huge ones; from 32 MiB on glibc always maps.
    kept, faults = program(**{memory.VARIABLE: "1"})
    assert kept and faults < 50
    kept, faults = program(**{memory.VARIABLE: "0"})
    assert not kept and faults >= 50 * 32


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.delenv(memory.VARIABLE)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not memory.keep_freed_memory()


def test_every_command_line_passes_through(monkeypatch):
    called = []
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: called.append(True))
    cli.run(lambda: None, [])
    assert called

"""Computing on this processor as on the one that made a version.

Numba's compiler and OpenBLAS order sums by the kind of processor, which changes the last digits.
Both can be asked to do as for another one, as far as this one has its instructions.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping

# Processors that made versions, as manifests name them -> the compiler's name for them.
PROCESSORS = {
    "x86_64 AuthenticAMD 25 17": "znver4",
    "x86_64 AuthenticAMD 26 2": "znver5",
    "x86_64 GenuineIntel 6 207": "emeraldrapids",
}
COMPILER = "NUMBA_CPU_NAME"
# Variable -> value; None where it must not be set.
Setting = Mapping[str, str | None]
# Kernels of OpenBLAS: `scaling` asks for Haswell's, and the first versions did not.
KERNELS = ("Haswell", "SkylakeX")
KERNEL = "OPENBLAS_CORETYPE"


def settings(made_on: str | None, here: str) -> Iterator[Setting]:
    """Environment variables to try one after the other, until the bytes are the same.

    ``made_on`` is the version's processor; of one that is not recorded, all are tried. The present
    code asks the compiler for one processor, which older code did not: there it is unset.
    """
    if made_on is None:
        yield {COMPILER: None}
        for name, kernel in itertools.product(PROCESSORS.values(), KERNELS):
            yield {COMPILER: name, KERNEL: kernel}
    elif made_on != here and made_on in PROCESSORS:
        yield {COMPILER: PROCESSORS[made_on]}
    else:
        yield {COMPILER: None}


@contextlib.contextmanager
def environment(setting: Setting) -> Iterator[None]:
    """These environment variables, for the subprocesses started within; None unsets one."""
    before = {name: os.environ.get(name) for name in setting}
    _put(setting)
    try:
        yield
    finally:
        _put(before)


def _put(setting: Setting) -> None:
    for name, value in setting.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

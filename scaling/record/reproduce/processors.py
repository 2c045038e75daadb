"""Computing on this processor as on the one that made a version.

Numba's compiler and OpenBLAS order sums by the kind of processor, which changes the last digits.
Both can be asked to do as for another one, as far as this one has its instructions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

# Processors that made versions, as manifests name them -> the compiler's name for them.
PROCESSORS = {
    "x86_64 AuthenticAMD 25 17": "znver4",
    "x86_64 AuthenticAMD 26 2": "znver5",
    "x86_64 GenuineIntel 6 207": "emeraldrapids",
}
COMPILER = "NUMBA_CPU_NAME"
# Variable -> value, in an environment that has neither otherwise.
Setting = Mapping[str, str]
# Kernels of OpenBLAS: `scaling` asks for Haswell's, and the first versions did not.
KERNELS = ("Haswell", "SkylakeX")
KERNEL = "OPENBLAS_CORETYPE"


def settings(made_on: str | None, here: str) -> Iterator[Setting]:
    """Environment variables to try one after the other, until the bytes are the same.

    ``made_on`` is the version's processor; of one that is not recorded, all are tried. The present
    code asks the compiler for one processor, which older code did not.
    """
    if made_on is None:
        yield {}
        for name, kernel in itertools.product(PROCESSORS.values(), KERNELS):
            yield {COMPILER: name, KERNEL: kernel}
    elif made_on != here and made_on in PROCESSORS:
        yield {COMPILER: PROCESSORS[made_on]}
    else:
        yield {}

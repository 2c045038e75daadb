"""`scaling.fitting.solver.loops.walk` as machine code, kept in a file and loaded without numba.

Importing numba and loading from its own cache take .7 CPU seconds, LLVM's loader alone .05. What is
compiled depends on the loops, on the compiler and on the processor, so all three are in the file's
name; where none has it, numba compiles once (some 10 CPU seconds), and set-up does.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from scaling.io import cache
from scaling.io.atomic import write

# Arguments of `walk`, and two before them: where numba's convention puts a result and an error.
_ARGUMENTS = [ctypes.c_void_p] * 19
# What the code would call to let memory go that numba had given; none is.
_NEVER_CALLED = "NRT_MemInfo_call_dtor"
# Of the code that is kept: whatever changes how it is made or called raises it.
FORMAT = "1"


@functools.cache
def load() -> Callable[..., None]:
    """The compiled function of addresses of arrays, as of `walk`."""
    name, code = _kept() or _compiled()
    llvm.add_symbol(_NEVER_CALLED, ctypes.cast(_nothing, ctypes.c_void_p).value)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _alive.append(engine)
    function = ctypes.CFUNCTYPE(ctypes.c_int, *_ARGUMENTS)(engine.get_function_address(name))

    def call(*arrays: int) -> None:
        status = function(ctypes.byref(_result), ctypes.byref(_error), *arrays)
        if status:
            raise RuntimeError(f"the compiled solver failed with status {status}")

    return call


# The engine owns the code's memory.
_alive: list[Any] = []
_result, _error = ctypes.c_void_p(), ctypes.c_void_p()
_nothing = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)


def _processor() -> tuple[str, str]:
    """Name and features that numba compiles for."""
    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = "" if name == "generic" else llvm.get_host_cpu_features().flatten()
    return name, os.environ.get("NUMBA_CPU_FEATURES", features)


def _machine() -> Any:
    """LLVM's description of this machine, as numba's for code that is run at once."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = _processor()
    model = "static" if platform.machine() in ("x86_64", "AMD64") else "default"
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=3, reloc=model, codemodel="jitdefault", jit=True
    )


def _places() -> list[Path]:
    """Files that may hold the code, the one to write first."""
    own = Path(__file__).parent
    compiler = find_spec("numba")
    assert compiler is not None and compiler.origin is not None
    version = Path(compiler.origin).with_name("_version.py")
    files = (own / "loops.py", own / "tiles.py", version)
    named = "|".join((FORMAT, llvmlite.__version__, *_processor()))
    made_of = b"|".join([named.encode(), *(one.read_bytes() for one in files)])
    name = f"loops-{hashlib.sha256(made_of).hexdigest()[:20]}.o"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return [Path(chosen, name)]
    folders = [own / "__pycache__", cache.folder("solver")]
    return [folder / name for folder in folders if folder is not None]


def _kept() -> tuple[str, bytes] | None:
    """Name of the function and its code, from the first file that holds them whole."""
    for path in _places():
        try:
            digest, name, code = path.read_bytes().split(b"\n", 2)
        except (OSError, ValueError):
            continue
        if hashlib.sha256(name + code).hexdigest().encode() == digest:
            return name.decode(), code
    return None


def _compiled() -> tuple[str, bytes]:
    """The same from the compiler, kept for the next process where a folder can be written."""
    from scaling.fitting.solver.loops import assembly

    text, name = assembly()
    code: bytes = _machine().emit_object(llvm.parse_assembly(text))
    digest = hashlib.sha256(name.encode() + code).hexdigest()
    for path in _places():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, b"\n".join((digest.encode(), name.encode(), code)))
        except OSError:
            continue
        break
    return name, code

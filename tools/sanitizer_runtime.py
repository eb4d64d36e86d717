"""Prints the sanitizers' runtime libraries to preload, found through the compiler that builds the modules."""

import os
import shlex
import subprocess
import sys
import sysconfig


def runtime_of(compiler: list[str], *names: str) -> str | None:
    """Returns the path of the first of ``names`` that the compiler finds; it echoes a name it cannot find."""
    for name in names:
        path = subprocess.check_output([*compiler, f"-print-file-name={name}"], text=True).strip()
        if os.path.isabs(path) and os.path.exists(path):
            return os.path.realpath(path)
    return None


def main() -> int:
    """Prints the paths for LD_PRELOAD, or the reason why the sanitized suite cannot run here."""
    if not sys.platform.startswith("linux"):
        sys.exit("sanitize: the runtime is preloaded with LD_PRELOAD, which only Linux has; run it there.")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]
    machine = os.uname().machine
    asan = runtime_of(compiler, "libasan.so", f"libclang_rt.asan-{machine}.so", "libclang_rt.asan.so")
    if asan is None:
        sys.exit(f"sanitize: {compiler[0]} has no AddressSanitizer; install it (libasan, or compiler-rt).")
    # With gcc the second runtime is a separate library; with clang it is part of the first.
    ubsan = runtime_of(compiler, "libubsan.so") if asan.rpartition("/")[2].startswith("libasan") else None
    print(" ".join(filter(None, [asan, ubsan])))
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/bin/sh
# Prints the interpreters of this machine that arbcore supports, one of each version: "3.12 /path/to/python".
# Looks on PATH and, where pyenv is, among all of its versions (its shims work only for the selected ones).
set -eu

candidates() {
    for minor in 10 11 12 13 14; do
        echo "python3.$minor"
    done
    if command -v pyenv >/dev/null 2>&1; then
        for found in "$(pyenv root)"/versions/3.*/bin/python3; do
            echo "$found"
        done
    fi
}

# What a build needs is part of the question: a working interpreter, venv, pip and the C headers.
probe='
import ensurepip, os, sys, sysconfig, venv
if sys.version_info >= (3, 10) and os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print("%d.%d" % sys.version_info[:2], sys.executable)
'

candidates | while IFS= read -r candidate; do
    "$candidate" -c "$probe" 2>/dev/null || true
done | sort -u -t ' ' -k 1,1

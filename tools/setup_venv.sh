#!/bin/sh
# Makes (or refreshes) a virtual environment with arbcore and the named extras installed in it, not editable.
#
#     tools/setup_venv.sh DIRECTORY [EXTRA...]
#
# PYTHON names the interpreter; without it the first of python3, python3.13 ... python3.10 that works and is
# 3.10 or newer is taken. Nothing is done if the sources and the extras are those of the last time, so it is
# cheap to call before everything. Build dependencies are installed into the environment itself: a rebuild
# after an edit needs no network.
set -eu

die() {
    echo "setup: $1" >&2
    exit 2
}

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || die "PYTHON=$PYTHON is not a program; name a Python 3.10 or newer."
        usable "$PYTHON" || die "PYTHON=$PYTHON is $("$PYTHON" --version 2>&1 | tail -n 1), and arbcore needs 3.10 or newer."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "no Python 3.10 or newer on PATH; install one, or name it: make PYTHON=/path/to/python3 ..."
}

# What the installed build was made from. Content rather than times, which a checkout or a copy changes.
sources_sum() {
    {
        "$venv/bin/python" -c 'import sys; print(sys.version, sys.prefix)'
        find arbcore setup.py pyproject.toml MANIFEST.in -type f \
            \( -name '*.py' -o -name '*.py[xi]' -o -name '*.pxd' -o -name '*.toml' -o -name '*.in' -o -name py.typed \) \
            | LC_ALL=C sort | while IFS= read -r file; do cksum "$file"; done
    } | cksum
}

check_compiler() {
    "$venv/bin/python" - <<'CHECK' || exit 2
import os, shlex, shutil, sys, sysconfig
if sys.platform != "win32":
    configured = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if not configured or shutil.which(configured[0]) is None:
        sys.exit("setup: no C compiler (%s is not on PATH); install one (Debian: build-essential, macOS: "
                 "xcode-select --install), or name it: make CC=clang ..." % (configured or ["cc"])[0])
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        sys.exit("setup: %s is missing; install the headers of this Python (Debian: python3-dev), or name "
                 "another interpreter: make PYTHON=..." % header)
CHECK
}

make_venv() {
    python=$(find_python) || exit 2
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        die "$python has no venv module; install it (Debian: python3-venv), or name another: make PYTHON=..."
    rm -rf "$venv"
    "$python" -m venv "$venv" || die "$python could not make a virtual environment in $venv."
}

# The requirements of pyproject.toml's [build-system] table, one a line (3.10 has no TOML reader of its own).
build_requirements() {
    awk -F'"' '/^requires = /{ for (i = 2; i < NF; i += 2) print $i }' pyproject.toml
}

# A module that was removed or renamed must not come back out of an earlier build.
prune_build() {
    find build -type f -path 'build/lib*' 2>/dev/null | while IFS= read -r file; do
        source=${file#build/lib*/}
        case $source in
            *.so | *.pyd) source=${source%%.*}.pyx ;;
        esac
        [ -f "$source" ] || rm -f "$file"
    done
}

pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

[ $# -ge 1 ] || die "usage: tools/setup_venv.sh DIRECTORY [EXTRA...]"
venv=$1
shift
cd "$(dirname "$0")/.."

# A given PYTHON must be the one that the environment was made with.
identity='import sys; print(sys.version, sys.base_prefix)'
if ! usable "$venv/bin/python"; then
    make_venv
elif [ -n "${PYTHON:-}" ]; then
    python=$(find_python) || exit 2
    [ "$("$python" -c "$identity")" = "$("$venv/bin/python" -c "$identity")" ] || make_venv
fi

installed="$venv/arbcore.installed"
extras=$(cat "$venv/arbcore.extras" 2>/dev/null || true)
missing=
for extra in "$@"; do
    case " $extras " in
        *" $extra "*) ;;
        *) missing="$missing $extra" ;;
    esac
done
sum=$(sources_sum)
if [ -z "$missing" ] && [ "$(cat "$installed" 2>/dev/null || true)" = "$sum" ]; then
    exit 0
fi

check_compiler
extras=$(echo $extras $missing)
echo "setup: building arbcore in $venv${extras:+ with $extras} ($("$venv/bin/python" --version))" >&2
rm -f "$installed"
prune_build
build_requirements | while IFS= read -r requirement; do
    pip install "$requirement" || exit 1
done || die "the build requirements could not be installed; see pip's message (is the package index reachable?)."
list=$(echo $extras | tr ' ' ',')
pip install --no-build-isolation ".${list:+[$list]}" ||
    die "arbcore could not be built or installed; see the message above."
echo "$extras" > "$venv/arbcore.extras"
echo "$sum" > "$installed"

#!/usr/bin/env bash
# setuptools 84.2.1, built by pip 26.3 (also seen with 65.5.0 and 23.2.1): a module that was deleted
# is still in the next wheel.
#
# Done: build a wheel of a package with two modules by `pip wheel .`, delete one module, build again
# in the same folder.
# A good guess: the second wheel holds what the folder holds, as it does with hatchling 1.33.0.
# Seen: the second wheel holds the deleted module. The first build left a copy of the package in
# build/lib, the second one adds to that copy, and the wheel is made of it. A migration or a module
# that was removed for its faults is shipped again, and nothing says so. `rm -rf build` before each
# build prevents it.
# Date: 2026-11-30, CPython 3.11.7, Linux. Fails if this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check pip==26.3 setuptools==84.2.1 hatchling==1.33.0
env/bin/python -m pip --version | cut -d ' ' -f 1-2
env/bin/python -c 'import setuptools; print("setuptools", setuptools.__version__)'

# Print the modules of the second of two wheels, between which shop/deleted.py was deleted.
second_wheel() { # build backend, its distribution
  mkdir -p "$2/shop"
  touch "$2"/shop/{__init__,kept,deleted}.py
  printf '[build-system]\nrequires = ["%s"]\nbuild-backend = "%s"\n[project]\nname = "shop"\nversion = "1.0"\n' \
    "$2" "$1" >"$2/pyproject.toml"
  build() { env/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$2-$1" "./$2"; }
  build first "$2"
  rm "$2/shop/deleted.py"
  build second "$2"
  env/bin/python -m zipfile -l "$2"-second/shop-*.whl | grep -o 'shop/[a-z_]*\.py' | tr '\n' ' '
}

seen=$(second_wheel setuptools.build_meta setuptools)
compared=$(second_wheel hatchling.build hatchling)
echo "the second wheel by setuptools: $seen"
echo "the second wheel by hatchling:  $compared"
[[ $seen == *shop/deleted.py* ]] || { echo "changed: setuptools no longer ships the deleted module"; exit 1; }
[[ $compared != *shop/deleted.py* && $compared == *shop/kept.py* ]] || { echo "changed: hatchling ships it too"; exit 1; }

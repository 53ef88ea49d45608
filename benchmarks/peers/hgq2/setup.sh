#!/bin/sh
# The environment of HGQ2, outside the repository (its wheel brings a package 'qkeras' of its own, which would hide ours).
# usage: setup.sh [FOLDER]      default: ~/.cache/fpgacompress/peers/hgq2
set -eu
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/fpgacompress/peers/hgq2}
${PYTHON:-python3} -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    HGQ2==0.2.0 da4ml==0.6.0 quantizers==1.2.2 keras==3.15.1 jax==0.8.0 numpy==2.4.6
KERAS_BACKEND=jax "$folder/bin/python" -c 'import hgq, da4ml, keras; print("HGQ2", hgq.__version__, "with", keras.backend.backend())'
echo "$folder/bin/python"

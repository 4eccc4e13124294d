# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts that source this file
#
# Where things live, which versions they are, and how these scripts speak.
# Sourced by install.sh, serve.sh and smoke.sh; running it does nothing.

OLLAMA_VERSION=0.24.0
BUF_VERSION=1.75.0

# Everything lives under CACHE, outside the tree, so that a fresh checkout finds what an older one made.
CACHE=${CHIMERA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chimera-fleet}
OLLAMA_FOLDER=$CACHE/ollama-$OLLAMA_VERSION-$(uname -m)
OLLAMA=$OLLAMA_FOLDER/bin/ollama
PYTHON=$CACHE/venv/bin/python
BUF=$CACHE/npm/node_modules/.bin/buf
MODELS=$CACHE/models

# Standard output carries only results (a path, a process id), so that callers can capture it.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

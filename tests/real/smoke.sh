#!/usr/bin/env bash
# Shows that what install.sh and serve.sh give really works: the same arguments make the same model, and a real
# Ollama serves it as the tests expect. Takes seconds; everything that it makes is in a folder that it removes.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=paths.sh
source "$HERE/paths.sh"

main() {
    [[ $# -eq 0 ]] || die "smoke.sh takes no arguments"
    "$HERE/install.sh" --print ollama >/dev/null
    "$HERE/install.sh" --print python >/dev/null
    FOLDER=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    check_same_bytes
    local port
    port=$("$PYTHON" "$HERE/smoke.py" --free-port)
    "$HERE/serve.sh" --background "$port" "$FOLDER/server" tiny medium alias:q4=tiny >/dev/null
    timeout 120 "$PYTHON" "$HERE/smoke.py" "$port" tiny medium alias:q4
}

check_same_bytes() {
    "$PYTHON" "$HERE/make_model.py" "$FOLDER/one.gguf"
    "$PYTHON" "$HERE/make_model.py" "$FOLDER/two.gguf"
    "$PYTHON" "$HERE/make_model.py" "$FOLDER/other.gguf" --seed 2
    cmp -s "$FOLDER/one.gguf" "$FOLDER/two.gguf" || die "make_model.py made two different files of the same arguments"
    ! cmp -s "$FOLDER/one.gguf" "$FOLDER/other.gguf" || die "make_model.py made the same file of two seeds"
    say "make_model.py: same arguments, same bytes; another seed, other bytes"
}

clean_up() {
    [[ ! -d $FOLDER/server ]] || "$HERE/serve.sh" --stop "$FOLDER/server"
    rm -rf "$FOLDER"
}

main "$@"

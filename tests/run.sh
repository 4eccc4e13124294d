#!/usr/bin/env bash
# Passes the tests. `--real` first gets the real parts (Ollama, DuckDB, buf) and then skips nothing but a real GPU.
#
#   tests/run.sh [--real] [-- ARGUMENTS FOR cargo test]
set -euo pipefail
cd "$(dirname "$0")/.."

# A real server for the tests that share one; it ends with this script.
start_ollama() {
    local python folder port
    python=$(tests/real/install.sh --print python)
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    folder=$(mktemp -d)
    tests/real/serve.sh --background "$port" "$folder" tiny medium
    # shellcheck disable=SC2064 # the folder of now is meant
    trap "tests/real/serve.sh --stop '$folder'; rm -rf '$folder'" EXIT
    export CHIMERA_REAL_OLLAMA=127.0.0.1:$port
}

real=no
while [ $# -gt 0 ]; do
    case $1 in
        --real) real=yes; shift ;;
        --) shift; break ;;
        -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tests/run.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
done

if [ "$real" = yes ]; then
    tests/real/install.sh all
    # From here on a missing real part is a failure, not a skip.
    export CHIMERA_REAL=required
    start_ollama
fi

# One build for all members, so that no crate is compiled twice with different features. Binaries first: end-to-end
# tests start them as processes.
cargo build --workspace --bins --locked
cargo test --workspace --locked "$@"

#!/usr/bin/env bash
# Serves a real Ollama on 127.0.0.1 with small made-up models, for tests.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=paths.sh
source "$HERE/paths.sh"

STOP_SECONDS=10
MAKE_SECONDS=120

usage() {
    cat <<'TEXT'
usage: serve.sh [--background] PORT DIR [NAME...]   serve; models, key and log are kept under DIR
       serve.sh --stop DIR                          stop the server of DIR, and what it left running

NAME is tiny, medium or slow, or NEW=tiny and so on for another model of that size (default: tiny medium).

In the foreground this process becomes the server, and so ends with it: send it a signal to stop. It prints
"ready 127.0.0.1:PORT" once every model is there. With --background it prints the server's process id once every
model is there, and returns; stop it by that id or with --stop. Either way DIR/serve.pid holds the id and
DIR/serve.log what the server says. If anything fails before that point, the server is stopped and the exit
status is not 0. Settings of Ollama's own (OLLAMA_NUM_PARALLEL and the like) are passed on.
TEXT
}

main() {
    local background='' arguments=() argument
    for argument in "$@"; do
        case $argument in
            -h | --help) usage; return ;;
            --background) background=yes ;;
            --stop) [[ $# -eq 2 && $1 == --stop ]] || refuse "$@"; stop_server "$2"; return ;;
            -*) refuse "$@" ;;
            *) arguments+=("$argument") ;;
        esac
    done
    [[ ${#arguments[@]} -ge 2 ]] || refuse "$@"
    prepare "${arguments[@]}"
    if [[ -n $background ]]; then serve_in_background; else serve_in_foreground; fi
}

refuse() {
    say "error: cannot understand the arguments: ${*:-(none)}"
    usage >&2
    exit 2
}

# ---- before the server starts ----

prepare() {
    PORT=$1
    # Ollama takes its usual port when it is told an impossible one.
    [[ $PORT =~ ^[1-9][0-9]{0,4}$ && $PORT -le 65535 ]] || die "not a port from 1 to 65535: $PORT"
    mkdir -p "$2/models" "$2/home"
    DIR=$(cd "$2" && pwd)
    shift 2
    [[ $# -gt 0 ]] || set -- tiny medium
    "$HERE/install.sh" --print ollama >/dev/null
    "$HERE/install.sh" --print python >/dev/null
    # Without this check another server on the port would be taken for ours, and given our models.
    ! is_port_taken || die "something else listens on 127.0.0.1:$PORT; choose another port"
    ! is_our_server "$(recorded_pid "$DIR")" "$DIR" ||
        die "process $(recorded_pid "$DIR") still serves $DIR; stop it with: tests/real/serve.sh --stop $DIR"
    WANTED=()
    local name
    for name in "$@"; do
        choose_model "$name"
    done
}

is_port_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# Adds NAME=FILE to WANTED, making the file if it is not there.
choose_model() {
    local name=${1%=*} kind=${1##*=} file
    local -a shape
    case $kind in
        tiny) shape=(--layers 2 --width 64) ;;
        medium) shape=(--layers 6 --width 256 --f16) ;;
        slow) shape=(--layers 8 --width 512 --f16) ;;
        *) die "no such model: $kind; there are tiny, medium and slow" ;;
    esac
    # Other weights for another name: Ollama loads equal files once, and /api/ps then tells only one of the names.
    [[ $name == "$kind" ]] || shape+=(--seed "$(cksum <<<"$name" | cut -d' ' -f1)")
    file=$MODELS/$(model_key "${shape[@]}").gguf
    make_model "$file" "${shape[@]}"
    WANTED+=("$name=$file")
}

# What a model's bytes follow from: the arguments, the program that makes it, and the packages that it uses.
model_key() {
    { printf '%s\n' "$@"; cat "$HERE/make_model.py" "$HERE/requirements.txt"; } | sha256sum | cut -c1-16
}

make_model() {
    local file=$1
    shift
    [[ ! -s $file ]] || return 0
    mkdir -p "$MODELS"
    say "making a model: $*"
    timeout --foreground "$MAKE_SECONDS" "$PYTHON" "$HERE/make_model.py" "$file" "$@" >&2 ||
        die "make_model.py did not make $file (at most $MAKE_SECONDS s); what it said is above"
}

# ---- the server ----

# Replaces this shell with the server, whose process id is thus this shell's.
become_server() {
    echo "$BASHPID" >"$DIR/serve.pid"
    # A home of its own: Ollama writes a key there. No cloud: nothing of a test leaves the machine.
    exec env HOME="$DIR/home" OLLAMA_HOST="127.0.0.1:$PORT" OLLAMA_MODELS="$DIR/models" OLLAMA_NO_CLOUD=1 \
        "$OLLAMA" serve >>"$DIR/serve.log" 2>&1 </dev/null
}

# Replaces the subshell that it must be called in, so that ending that ends this.
become_creator() {
    exec "$PYTHON" "$HERE/create_models.py" --port "$PORT" --pid "$1" "${WANTED[@]}" >&2
}

serve_in_background() {
    local server='' creator=''
    trap 'end_process "$creator"; end_process "$server"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    become_server &
    server=$!
    # Waited for in the background: a trap would only run after a command in the foreground.
    become_creator "$server" &
    creator=$!
    wait "$creator" || die "no server on 127.0.0.1:$PORT; its log is $DIR/serve.log"
    trap - EXIT
    echo "$server"
}

# The models are created by a process beside this one, which itself becomes the server. Its parent is init, not the
# server, because the server would not wait for it when it ends.
serve_in_foreground() {
    (create_models_beside "$$" &)
    become_server
}

create_models_beside() {
    if (become_creator "$1"); then
        echo "ready 127.0.0.1:$PORT"
    else
        say "error: no server on 127.0.0.1:$PORT; its log is $DIR/serve.log"
        # Asked to end, it would end with status 0, as if all was well. It has no model loaded that it could leave.
        kill -KILL "$1" 2>/dev/null || true
    fi
}

# ---- stopping ----

stop_server() {
    [[ -d $1 ]] || die "there is no folder $1"
    local dir pid
    dir=$(cd "$1" && pwd)
    pid=$(recorded_pid "$dir")
    if is_our_server "$pid" "$dir"; then end_process "$pid"; fi
    # A server that was killed leaves the processes that run its models.
    for pid in $(runners_of "$dir"); do
        end_process "$pid"
    done
    rm -f "$dir/serve.pid"
}

recorded_pid() {
    cat "$1/serve.pid" 2>/dev/null || true
}

# Ids are used again: a process is only ours if it is a server with this folder's models.
is_our_server() {
    [[ -n $1 ]] && grep -zqxF "OLLAMA_MODELS=$2/models" "/proc/$1/environ" 2>/dev/null
}

runners_of() {
    local folder program
    program=$(realpath "$OLLAMA")
    for folder in /proc/[0-9]*; do
        [[ $(readlink "$folder/exe") == "$program"* ]] || continue
        if grep -zqF "$1/models/blobs/" "$folder/cmdline" 2>/dev/null; then echo "${folder##*/}"; fi
    done
}

# Asks a process to end, waits, and ends it the hard way if it does not.
end_process() {
    [[ -n $1 ]] && kill "$1" 2>/dev/null || return 0
    if ! timeout "$STOP_SECONDS" tail --pid="$1" -s 0.05 -f /dev/null; then
        say "process $1 did not end within $STOP_SECONDS s; killing it"
        kill -KILL "$1" 2>/dev/null || true
    fi
}

main "$@"

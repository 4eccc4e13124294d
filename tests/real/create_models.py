"""Waits until a real Ollama answers, then gives it models from GGUF files. Used by serve.sh.

The server's process is watched all the while: when it ends, so does the waiting, with a clear error.
"""

import argparse
import hashlib
import http.client
import json
import os
import sys
import time

READY_SECONDS = 60
# A /api/create of a file that Ollama cannot read ends with an error line; nothing was ever seen to take long.
REQUEST_SECONDS = 120
POLL_SECONDS = 0.05

# A turn per line, each with the role that said it; the model then speaks as the assistant.
TEMPLATE = (
    "{{- range .Messages }}[{{ .Role }}] {{ .Content }}\n{{ end }}[assistant] "
)
# Two threads that share a core with a compiler spin against each other and are ten times slower than one.
PARAMETERS = {"num_thread": 1}


class Failure(Exception):
    """What went wrong, in words for the person who started the server."""


def main():
    arguments = parse_arguments()
    try:
        wait_until_ready(arguments.port, arguments.pid)
        for name, path in arguments.models:
            create_model(arguments.port, name, path)
    except (Failure, OSError, http.client.HTTPException) as failure:
        sys.exit(f"create_models.py: error: {failure or type(failure).__name__}")


def parse_arguments():
    parser = argparse.ArgumentParser(description="wait for a local Ollama and create models in it")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("models", nargs="*", type=name_and_path, metavar="NAME=FILE.gguf")
    return parser.parse_args()


def name_and_path(text):
    name, separator, path = text.rpartition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, path


# ---- waiting ----


def wait_until_ready(port, pid):
    deadline = time.monotonic() + READY_SECONDS
    while not answers(port):
        if not is_alive(pid):
            raise Failure(f"the server (process {pid}) ended before it answered; its log says why")
        if time.monotonic() > deadline:
            raise Failure(f"the server did not answer within {READY_SECONDS} s; its log may say why")
        time.sleep(POLL_SECONDS)


def answers(port):
    try:
        return request(port, "GET", "/api/version")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def is_alive(pid):
    """A process that ended but was not waited for still has an entry, in state Z."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---- creating ----


def create_model(port, name, path):
    digest = file_digest(path)
    if request(port, "HEAD", f"/api/blobs/{digest}")[0] != 200:
        upload(port, digest, path)
    body = {
        "model": name,
        "files": {os.path.basename(path): digest},
        "template": TEMPLATE,
        "parameters": PARAMETERS,
    }
    status, answer = request(port, "POST", "/api/create", json.dumps(body))
    # The status is 200 even when it failed: only the last line tells.
    last = answer.strip().rpartition(b"\n")[2].decode(errors="replace")
    if status != 200 or json.loads(last or "{}").get("status") != "success":
        raise Failure(f"the server did not create {name}: status {status}, last line {last}")


def file_digest(path):
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def upload(port, digest, path):
    with open(path, "rb") as file:
        status, answer = request(port, "POST", f"/api/blobs/{digest}", file, os.path.getsize(path))
    if status not in (200, 201):
        raise Failure(f"the server did not take the file {path}: status {status}, {answer.decode(errors='replace')}")


def request(port, method, path, body=None, length=None):
    """One request on a connection of its own, never through a proxy; returns the status and the whole body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
    try:
        headers = {} if length is None else {"Content-Length": str(length)}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    main()

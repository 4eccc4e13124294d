"""Talks to a local Ollama as the benchmark does, and fails where an answer is not what the tests rely on."""

import argparse
import http.client
import json
import socket
import sys

CONTEXT = 2048
PREDICT = 16
LONG_PREDICT = 400  # far beyond the 31 equal pieces at which Ollama gives up on a stream
REQUEST_SECONDS = 60


def main():
    arguments = parse_arguments()
    if arguments.free_port:
        print(free_port())
        return
    for model in arguments.models:
        check_chat(arguments.port, model, PREDICT, temperature=0.8)
        check_chat(arguments.port, model, LONG_PREDICT, temperature=0)
        check_show(arguments.port, model)
        check_ps(arguments.port, model)


def parse_arguments():
    parser = argparse.ArgumentParser(description="check a local Ollama that serve.sh started")
    parser.add_argument("--free-port", action="store_true", help="print a port that nothing listens on")
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("models", nargs="*")
    arguments = parser.parse_args()
    if not arguments.free_port and not arguments.models:
        parser.error("a port and at least one model are needed")
    return arguments


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect(true, what, found):
    if not true:
        sys.exit(f"smoke.py: error: expected {what}, found {found!r}")


def check_chat(port, model, predict, temperature):
    """A streamed chat runs to num_predict, says valid text, and counts what it said."""
    options = {"num_thread": 1, "num_ctx": CONTEXT, "num_predict": predict, "temperature": temperature, "seed": 1}
    body = {
        "model": model,
        "stream": True,
        "options": options,
        "messages": [{"role": "user", "content": "Where does the ship go next, and who is at the wheel?"}],
    }
    lines = [json.loads(line) for line in ask(port, "POST", "/api/chat", body).splitlines()]
    last, text = lines[-1], "".join(line["message"]["content"] for line in lines)
    expect(last.get("done") is True, "a last line with done", last)
    expect(last.get("done_reason") == "length", "done_reason length", last.get("done_reason"))
    expect(last.get("eval_count") == predict, f"eval_count {predict}", last.get("eval_count"))
    expect("\ufffd" not in text, "valid UTF-8", text)
    rate = last["eval_count"] / last["eval_duration"] * 1e9
    print(
        f"{model}: {last['prompt_eval_count']} tokens in, {last['eval_count']} out in {len(lines)} lines,"
        f" load {last['load_duration'] / 1e6:.0f} ms, {rate:.0f} tokens/s: {text[:60]!r}"
    )


def check_show(port, model):
    show = json.loads(ask(port, "POST", "/api/show", {"model": model}))
    expect(show.get("capabilities") == ["completion"], "the capability completion", show.get("capabilities"))
    expect("[assistant]" in show.get("template", ""), "the chat template", show.get("template"))
    expect("num_thread" in show.get("parameters", ""), "the parameter num_thread", show.get("parameters"))
    expect(show["model_info"].get("llama.context_length") == 8192, "a context of 8192", show["model_info"])
    print(f"{model}: /api/show: {json.dumps(show['details'])}")


def check_ps(port, model):
    loaded = json.loads(ask(port, "GET", "/api/ps"))["models"]
    full = model if ":" in model else f"{model}:latest"
    found = next((entry for entry in loaded if entry["model"] == full), None)
    expect(found is not None, f"{full} among the loaded models", [entry["model"] for entry in loaded])
    expect(found.get("context_length") == CONTEXT, f"a context of {CONTEXT}", found)
    expect(found.get("size_vram") == 0, "nothing on a GPU", found)
    print(f"{model}: /api/ps: {json.dumps(found)}")


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = response.read().decode()
        expect(response.status == 200, f"status 200 for {path}", (response.status, answer))
        return answer
    finally:
        connection.close()


if __name__ == "__main__":
    main()

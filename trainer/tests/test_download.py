"""Fetching from a hub: the library's own client against a small server that answers as the hub does."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

TRAINER = Path(__file__).parents[1]
COMMIT = "c0ffee" * 6 + "c0ff"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model.safetensors": b"x" * 2_000_000,
    "modeling.py": b"",
    "pytorch_model.bin": b"not wanted",
    "onnx/model.safetensors": b"not wanted",
}


class Hub(BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        path = self.path.split("?")[0]
        if path.startswith("/api/models/someone/gated/"):
            self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif path.startswith("/api/models/someone/tiny/revision/v9"):
            self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif "/tree/" in path:
            listing = [{"type": "file", "path": name, "size": len(data), "oid": self.tag(data)} for name, data in FILES.items()]
            self.answer(200, json.dumps(listing).encode())
        elif path.startswith("/api/models/someone/tiny/"):
            about = {"id": "someone/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES], "private": False}
            self.answer(200, json.dumps(about).encode())
        elif path.startswith("/someone/tiny/resolve/"):
            data = FILES[path.split("/", 5)[5]]
            self.answer(200, data, {"ETag": f'"{self.tag(data)}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def tag(self, data: bytes) -> str:
        return hashlib.sha1(data).hexdigest()

    def answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    Hub.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Hub.requests
    server.shutdown()
    server.server_close()


FETCH = """
import json, sys
from minillm.download import fetch
from minillm.errors import BadInput
reports = []
try:
    revision = sys.argv[2] or None
    folder = fetch(sys.argv[1], revision, "/teacher/model", lambda *report: reports.append(report), weights=True, code=False)
    print(json.dumps({"files": sorted(p.name for p in folder.iterdir()), "reports": reports}))
except BadInput as error:
    print(json.dumps({"error": error.sentence, "pointer": error.pointer}))
"""


def fetched(endpoint: str, home: Path, model: str, revision: str = "") -> dict:
    """In a process of its own: the client reads its settings once, when it is imported."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(TRAINER)}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, model, revision], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_what_is_needed_is_fetched_and_progress_is_in_bytes(hub, tmp_path: Path):
    endpoint, requests = hub
    made = fetched(endpoint, tmp_path, "someone/tiny")
    assert made["files"] == ["config.json", "model.safetensors", "tokenizer.json"]
    total = sum(len(FILES[name]) for name in made["files"])
    what, done, whole, unit = made["reports"][-1]
    assert (what, done, whole, unit) == ("downloading someone/tiny", total, total, "bytes")
    assert all("/someone/tiny" in path for path in requests), "nothing is asked that fetching does not need"

    again = fetched(endpoint, tmp_path, "someone/tiny")
    assert again == {"files": made["files"], "reports": []}
    cached = fetched("http://127.0.0.1:1", tmp_path, "someone/tiny")
    assert cached == again, "without the hub, the cache serves"


@pytest.mark.parametrize(
    ("model", "revision", "sentence"),
    [
        ("someone/absent", "", "There is no folder and no public model 'someone/absent' on the Hugging Face hub"),
        ("someone/gated", "", "The model someone/gated asks for its terms to be accepted"),
        ("someone/tiny", "v9", "The model someone/tiny has no revision 'v9'"),
        ("not a name", "", "'not a name' is neither a folder nor a model id"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(hub, tmp_path: Path, model: str, revision: str, sentence: str):
    made = fetched(hub[0], tmp_path, model, revision)
    assert made["error"].startswith(sentence)
    assert made["pointer"] == "/teacher/model"


def test_an_unreachable_hub_is_said_in_a_sentence(tmp_path: Path):
    made = fetched("http://127.0.0.1:1", tmp_path, "someone/tiny")
    assert made["error"].startswith("The Hugging Face hub cannot be reached and someone/tiny is not in its cache (")
    assert "HF_ENDPOINT" in made["error"]

"""A folder of this machine by WebHDFS: real storage at an address, which needs no package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "/webhdfs/v1"


class Server(ThreadingHTTPServer):
    """``opened`` are the files that were read; the next ``failing`` reads fail, and all lists of
    ``away``."""

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root, self.opened, self.failing, self.away = root, list[str](), 0, ""

    def address(self, path: str = "", user: str = "") -> str:
        """Of a folder; ``user`` is name:password."""
        return f"webhdfs://{user}{'@' if user else ''}127.0.0.1:{self.server_port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = self.server.root / unquote(url.path.removeprefix(PREFIX)).strip("/")
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if not path.exists():
            about = {"exception": "FileNotFoundException", "message": "gone"}
            self._answer(404, json.dumps({"RemoteException": about}).encode())
        elif asked["op"] == "OPEN":
            self._open(path, asked)
        elif asked["op"] == "LISTSTATUS" and path.name == self.server.away:
            self._answer(503, b"busy")
        elif asked["op"] == "LISTSTATUS":
            found = [_status(entry, entry.name) for entry in sorted(path.iterdir())]
            self._answer(200, json.dumps({"FileStatuses": {"FileStatus": found}}).encode())
        else:
            self._answer(200, json.dumps({"FileStatus": _status(path, "")}).encode())

    def _open(self, path: Path, asked: dict[str, str]) -> None:
        if self.server.failing:
            self.server.failing -= 1
            self._answer(503, b"busy")
            return
        self.server.opened.append(path.relative_to(self.server.root).as_posix())
        start, length = (int(asked.get(name, 0)) for name in ("offset", "length"))
        self._answer(200, path.read_bytes()[start : start + length])

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: Any) -> None:
        """Nothing is printed."""


def _status(path: Path, name: str) -> dict[str, Any]:
    about = path.stat()
    kind = "DIRECTORY" if path.is_dir() else "FILE"
    size = 0 if path.is_dir() else about.st_size
    when = about.st_mtime_ns // 10**6
    return {"pathSuffix": name, "type": kind, "length": size, "modificationTime": when}


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server on loopback for the folder ``root``."""
    with Server(root) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

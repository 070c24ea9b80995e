"""The web server of the review: on this machine alone, until Ctrl-C."""

from __future__ import annotations

import contextlib
import logging
import socket

from anonbase.errors import InputError
from anonfaces.review.server import make_app
from anonfaces.review.session import ReviewSession

__all__ = ["serve"]

_HOST = "127.0.0.1"


def serve(session: ReviewSession, port: int, token: str) -> None:
    """Serve the review at ``http://127.0.0.1:port/token/``, and print that address.

    Raises InputError where the port is taken.
    """
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its log would show the token
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            raise InputError(f"--port {port}: cannot be listened on ({error})") from error
        listener.listen()
        bound = int(listener.getsockname()[1])
        app = make_app(session, token, bound)
        server = make_server(_HOST, bound, app, threaded=True, fd=listener.fileno())
        print(f"http://{_HOST}:{bound}/{token}/  (Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()

"""The review as a web application, for one person on the same machine.

It listens on 127.0.0.1 alone. Its address holds a random token; a request for another host, as a
page that rebinds its name would send, or with another token, is refused. What changes anything
needs a header and a type of content that no page elsewhere can send without being asked for leave.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from anonbase.errors import AnonfacesError
from anonfaces.anonymize.doubt import face_doubts, picture_doubt
from anonfaces.anonymize.pictures import jpeg
from anonfaces.review.session import FaceDecision, ReviewSession

if TYPE_CHECKING:
    from flask import Flask, Response

__all__ = ["HEADER", "make_app"]

HEADER = "X-Anonfaces-Review"
"""The header, with the token in it, that every change must have."""

#: Longest side in pixels of the pictures that are sent.
_SIDE = 1600
#: Bytes of a request, at most.
_LARGEST = 2**20
_PAGE = Path(__file__).parent / "templates" / "review.html"
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'unsafe-inline';"
        " script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make_app(session: ReviewSession, token: str, port: int) -> Flask:
    """The application for one session; every address begins with ``/token/``."""
    from flask import Flask, abort, request

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    @app.before_request
    def refuse_strangers() -> None:
        given = (request.view_args or {}).get("token", "")
        if request.host not in hosts or not hmac.compare_digest(given.encode(), token.encode()):
            abort(403)
        if request.method == "POST":
            origin = request.headers.get("Origin")
            mine = origin is None or origin.removeprefix("http://") in hosts
            header = request.headers.get(HEADER, "").encode()
            if not (mine and request.is_json and hmac.compare_digest(header, token.encode())):
                abort(403)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(_SECURITY)
        return response

    @app.errorhandler(AnonfacesError)
    def explain(error: AnonfacesError) -> tuple[dict[str, str], int]:
        return {"error": str(error)}, 400

    _add_pages(app, session)
    return app


def _add_pages(app: Flask, session: ReviewSession) -> None:
    from flask import Response, request

    alone = Lock()

    @app.get("/<token>/")
    def page(token: str) -> str:
        return _PAGE.read_text("utf-8")

    @app.get("/<token>/pictures")
    def pictures(token: str) -> list[dict[str, Any]]:
        numbers = [n for n in range(len(session.records)) if session.editable(n)]
        cards = [_card(session, number) for number in numbers]
        return sorted(cards, key=lambda card: -card["doubt"])

    @app.get("/<token>/picture/<int:number>")
    def picture(token: str, number: int) -> dict[str, Any]:
        image = session.original(number)
        return _details(session, number, image.shape[1], image.shape[0])

    @app.get("/<token>/before/<int:number>")
    def before(token: str, number: int) -> Response:
        return Response(jpeg(session.original(number), _SIDE), mimetype="image/jpeg")

    @app.get("/<token>/after/<int:number>")
    def after(token: str, number: int) -> Response:
        image = session.result(number)
        if image is None:
            return Response(status=204)
        return Response(jpeg(image, _SIDE), mimetype="image/jpeg")

    @app.post("/<token>/apply/<int:number>")
    def apply(token: str, number: int) -> dict[str, Any]:
        with alone:
            height, width = session.original(number).shape[:2]
            sent = request.get_json()
            faces = sent.get("faces", []) if isinstance(sent, dict) else []
            decisions = [FaceDecision.from_json(face, width, height) for face in faces]
            session.apply(number, decisions)
            return _details(session, number, width, height)


def _card(session: ReviewSession, number: int) -> dict[str, Any]:
    record = session.records[number]
    width, height = record.get("width", 0), record.get("height", 0)
    doubts = [face_doubts(face, width, height) for face in _faces(record)]
    return {
        "number": number,
        "title": record["input"],
        "outcome": record["outcome"],
        "reviewed": record.get("reviewed", False),
        "doubt": 0 if record.get("reviewed") else picture_doubt(doubts),
    }


def _details(session: ReviewSession, number: int, width: int, height: int) -> dict[str, Any]:
    record = session.records[number]
    faces = [
        {
            "box": face["box"],
            "action": _action(face["outcome"]),
            "reason": face.get("reason", ""),
            "doubts": face_doubts(face, width, height),
        }
        for face in _faces(record)
    ]
    more = {"width": width, "height": height, "written": "output" in record}
    return {**_card(session, number), **more, "faces": faces}


def _faces(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The faces of a record, and with them the places that the second look covered."""
    residual = record.get("second_look", [])
    covered = [{**place, "outcome": "covered", "second_look": True} for place in residual]
    return record.get("faces", []) + covered


def _action(outcome: str) -> str:
    return {"replaced": "surrogate", "kept": "open"}.get(outcome, "cover")

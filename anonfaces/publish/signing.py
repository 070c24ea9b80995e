"""A signature of the certificate by Ed25519 (RFC 8032), which says who released the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anonbase.errors import InputError

__all__ = ["SIGNATURE", "new_signing_key", "public_key", "sign", "signature_problem"]

SIGNATURE = "signature.json"
_ALGORITHM = "Ed25519"
_SEED_BYTES = 32
_MOST_BYTES = 4096


def new_signing_key() -> tuple[str, str]:
    """A new secret key and its public key, each 64 hexadecimal digits."""
    from nacl.signing import SigningKey

    key = SigningKey.generate()
    return bytes(key).hex(), bytes(key.verify_key).hex()


def public_key(secret_file: Path) -> str:
    """The public key, 64 hexadecimal digits, of the secret key in a file."""
    return bytes(_signing_key(secret_file).verify_key).hex()


def sign(certificate: bytes, secret_file: Path) -> str:
    """The text of ``signature.json`` for the bytes of a certificate."""
    key = _signing_key(secret_file)
    document = {
        "algorithm": _ALGORITHM,
        "of": "certificate.json",
        "public_key": bytes(key.verify_key).hex(),
        "signature": key.sign(certificate).signature.hex(),
    }
    return json.dumps(document, indent=2) + "\n"


def signature_problem(certificate: bytes, text: str, expected: str | None) -> str:
    """What is wrong with a signature, '' where nothing is; ``expected`` is whose it must be."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        document: dict[str, Any] = json.loads(text)
        public, signature = (bytes.fromhex(document[n]) for n in ("public_key", "signature"))
        if document["algorithm"] != _ALGORITHM:
            return f"{SIGNATURE} is of another kind than {_ALGORITHM}"
        VerifyKey(public).verify(certificate, signature)
    except BadSignatureError:
        return "the signature is not that of this certificate"
    except (ValueError, TypeError, KeyError, RecursionError):
        return f"{SIGNATURE} is no signature that can be read"
    if expected is not None and public.hex() != expected.strip().lower():
        return f"it is signed by {public.hex()}, not by the key that was given"
    return ""


def _signing_key(path: Path) -> Any:
    from nacl.signing import SigningKey

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(seed) != _SEED_BYTES:
            raise ValueError("another length")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} holds no secret key for signatures, 64 hexadecimal digits (python -m"
            f" anonfaces.publish.keys makes one): {error}"
        ) from error
    return SigningKey(seed)

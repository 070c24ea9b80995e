"""Files that others published, by SHA-256, and the terms they were published under.

The hashes are those of Git LFS pointers that can be looked up (``where``). No hash is here that
could not be looked up; a file that is not here is read all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Known", "known"]

_NC = "Nvidia Source Code License-NC (NVlabs/stylegan2): non-commercial research or evaluation only"
_ADA = "NVIDIA Source Code License (NVlabs/stylegan2-ada): non-commercial research or evaluation"
_AARONB = (
    "https://huggingface.co/aaronb/StyleGAN2-pkl/commit/422f40439ddaa6d041cf698347f08e9bdf9f6036"
)
_EDEMANA = (
    "https://huggingface.co/spaces/edemana/my-stylegan-model/commit/"
    "da64592673081d7d05abe1437c383f5ad91bf529"
)


@dataclass(frozen=True)
class Known:
    """A published file."""

    name: str
    licence: str
    where: str


_STYLEGAN2 = {
    "ffhq": "adf127ea7bb8a7788c8bdeda3c9937f7310b669b09ecf799ca53a631ff46948d",
    "car": "e1618eee2b3ce87c4a3849442f7850ef12a478556bff035c8e09ee7e23b3794c",
    "cat": "08940fd616cfaf6bc7b0286b5d1a0b3f70febb26e136d64716c8d3f5e9bd3883",
    "church": "4090c5f83b44b83475c84864188aa39a0fb72694492302b7e6af36aad0d18104",
    "horse": "cbc73372c7d82d095913ca8b4b9f170560777175bd7c3b8a75dd55d70807f32b",
}
_KNOWN = {
    **{
        digest: Known(f"stylegan2-{name}-config-f.pkl", _NC, _AARONB)
        for name, digest in _STYLEGAN2.items()
    },
    "a205a346e86a9ddaae702e118097d014b7b8bd719491396a162cca438f2f524c": Known(
        "ffhq.pkl of StyleGAN2-ADA", _ADA, _EDEMANA
    ),
}


def known(digest: str) -> Known | None:
    """The published file of this SHA-256, if we know it."""
    return _KNOWN.get(digest)

"""Downloads into a reader's cache: what can go wrong, each as a sentence."""

from __future__ import annotations

import errno
import http.client
import os
import pickle
import tarfile
import urllib.error
import zlib
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError

VARIABLE = "CONVZOO_DATA"
_NETWORK = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
_DAMAGED = (RuntimeError, ValueError, EOFError, tarfile.TarError, zlib.error, pickle.PickleError)
_BAD_SUM = "not found or corrupted"  # torchvision's words for a wrong checksum
FAILURES = (OSError, *_DAMAGED, *_NETWORK)  # what a download, or reading its file, may raise
_DISK = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


def folder(title: str, below: str = "") -> Path:
    """Return the folder for downloads, created if necessary; `below`: a folder inside it.

    Raises UserError if it cannot be created; title: what was to be saved there.
    """
    where = place.cache() / below
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{title} cannot be saved, because the folder {where} cannot be created "
            f"({error.strerror}). Set {VARIABLE} to a folder that you can write to."
        ) from error
    return where


def explain(error: Exception, where: Path) -> str:
    """Return what went wrong in a download to `where`, and what to do next: a predicate, without
    its subject and without a full stop."""
    text = str(error)
    if isinstance(error, _NETWORK) or "Error downloading" in text and _BAD_SUM not in text:
        return (
            f"is not in {where} and could not be downloaded ({_reason(error)}): connect to the "
            f"network and try again"
        )
    if getattr(error, "errno", None) in _DISK:
        return (
            f"could not be written to {where} ({os.strerror(error.errno)}): free some space or set "
            f"{VARIABLE} to another folder"
        )
    if "invalid hash value" in text:  # torch.hub has removed the file
        return (
            "has the wrong checksum, so the download was cut off or is not the right file: it was "
            "not kept, try again"
        )
    if _BAD_SUM in text:
        return (
            "has the wrong checksum, so the download is damaged or not the right file: delete "
            f"{where} and try again"
        )
    return f"cannot be read ({_reason(error)}), so it is damaged: delete {where} and try again"


def _reason(error: Exception) -> str:
    """Return the reason for an error in a few words: its last line that is not empty."""
    lines = [line for line in str(getattr(error, "reason", error)).splitlines() if line.strip()]
    return (lines[-1].strip().rstrip(".:") if lines else type(error).__name__)[:120]

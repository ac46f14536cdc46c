"""Who is calling: a plain key, or a JWT signed with the secret half of an `id.secret` key.

The JWT is the one the vendor's SDK makes (zai-sdk, `core/_jwt_token.py`): HS256, `sign_type: SIGN` in its
header, and `api_key`, `exp`, `timestamp` in its payload, times in milliseconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from glm_magics.demo.refusals import refuse

__all__ = ["caller"]


def caller(authorization: str | None, keys: tuple[str, ...] | None, *, now: float) -> str:
    """The account that the header names: a stable, harmless label. `keys=None` lets any key in.

    Raises `Refusal` 1001 without a key, 1002 for a wrong one, 1003 for an expired token.
    """
    token = _bearer(authorization)
    if not token:
        raise refuse("1001")
    if token.count(".") == 2:
        return _label(_jwt_account(token, keys, now=now))
    if keys is not None and not any(hmac.compare_digest(token.encode(), key.encode()) for key in keys):
        raise refuse("1002")
    return _label(token.split(".")[0])


def _bearer(authorization: str | None) -> str:
    words = (authorization or "").split(None, 1)
    if words and words[0].lower() == "bearer":
        words = words[1:]
    return words[0].strip() if words else ""


def _label(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:12]


def _jwt_account(token: str, keys: tuple[str, ...] | None, *, now: float) -> str:
    signed, _, signature = token.rpartition(".")
    header, payload = (_json_part(part) for part in signed.split("."))
    account = payload.get("api_key")
    if header.get("alg") != "HS256" or header.get("sign_type") != "SIGN" or not isinstance(account, str):
        raise refuse("1002")
    if keys is not None and not _signed_by(keys, account, signed, signature):
        raise refuse("1002")
    expires, issued = payload.get("exp"), payload.get("timestamp")
    if not isinstance(expires, (int, float)) or not isinstance(issued, (int, float)):
        raise refuse("1002")
    if expires <= now * 1000:
        raise refuse("1003")
    return account


def _json_part(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        raise refuse("1002") from None
    if not isinstance(value, dict):
        raise refuse("1002")
    return value


def _signed_by(keys: tuple[str, ...], account: str, signed: str, signature: str) -> bool:
    secrets = [
        secret for key in keys for name, dot, secret in [key.partition(".")] if dot and name == account
    ]
    try:
        given = _decoded(signature)
    except ValueError:
        return False
    return any(
        hmac.compare_digest(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest(), given)
        for secret in secrets
    )


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64") from error

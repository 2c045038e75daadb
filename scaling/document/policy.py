"""What a content-security policy calls the styles and scripts of a page."""

from __future__ import annotations

import base64
import hashlib


def policy_hash(text: str) -> str:
    """The source of a style or script that stands in the page itself."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

"""Browser headers: tell a browser what it may do with an answer, the same on every route.

The middleware adds them to every answer. Example: no answer is kept, guessed at, framed, or read by
another page.

The studio's page may load from here alone, and no text of it ever becomes markup. The API's answers
are no pages: a browser that shows one may load nothing at all.
"""

from starlette.datastructures import MutableHeaders

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Text from a person or a model cannot reach innerHTML, whoever forgets about it.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Of the studio's page."""

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of an answer that is no page."""

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_UNLESS_SAID = (("Cache-Control", "no-store"), ("Content-Security-Policy", NOTHING))


def add_headers(headers: MutableHeaders) -> None:
    """Add these headers to an answer; those that a page has set itself stay."""
    for name, text in _ALWAYS:
        headers[name] = text
    for name, text in _UNLESS_SAID:
        headers.setdefault(name, text)

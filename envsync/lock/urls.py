"""Make addresses fit to be written down: no credentials, no tokens, no fragment (H28)."""

import re
from urllib.parse import urlsplit, urlunsplit

_SECRET = re.compile(
    r"(^|[-_.])(access|apikey|auth|authorization|credentials?|expires|jwt|key|keyid|passw(or)?d"
    r"|pwd|secret|sig|signature|token|user(name)?)($|[-_.])|token|^(x-amz|x-goog)-|^awsaccesskeyid$"
)


def public_url(url: str) -> str:
    """Give `url` without user name, password, secret-looking query parameters and fragment.

    The user name of an ssh address is kept: it names a service, and ssh takes no secret there.
    """
    if "@" not in url and "?" not in url and "#" not in url:
        return url
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if parts.scheme.endswith("ssh") and user:
        host = f"{user.partition(':')[0]}@{host}"
    query = "&".join(
        pair
        for pair in parts.query.split("&")
        if not _SECRET.search(pair.partition("=")[0].lower())
    )
    return urlunsplit((parts.scheme, host, parts.path, query, ""))

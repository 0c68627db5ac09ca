"""Make addresses fit to be written down: no credentials, no tokens, no fragment (H28)."""

import re

from envsync.redaction import is_secret_parameter, userinfo_in_use


def public_url(url: str) -> str:
    """Give `url` without user name, password, secret-looking query parameters and fragment.

    The user name of an ssh address is kept: it names a service, and ssh takes no secret there.
    """
    if "@" not in url and "?" not in url and "#" not in url:
        return url
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    end = userinfo_in_use(rest) if separator else 0
    user, rest = rest[:end], rest[end:]
    if user and scheme.endswith("ssh"):
        rest = f"{re.split('[:@]', user)[0]}@{rest}"
    path, _, query = rest.partition("#")[0].partition("?")
    kept = [pair for pair in re.split("[&;]", query) if pair and not is_secret_parameter(pair)]
    return f"{scheme}{separator}{path}{'?' if kept else ''}{'&'.join(kept)}"

"""Take what lets anybody in out of URLs: users, passwords, telling queries, fragments.

Passwords are written by people, so a URL is not trusted to be one: `/`, `?`, `#` and `@` may stand
in a password unencoded. What may be part of one is hidden in messages, and refused in files
(`is_doubtful`); what goes into a lock (`lock.urls`) was judged before.
"""

import re

HIDDEN = "***"

# Texts, compiled when a URL turns up: most runs have nothing to hide.
_SCHEME = r"(?i:[a-z][a-z0-9+.-]*+:[\\/]{2,})"
_START = rf"(?<![A-Za-z0-9+.-]){_SCHEME}|\b(?i:https?):[\\/]*|(?<![^\s\"'<(\[=,])//(?=\S)"
_AUTHORITY = r"[^/?#\\]*"
_CLEAN = (
    r"|(?:(?i:localhost)|127(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])(?::\d*)?"
    r"|[\w-]+(?:\.[\w-]+)+\.?"
)
"""Authorities that can't be the beginning of a user and password: loopback, and names with dots."""
_SSH_USER = r"[\w.-]+@[^@]*$"
_WITH_PORT = r"(?:\[[0-9A-Fa-f:.]*\]|[^:]*)(?::\d*)?"
_CLOSING = r"[\"'<>)\]]+[,.;:]*$"

_TELLING_NAME = (
    r"(^|[-_.])(access|apikey|auth|authorization|credentials?|expires|jwt|key|keyid"
    r"|pass(wd|word|wort|phrase)?|pw|pwd|secret|sig|signature|token|user(name)?)($|[-_.])"
    r"|token|secret|passw|^(x-amz|x-goog)-|^(awsaccesskeyid|key-pair-id)$"
)
_DIGEST_NAME = r"sha|sha1|sha[23]?_?(224|256|384|512)|md5|commit|rev|ref|hash|digest|checksum"
_DIGEST = r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96,128}"
_FILE = r"(?i)[\w.!+-]+\.(?:whl|zip|tar\.(?:gz|bz2|xz)|tgz)"
_TIME = r"(?i)\d{4}-?\d\d-?\d\d(?:t?\d\d:?\d\d:?\d\d(?:\.\d+)?(?:z|[+-]\d\d:?\d\d)?)?"
_PLAIN_WORD = (
    r"[A-Z]?[a-z]{3,}(?:[A-Z][a-z]{3,}){0,2}|[A-Z]?[a-z]+|[A-Z]+|\d{1,15}"
    r"|\d{0,4}[a-z]{1,12}\d{0,4}|\d{0,4}[A-Z]{1,12}\d{0,4}|[A-Z][a-z]{1,12}\d{1,4}"
)
_HEX = r"(?i)[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LONGEST_WORD = 20
_SHORTEST_SECRET = 8
_LONG_SECRET = 12


def redact(text: str) -> str:
    """Take users, passwords, queries and fragments out of all URLs in a text."""
    if "//" not in text and "http" not in text.lower():
        return text
    return re.sub(rf"(?:{_START})\S*", lambda match: _shown(match[0]), text)


def redact_url(text: str) -> str:
    """Do the same with a text that is meant as one URL, whatever it holds."""
    if re.search(_START, text) is not None:
        return _shown(text)
    return _without_query(HIDDEN + text[text.rindex("@") :]) if "@" in text else text


def is_doubtful(url: str) -> bool:
    """Tell whether what looks like host or path may be part of a user and password.

    `https://me:pass/word@host/`: the host seems to be `me`. An `@` in a path is written `%40`, but
    for `https://me:pw@h.example/feed@View/`, which has a user and a plain host before.
    """
    start = re.search(_START, url)
    if start is None or "@" not in url:
        return False
    rest = url[start.end() :]
    is_url = start[0].endswith("://")
    return not is_url or (_userinfo(start[0], rest)[1] and not _has_user_and_host(rest))


def is_secret_parameter(pair: str) -> bool:
    """Tell whether `NAME=VALUE` of a query holds a secret, by its name or by its shape."""
    name, _, value = pair.partition("=")
    name, value = _plain(name).lower(), _plain(value)
    if re.search(_TELLING_NAME, name) is not None:
        return True
    if re.fullmatch(_DIGEST_NAME, name) and re.fullmatch(_DIGEST, value):
        return False
    return looks_secret(value) or looks_secret(name)


def userinfo_in_use(rest: str) -> int:
    """Give how many characters behind `//` are the user and password of a URL that was judged.

    As RFC 3986 reads it, where that can be right at all; else up to the last `@`.
    """
    authority = _authority(rest)
    is_whole = re.fullmatch(_WITH_PORT, authority[authority.rfind("@") + 1 :]) is not None
    has_more = "@" in authority and "@" in rest[len(authority) :]
    if is_whole and (not has_more or _has_user_and_host(rest)):
        return authority.rfind("@") + 1
    return rest.rfind("@") + 1


def looks_secret(text: str) -> bool:
    """Tell whether a text looks like a key, a token or a signature, not like words and numbers."""
    if "://" in text and "@" in text:
        return True
    if len(text) < _SHORTEST_SECRET or re.fullmatch(_FILE, text) or re.fullmatch(_TIME, text):
        return False
    if re.fullmatch(_HEX, text):
        return True
    words = [word for word in re.split(r"[\W_]+", text) if word]
    odd = [word for word in words if not _is_plain(word)]
    joined = "".join(words)
    if odd and (len(joined) >= _LONG_SECRET or len(max(odd, key=len)) >= _SHORTEST_SECRET):
        return True
    is_serial = joined.isupper() and any(character.isdigit() for character in joined)
    return is_serial and len(joined) >= _LONG_SECRET + 4


def _is_plain(word: str) -> bool:
    return len(word) <= _LONGEST_WORD and re.fullmatch(_PLAIN_WORD, word) is not None


def _plain(text: str) -> str:
    """Decode %XX of ASCII, twice: that is enough for a look at it."""
    for _ in range(2):
        text = re.sub(r"%([2-7][0-9A-Fa-f])", lambda match: chr(int(match[1], 16)), text)
    return text


def _shown(url: str) -> str:
    start = re.search(_START, url)
    if start is None:
        return url
    head, rest = url[: start.end()], url[start.end() :]
    has_scheme = ":" in start[0]
    end, is_doubt = _userinfo(start[0], rest)
    if end:
        return head + _without_query((f"{HIDDEN}@" if is_doubt else "") + rest[end:])
    if has_scheme and _is_cut(rest):
        return head + HIDDEN
    shown = _without_query(rest) if has_scheme else rest
    inner = re.search(_SCHEME, shown)
    return head + (shown[: inner.start()] + _shown(shown[inner.start() :]) if inner else shown)


def _without_query(rest: str) -> str:
    cut = re.search("[?#]", rest)
    if cut is None:
        return rest
    closing = re.search(_CLOSING, rest)
    return rest[: cut.start()] + (closing[0] if closing else "")


def _userinfo(scheme: str, rest: str) -> tuple[int, bool]:
    """Give how many characters behind `//` may be a user and password; whether that is in doubt.

    It is where there is an `@` behind what seems to be the host.
    """
    at = rest.rfind("@")
    scheme = scheme.lower().removeprefix("git+")
    if at < 0 or scheme.startswith("file:"):
        return 0, False
    authority = _authority(rest)
    # `ssh://git@host/path@v1`: an ssh address has a user's name, and no password without a colon.
    if scheme.startswith("ssh:") and re.match(_SSH_USER, authority) and _has_user_and_host(rest):
        # What all forges call it is no secret, and a command that is to be typed needs it.
        return 0 if authority.startswith("git@") else authority.rfind("@") + 1, False
    if at < len(authority):
        return at + 1, False
    if "@" not in authority and re.fullmatch(_CLEAN, authority) is not None:
        return 0, False
    return at + 1, True


def _has_user_and_host(rest: str) -> bool:
    """Tell whether a URL goes on with a user, an `@` and a host that no password looks like."""
    host = _authority(rest).rpartition("@")[2]
    is_plain = re.fullmatch(rf"(?:{_CLEAN})(?::\d*)?", host) is not None
    return is_plain and "@" in _authority(rest) and host[:1] not in ("", ":")


def _is_cut(rest: str) -> bool:
    """Tell whether a URL without `@` begins with a user and password whose end was cut off."""
    authority = _authority(rest).rstrip("\"'<>),.;:")
    return re.fullmatch(_WITH_PORT, authority) is None


def _authority(rest: str) -> str:
    match = re.match(_AUTHORITY, rest)
    return match[0] if match else ""

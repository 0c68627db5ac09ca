"""Tell quickly that a word is no task, without reading env.toml: on the shortest path of `run`."""


def may_be_task(data: bytes, word: str) -> bool:
    """Say whether the bytes of a valid env.toml may define a task of this name.

    False is certain: the word is nowhere a key after the first "tasks". True means "read it".
    """
    if b"\\u" in data or b"\\U" in data or b"\\x" in data:
        return True  # a key may be spelled by escapes
    start = data.find(b"tasks")
    if start < 0:
        return False
    name = word.encode("utf-8", "surrogateescape")
    while (start := data.find(name, start)) >= 0:
        start += len(name)
        rest = data[start : start + 100].lstrip(b"\"'").lstrip(b" \t")
        if not rest or (rest.startswith(b"=") and not rest.startswith(b"==")):
            return True
    return False

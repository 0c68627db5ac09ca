"""Read conda's environment.yml: its pip part, and packages that the Python index has as well.

Values are taken as they are written: no YAML tags, aliases or types are believed, so `1.10` stays
what it is, and nothing is made of a stranger's words but text.
"""

import re
from collections.abc import Iterator

import yaml

from envsync.adopt.conda_names import OTHERS, SAME
from envsync.adopt.draft import Draft, Origin
from envsync.adopt.requirements_txt import read_requirement_lines
from envsync.errors import SpecInvalid
from envsync.spec.model import BASE
from envsync.spec.wording import quote

_LARGEST = 1 << 18
_LONGEST = 500
_DEEPEST = 40
_SPEC = re.compile(
    r"(?:(?P<channel>[A-Za-z0-9_./:-]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?P<version>.*)"
)
_NOT_PYTHON = re.compile(
    r"(?:_.*|lib.*|r-.*|gcc.*|gxx.*|cuda.*|cudnn.*|mkl.*|blas.*|openblas|openmpi|mpich|nodejs|make|"
    r"cmake|ninja|git|openssl|zlib|compilers|c-compiler|cxx-compiler|fortran-compiler|pkg-config|"
    r"ffmpeg|gdal|hdf5|pandoc|samtools|bwa|bedtools|java.*|openjdk|perl.*|rust|go|conda.*|mamba)"
)


def read_environment_yml(draft: Draft, path: str) -> None:
    """Put what an environment.yml says into the draft. Raises `SpecInvalid`."""
    root = _mapping(_document(path, draft.read_bytes(path)), path)
    draft.has_read(path)
    for key, node in root.items():
        origin = _origin(path, node)
        if key == "name" and isinstance(node, yaml.ScalarNode):
            draft.call(node.value, origin)
        elif key == "dependencies":
            for item in _items(node, path, key):
                _read_item(draft, path, item)
        elif key == "channels":
            for item in _items(node, path, key):
                advice = "wheels come from the Python index, not from channels"
                draft.leave(_origin(path, item), f"channel {_shown(item)}", advice, matters=False)
        elif key != "prefix":
            draft.leave(origin, key, "there is nothing like it in env.toml")


def _document(path: str, data: bytes) -> yaml.Node:
    if len(data) > _LARGEST:
        raise SpecInvalid(path, ["the file is larger than 256 KiB"])
    try:
        text = data.decode("utf-8-sig")
        _refuse_odd(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecInvalid(path, [f"line {line}: the text is not UTF-8"]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SpecInvalid(path, [_reason(error)], hint=f"correct {path}, then try again") from error
    if node is None:
        raise SpecInvalid(path, ["line 1: the file is empty"])
    return node


def _refuse_odd(path: str, text: str) -> None:
    """Refuse aliases, by which few lines are many, and depths that no real file has."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise SpecInvalid(path, [f"line {line}: aliases (*name) are not read: write it out"])
        if depth > _DEEPEST:
            raise SpecInvalid(path, [f"line {line}: nested too deeply"])


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"line {mark.line + 1 if mark else 1}: {problem}"


def _mapping(node: yaml.Node, path: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise SpecInvalid(path, ["line 1: expected keys such as `dependencies:`"])
    return {str(key.value): value for key, value in node.value}


def _items(node: yaml.Node, path: str, key: str) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return []
    raise SpecInvalid(path, [f"line {node.start_mark.line + 1}: {key}: expected a list"])


def _origin(path: str, node: yaml.Node) -> Origin:
    return Origin(path, node.start_mark.line + 1)


def _shown(node: yaml.Node) -> str:
    return quote(str(node.value)) if isinstance(node, yaml.ScalarNode) else "of another form"


def _read_item(draft: Draft, path: str, node: yaml.Node) -> None:
    origin = _origin(path, node)
    if isinstance(node, yaml.ScalarNode):
        _read_package(draft, str(node.value), origin)
        return
    if not isinstance(node, yaml.MappingNode):
        draft.leave(origin, "a list among the dependencies", "expected a package")
        return
    for key, inner in _mapping(node, path).items():
        if key == "pip":
            lines = [(item.start_mark.line + 1, item) for item in _items(inner, path, "pip")]
            texts = [(line, str(i.value)) for line, i in lines if isinstance(i, yaml.ScalarNode)]
            read_requirement_lines(draft, path, texts, BASE)
        else:
            draft.leave(origin, f"dependencies of {quote(key)}", "only conda's and pip's are known")


def _read_package(draft: Draft, text: str, origin: Origin) -> None:
    match = _SPEC.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        draft.leave(origin, quote(text), "it is not a package as conda names them")
        return
    name, version = match["name"].lower(), match["version"].strip()
    if name == "pip":
        draft.leave(origin, "pip", "an environment needs none", matters=False)
        return
    try:
        specifier = specifier_of(version)
    except ValueError as error:
        draft.leave(origin, quote(text), str(error))
        return
    if name == "python":
        draft.need_python(specifier or None, origin)
    elif name in SAME:
        draft.require(BASE, f"{name}{specifier}", origin)
    else:
        draft.leave(origin, quote(text), _advice(name, specifier))


def _advice(name: str, specifier: str) -> str:
    if name in OTHERS:
        other = OTHERS[name]
        return f"on the index it is probably {other}: `envsync add '{other}{specifier}'`"
    if _NOT_PYTHON.fullmatch(name):
        return "it is no Python package: install it beside the environment"
    return f"not known to be the same on the index: `envsync add '{name}{specifier}'` if it is"


def specifier_of(text: str) -> str:
    """Give the specifier of PEP 440 for conda's, such as `=1.26` or `>=1.2,<2`; "" for any.

    A build string behind the version is left out. Raises `ValueError` for what can't be said.
    """
    bare = text.strip().strip("'\"").strip()
    if bare in ("", "*"):
        return ""
    if "|" in bare:
        raise ValueError("PEP 440 has no `or` between versions: write one range")
    return ",".join(_conditions(bare))


def _conditions(text: str) -> Iterator[str]:
    for part in text.split(","):
        match = re.fullmatch(r"\s*([<>=!~]*)\s*([^\s=<>!~]+)(?:\s*=\s*\S+|\s+\S+)?\s*", part)
        if match is None:
            raise ValueError(f"{quote(part)} is not a condition on a version")
        operator, version = match[1], match[2]
        exact = operator in ("", "=", "==")
        if version == "*":
            continue
        if re.fullmatch(r"[0-9][0-9A-Za-z.!+_-]*(?:\.?\*)?", version) is None:
            raise ValueError(f"{quote(version)} is not a version")
        series = re.sub(r"\.?\*$", "", version)
        if operator == "=" or (exact and series != version):
            yield f"=={series}.*"
        elif exact:
            yield f"=={version}"
        else:
            yield f"{operator}{series}"

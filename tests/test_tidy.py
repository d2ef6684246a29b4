"""The style rules that a machine can check, over every tracked file.

A check takes texts by path and gives its findings. Each is also fed a bad sample, to show that it can fail.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_README_LINES = 150
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc"}
LOCKED = re.compile(r"requirements/\w+\.txt")
PINNED = re.compile(r"(requirements|benchmarks)/\w+\.txt")
# Written in two parts, so that this file does not find itself.
REGISTRY_HOST = re.compile("|".join([r"\bpypi" + r"\.org", r"\bpythonhosted" + r"\.org", r"\bregistry\." + "npmjs"]))
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:wor" + r"k|hom" + r"e/\w+|User" + r"s/\w+)/")
CLOCK_READERS = {"now", "utcnow", "today"}

Texts = Mapping[str, str]
Findings = list[str]


def in_src(texts: Texts) -> Iterator[tuple[str, str]]:
    return ((path, text) for path, text in texts.items() if path.startswith("src/") and path.endswith(".py"))


def lines_of(texts: Texts) -> Iterator[tuple[str, str]]:
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path}:{number}", line


def long_files(texts: Texts) -> Findings:
    return [path for path, text in in_src(texts) if len(text.splitlines()) > MAX_FILE_LINES]


def long_functions(texts: Texts) -> Findings:
    return [
        f"{path}:{node.lineno} {node.name}"
        for path, text in in_src(texts)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


def vague_names(texts: Texts) -> Findings:
    return [path for path, _ in in_src(texts) if VAGUE_NAMES & {*Path(path).with_suffix("").parts}]


def clocks_in_the_kernel(texts: Texts) -> Findings:
    """What import-linter cannot see: the clock behind an import that is allowed."""
    return [
        f"{path}:{node.lineno} {node.attr}"
        for path, text in in_src(texts)
        if path.startswith("src/mainstay/kernel/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in CLOCK_READERS
    ]


def registry_hosts(texts: Texts) -> Findings:
    return [place for place, line in lines_of(texts) if REGISTRY_HOST.search(line)]


def machine_paths(texts: Texts) -> Findings:
    return [place for place, line in lines_of(texts) if MACHINE_PATH.search(line)]


def unpinned_requirements(texts: Texts) -> Findings:
    """Every requirement has one version and a hash, and no line says where to fetch from."""
    return [
        f"{path} {requirement.split()[0]}"
        for path, text in texts.items()
        if PINNED.fullmatch(path)
        for requirement in requirements(text)
        if not re.match(r"[\w.-]+==[\w.]+[ ;].*--hash=sha256:[0-9a-f]{64}", requirement)
    ]


def requirements(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def unlocked_dependencies(texts: Texts) -> Findings:
    locked = {plain_name(line) for path, text in texts.items() if LOCKED.fullmatch(path) for line in requirements(text)}
    return [name for name in declared(texts) if name not in locked]


def unexplained_dependencies(texts: Texts) -> Findings:
    explained = set(re.findall(r"^\| `([\w.-]+)`", texts["docs/adr/dependencies.md"], re.MULTILINE))
    return [name for name in declared(texts) if name not in {plain_name(name) for name in explained}]


def declared(texts: Texts) -> list[str]:
    pyproject = tomllib.loads(texts["pyproject.toml"])
    groups = pyproject.get("dependency-groups", {}).values()
    return [plain_name(entry) for entries in (pyproject["project"]["dependencies"], *groups) for entry in entries]


def plain_name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def shared_adr_numbers(texts: Texts) -> Findings:
    """What says "ADR 20" has to mean one."""
    records = sorted(path for path in texts if re.match(r"docs/adr/\d{4}-", path))
    return [other for one, other in pairwise(records) if one[:13] == other[:13]]


def long_readme(texts: Texts) -> Findings:
    return [p for p in ("README.md",) if len(texts.get(p, "").splitlines()) > MAX_README_LINES]


HASH = "--hash=sha256:" + "0" * 64
PYPROJECT = "[project]\ndependencies = ['new>=1']\n"
CHECKS: list[tuple[Callable[[Texts], Findings], Texts]] = [
    (long_files, {"src/mainstay/long.py": "x = 1\n" * 601}),
    (long_functions, {"src/mainstay/long.py": "async def f():\n" + "    x = 1\n" * 70}),
    (vague_names, {"src/mainstay/ledger/utils.py": ""}),
    (vague_names, {"src/mainstay/common/words.py": ""}),
    (clocks_in_the_kernel, {"src/mainstay/kernel/plan.py": "import datetime\nx = datetime.datetime.now()\n"}),
    (registry_hosts, {"docs/install.md": "see https://pypi" + ".org/simple"}),
    (machine_paths, {"docs/install.md": "cd /hom" + "e/anna/src"}),
    (machine_paths, {"Makefile": "PYTHON=/wor" + "k/python"}),
    (unpinned_requirements, {"requirements/run.txt": "rich==15.0.0\n"}),
    (unpinned_requirements, {"requirements/run.txt": f"rich>=15 {HASH}\n"}),
    (unpinned_requirements, {"requirements/run.txt": f"rich==15.0.0 \\\n    {HASH}\nlxml==6.1.3\n"}),
    (unpinned_requirements, {"requirements/dev.txt": "--index-url https://example.com/simple\n"}),
    (unlocked_dependencies, {"pyproject.toml": PYPROJECT, "requirements/run.txt": "old==1\n"}),
    (unexplained_dependencies, {"pyproject.toml": PYPROJECT, "docs/adr/dependencies.md": "| `old` | x |\n"}),
    (shared_adr_numbers, {"docs/adr/0001-one.md": "", "docs/adr/0001-other.md": ""}),
    (long_readme, {"README.md": "line\n" * 151}),
]


@pytest.fixture(scope="module")
def tracked() -> Texts:
    """The text of every tracked file that is text and still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {path: text_of(ROOT / path) for path in listed.split("\0") if (ROOT / path).is_file()}
    return {path: text for path, text in texts.items() if text is not None}


def text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in CHECKS), ids=lambda check: check.__name__)
def test_the_tree_keeps_the_rule(check, tracked):
    assert check(tracked) == []


@pytest.mark.parametrize(("check", "bad"), CHECKS)
def test_a_bad_sample_is_found(check, bad):
    assert check(bad) != []


def test_the_tree_is_seen(tracked):
    assert "pyproject.toml" in tracked
    assert any(LOCKED.fullmatch(path) for path in tracked)
    assert any(in_src(tracked))

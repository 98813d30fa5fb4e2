"""The budgets of docs/architecture.md, read off the source."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bartizan"
FILES = sorted(SOURCE.rglob("*.py"))
ACTING = [path for path in FILES if path.parent.name != "detectors"]
"""Files whose texts are used: those of detectors hold what detectors look for."""

FILE_LINES, FILE_STOP = 400, 600
FUNCTION_LINES, FUNCTION_STOP = 50, 80
SHARE_OVER_SOFT_BUDGET = 0.05
DIRECT_DEPENDENCIES = 20

BROAD_EXCEPT = {
    "detect/examination.py": "the engine boundary: a detector that breaks becomes a failure that the policy decides on",
    "scan/format.py": "the engine boundary: a format that breaks becomes a finding",
    "discover/source.py": "the engine boundary: a source that breaks becomes a skip with its reason",
    "gateway/app.py": "the gateway boundary: an error becomes a status, and nothing unchecked leaves",
}
READ_ONLY = re.compile(r"(Final\[)?(Mapping|Sequence|Collection|AbstractSet|Set|frozenset|tuple)\[")
"""Annotations that the type checker lets nobody write through."""
READS_ENVIRONMENT = {"config.py"}
PRINTS_OR_EXITS = {"cli", "__main__.py"}


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions() -> Iterator[tuple[str, int]]:
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{relative(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_stay_within_their_budget() -> None:
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {name: count for name, count in lines.items() if count > FILE_STOP}
    over = {name: count for name, count in lines.items() if count > FILE_LINES}
    assert len(over) <= SHARE_OVER_SOFT_BUDGET * len(lines), over


def test_functions_stay_within_their_budget() -> None:
    lengths = dict(functions())
    assert not {name: count for name, count in lengths.items() if count > FUNCTION_STOP}
    over = {name: count for name, count in lengths.items() if count > FUNCTION_LINES}
    assert len(over) <= SHARE_OVER_SOFT_BUDGET * len(lengths), over


def test_nesting_is_room_shelf_file() -> None:
    assert not [relative(path) for path in FILES if len(path.relative_to(SOURCE).parts) > 3]


def test_no_room_is_a_drawer() -> None:
    drawers = {"utils", "util", "common", "helpers", "manager", "factory", "misc", "base"}
    named = {part.removesuffix(".py").strip("_") for path in FILES for part in path.relative_to(SOURCE).parts}
    assert not named & drawers


@pytest.mark.parametrize("room", sorted(path.parent for path in SOURCE.glob("*/__init__.py")), ids=lambda p: p.name)
def test_each_room_says_what_it_owns(room: Path) -> None:
    docstring = ast.get_docstring(tree(room / "__init__.py")) or ""
    for line in ("Owns: ", "Does not own: ", "To add one: "):
        assert re.search(rf"^{line}", docstring, re.MULTILINE), f"{room.name} does not say '{line}'"


def test_no_mutable_state_at_module_level() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        for node in tree(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
        and "__all__" not in ast.unparse(node)
        and not (isinstance(node, ast.AnnAssign) and READ_ONLY.match(ast.unparse(node.annotation)))
    ]
    assert not found
    assert not [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in caught
    )


def test_broad_except_stands_only_at_the_boundaries() -> None:
    found = {
        relative(path)
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    }
    assert found == set(BROAD_EXCEPT)


def calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_only_the_command_line_prints_and_exits() -> None:
    forbidden = {"print", "sys.exit", "exit", "quit", "os._exit", "logging.basicConfig"}
    found = [
        f"{relative(path)}:{line} {name}"
        for path in FILES
        if relative(path).split("/")[0] not in PRINTS_OR_EXITS
        for name, line in calls(path)
        if name in forbidden
    ]
    assert not found


def test_nothing_evaluates_or_unpickles() -> None:
    forbidden = {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "os.system", "os.popen"}
    found = [f"{relative(path)}:{line} {name}" for path in FILES for name, line in calls(path) if name in forbidden]
    shells = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword)
        and node.arg == "shell"
        and not (isinstance(node.value, ast.Constant) and not node.value.value)
    ]
    assert not found + shells


def test_only_the_configuration_reads_the_environment() -> None:
    pattern = re.compile(r"\bos\.(environ|getenv)\b")
    found = [relative(path) for path in ACTING if pattern.search(path.read_text(encoding="utf-8"))]
    assert set(found) <= READS_ENVIRONMENT


def test_sql_stands_only_in_the_store() -> None:
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|DELETE FROM|CREATE TABLE|UPDATE \w+ SET)\b")
    found = [relative(path) for path in ACTING if statement.search(path.read_text(encoding="utf-8"))]
    assert all(name.startswith("store/") for name in found), found


def test_nothing_is_left_unfinished() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError|# *(stub|placeholder|for now)\b")
    assert not [relative(path) for path in FILES if mark.search(path.read_text(encoding="utf-8"))]


def test_the_core_has_few_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(project["dependencies"]) <= DIRECT_DEPENDENCIES


def test_the_makefile_has_at_most_eight_targets() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    assert len(phony[1].split()) <= 8

"""What is harmless, what is unknown, and what a hostile pickle may cost."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import pickle  # only to write pickles; nothing is ever loaded
import random
import struct
import uuid
from pathlib import Path
from typing import Any

import pytest

from bartizan.core.severity import Severity
from bartizan.scan.machine import Limits
from bartizan.scan.pickles import Pickles
from tests.scan import assembler as make
from tests.scan.reading import read

VALUES: list[Any] = [
    None,
    [1, 2.5, "three", b"four", True, None, -(10**30)],
    {"nested": {"list": [[1], [2, [3]]], "tuple": (1, 2, 3, 4)}, "set": {1, 2}, "frozen": frozenset({"a"})},
    collections.OrderedDict(a=1),
    collections.defaultdict(list, a=[1]),
    collections.Counter("abracadabra"),
    [
        dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        dt.timedelta(1),
        decimal.Decimal("1.5"),
        uuid.UUID(int=7),
    ],
    bytearray(b"bytes"),
    ["x" * 300, "é" * 300, "\ud800"],
    list(range(20_000)),
    [b"y" * 100_000, 1, b"z" * 70_000],
    [{"id": number, "name": f"user {number}", "score": number / 3} for number in range(2_000)],
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_data_that_python_writes_is_clean(tmp_path: Path, value: Any, protocol: int) -> None:
    result = read(tmp_path, pickle.dumps(value, protocol=protocol))
    assert result.findings == []
    assert result.verdict == "clean"


@pytest.mark.parametrize("protocol", range(2, 6))
def test_shared_and_cyclic_containers_are_clean(tmp_path: Path, protocol: int) -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    shared = [1, 2]
    result = read(tmp_path, pickle.dumps([cycle, shared, shared, {"again": shared}], protocol=protocol))
    assert result.findings == []


HARMLESS = [
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch", "FloatStorage"),
    ("torch.nn.modules.linear", "Linear"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "dtype"),
    ("sklearn.ensemble._forest", "RandomForestClassifier"),
    ("transformers.training_args", "TrainingArguments"),
    ("ultralytics.nn.modules.conv", "Conv"),
    ("pandas.core.frame", "DataFrame"),
    ("xgboost.sklearn", "XGBClassifier"),
]


@pytest.mark.parametrize(("module", "name"), HARMLESS)
def test_what_machine_learning_libraries_write_is_clean(tmp_path: Path, module: str, name: str) -> None:
    body = make.name(module, name) + b")\x81" + b"}" + make.text("a") + make.number(1) + b"sb"
    assert read(tmp_path, make.pickle(body)).verdict == "clean"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch.nn.modules.linear", "linear"),
        ("torch._utils", "_rebuild_tensor_v2.__call__"),
        ("collections", "os.system"),
    ],
)
def test_a_dotted_or_unlisted_name_beside_a_harmless_one_is_not_clean(tmp_path: Path, module: str, name: str) -> None:
    assert read(tmp_path, make.call_pickle(module, name)).verdict != "clean"


def test_unknown_classes_of_one_package_are_one_finding(tmp_path: Path) -> None:
    body = b"".join(make.name("inhouse.models", f"Model{number}") + b")\x810" for number in range(30))
    result = read(tmp_path, make.pickle(body, b"N"))
    assert result.verdict == "unknown-code"
    assert [finding.severity for finding in result.findings] == [Severity.MEDIUM]
    assert "and 18 more" in result.findings[0].evidence[0]


def test_unknown_function_that_sounds_like_running_is_high(tmp_path: Path) -> None:
    result = read(tmp_path, make.call_pickle("somepackage.tools", "run_command"))
    assert result.verdict == "unknown-code"
    assert result.findings[0].severity is Severity.HIGH


def test_standard_library_is_not_trusted_by_default(tmp_path: Path) -> None:
    result = read(tmp_path, make.call_pickle("bisect", "insort"))
    assert result.findings[0].severity is Severity.HIGH


def test_compiled_code_is_unsafe_by_design(tmp_path: Path) -> None:
    body = make.called(make.name("cloudpickle.cloudpickle", "_make_function"), make.data(b"code"))
    assert read(tmp_path, make.pickle(body)).verdict == "unsafe-by-design"


def test_a_dangerous_name_that_is_only_named_is_malicious_too(tmp_path: Path) -> None:
    result = read(
        tmp_path, make.pickle(make.called(make.name("collections", "defaultdict"), make.name("os", "system")))
    )
    assert result.verdict == "malicious"
    assert [finding.severity for finding in result.findings] == [Severity.HIGH]


def test_the_same_finding_has_the_same_id_twice(tmp_path: Path) -> None:
    content = make.call_pickle("os", "system")
    first, second = read(tmp_path, content), read(tmp_path, content)
    assert [finding.id for finding in first.findings] == [finding.id for finding in second.findings]
    assert first.assets[0].id == second.assets[0].id


def test_control_characters_in_names_do_not_reach_the_reader(tmp_path: Path) -> None:
    result = read(tmp_path, make.call_pickle("evil\x1b[2J\u202emodule", "ru\nn"))
    assert result.findings
    assert all(char.isprintable() for finding in result.findings for char in finding.title + "".join(finding.evidence))


# -- what a hostile pickle may cost ------------------------------------------------------------------------------------


def test_billion_laughs_is_a_finding(tmp_path: Path) -> None:
    body = b"]\x94" + b"".join(
        b"](" + b"h" + bytes([level]) * 1 + (b"h" + bytes([level])) * 9 + b"e\x94" for level in range(12)
    )
    result = read(tmp_path, make.pickle(body))
    assert "hold each other" in result.titles
    assert result.verdict == "malformed"


def test_billion_laughs_that_are_filled_late_are_a_finding(tmp_path: Path) -> None:
    levels = 12
    empty = b"]\x94" * levels
    filled = b"".join(
        b"h" + bytes([level + 1]) + b"(" + (b"h" + bytes([level])) * 10 + b"e0" for level in reversed(range(levels - 1))
    )
    assert "hold each other" in read(tmp_path, make.pickle(empty, filled)).titles


def test_counts_that_lie_end_the_pickle_and_not_the_scanner(tmp_path: Path) -> None:
    for liar in (
        b"\x8b\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"\x8e" + b"\xff" * 8,
        b"\x96" + b"\xff" * 8,
    ):
        result = read(tmp_path, make.proto() + make.called(make.name("os", "system"), make.text(make.MARKER)) + liar)
        assert result.verdict == "malicious"
        assert "declares more bytes than there are" in result.titles


def test_frame_that_lies_is_a_finding(tmp_path: Path) -> None:
    result = read(tmp_path, make.proto() + b"\x95" + b"\xff" * 8 + b"N.")
    assert "a frame declares more bytes" in result.titles


def test_memo_index_that_reserves_memory_is_a_finding(tmp_path: Path) -> None:
    assert "reserve memory" in read(tmp_path, make.pickle(b"Nr\xff\xff\xff\xff")).titles


def test_buffer_that_reserves_memory_is_a_finding(tmp_path: Path) -> None:
    result = read(tmp_path, make.pickle(make.called(make.name("builtins", "bytearray"), make.number(2_000_000_000))))
    assert "would reserve 2,000,000,000 bytes" in result.titles


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        (Limits(steps=10_000), b"N0" * 20_000),
        (Limits(stack=10_000), make.text("a") * 20_000),
        (Limits(memo=10_000), make.text("a") + b"\x94" * 20_000),
        (Limits(marks=10_000), b"(" * 20_000),
    ],
    ids=["steps", "stack", "memo", "marks"],
)
def test_what_goes_beyond_a_limit_is_unread_and_not_clean(limits: Limits, body: bytes) -> None:
    pickles = Pickles(data=make.pickle(body), limits=limits)
    pickles.read()
    assert pickles.unread
    assert "broken" in pickles.odds


def test_every_prefix_of_a_pickle_is_read_without_a_crash(tmp_path: Path) -> None:
    whole = pickle.dumps(VALUES[2], protocol=4) + make.call_pickle("os", "system")
    for end in range(2, len(whole)):
        pickles = Pickles(data=whole[:end])
        pickles.read()
        assert "broken" in pickles.odds or pickles.complete == 1, end


def test_joblib_arrays_in_the_middle_of_a_pickle_are_stepped_over(tmp_path: Path) -> None:
    dtype = make.called(make.name("numpy", "dtype"), make.text("f8"), b"\x89", b"\x88")
    fields = (
        make.text("shape") + make.number(4) + b"\x85" + make.text("dtype") + dtype
        + make.text("numpy_array_alignment_bytes") + make.number(16)
    )  # fmt: skip
    wrapper = make.name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + b"}(" + fields + b"ub"
    array = b"\x03" + b"\xff" * 3 + struct.pack("<4d", 1, 2, 3, 4)
    clean = read(tmp_path, make.pickle(b"}" + make.text("weights"), wrapper, array, b"s"))
    assert clean.verdict == "clean", clean.titles
    behind = make.called(make.name("os", "system"), make.text(make.MARKER))
    assert read(tmp_path, make.pickle(b"]", wrapper, array, behind, b"aa")).verdict == "malicious"


def test_names_without_end_are_unread_and_what_is_malicious_among_them_is_kept(tmp_path: Path) -> None:
    names = b"".join(make.old_name("junk", f"n{number}") + b"0" for number in range(30_000))
    result = read(tmp_path, make.pickle(names, make.called(make.name("os", "system"), make.text(make.MARKER))))
    assert result.verdict == "malicious"
    assert "names more than 20,000 callables" in result.titles


def test_names_beyond_every_limit_end_the_scan_with_a_reason() -> None:
    names = b"".join(make.old_name("junk", f"n{number}") + b"0" for number in range(201_000))
    pickles = Pickles(data=make.pickle(names))
    pickles.read()
    assert "more than 200,000 callables" in pickles.unread


def test_a_name_of_hundreds_of_parts_is_evasive(tmp_path: Path) -> None:
    assert read(tmp_path, make.call_pickle("a", ".".join("b" * 400))).verdict == "malformed"


def test_a_view_of_memory_reads_like_bytes() -> None:
    content = make.pickle(make.number(1) * 3, make.called(make.name("os", "system"), make.text(make.MARKER)), b"t")
    for data in (content, memoryview(content)):
        pickles = Pickles(data=data)
        pickles.read()
        assert ("os", "system") in {(seen.module, seen.name) for seen in pickles.seen.values()}


def test_what_torch_save_writes_is_clean(tmp_path: Path) -> None:
    storage = (
        b"("
        + make.text("storage")
        + make.old_name("torch", "FloatStorage")
        + make.text("0")
        + make.text("cpu")
        + b"K\x04tQ"
    )
    hooks = make.called(make.old_name("collections", "OrderedDict"))
    tensor = make.called(
        make.old_name("torch._utils", "_rebuild_tensor_v2"),
        storage,
        b"K\x00",
        b"K\x04\x85",
        b"K\x01\x85",
        b"\x89",
        hooks,
    )
    state = make.called(make.old_name("collections", "OrderedDict")) + b"(" + make.text("weight") + tensor + b"u"
    content = make.archive({"m/data.pkl": make.pickle(state, version=2), "m/data/0": b"\0" * 16, "m/version": b"3\n"})
    result = read(tmp_path, content, "model.pt")
    assert result.findings == []
    assert result.verdict == "clean"


def test_raw_weights_behind_the_pickles_of_old_torch_files_are_no_alarm(tmp_path: Path) -> None:
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    pickles = magic + make.pickle(make.number(1001)) + make.pickle(b"}") + make.pickle(b"}") + make.pickle(b"]")
    result = read(tmp_path, pickles + random.Random(7).randbytes(8_000_000), "model.bin")
    assert result.findings == []
    assert result.verdict == "clean"

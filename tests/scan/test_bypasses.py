"""One test for each published way past a pickle scanner, by its advisory. Nothing here is ever loaded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bartizan.core.severity import Severity
from tests.scan import assembler as make
from tests.scan.reading import read

# Advisory, module, name of a callable that a deny-list missed. GHSA ids are of mmaitre314/picklescan unless CVE.
GADGETS = [
    ("CVE-2025-1716", "pip", "main"),
    ("CVE-2025-1716", "pip._internal", "main"),
    ("GHSA-4r9r-ch6f-vxmx", "torch.utils.bottleneck.__main__", "run_cprofile"),
    ("GHSA-4whj-rm5r-c2v8", "torch.utils.bottleneck.__main__", "run_autograd_prof"),
    ("GHSA-86cj-95qr-2p4f", "torch._dynamo.guards", "GuardBuilder.get"),
    ("GHSA-f4x7-rfwp-v3xw", "torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
    ("GHSA-f745-w6jp-hpxx", "torch.utils.collect_env", "run"),
    ("GHSA-jhph-76pp-mggw", "torch.utils.collect_env", "run_and_read_all"),
    ("GHSA-h3qp-7fh3-f8h4", "torch.utils.data.datapipes.utils.decoder", "basichandlers"),
    ("GHSA-vr7h-p6mm-wpmh", "torch.jit.unsupported_tensor_ops", "execWrapper"),
    ("GHSA-vv6j-3g6g-2pvj", "torch.utils._config_module", "ConfigModule.load_config"),
    ("GHSA-5qwp-399c-mjwf", "trace", "Trace.run"),
    ("GHSA-g344-hcph-8vgg", "trace", "Trace.runctx"),
    ("GHSA-x696-vm39-cp64", "profile", "Profile.run"),
    ("GHSA-6vqj-c2q5-j97w", "profile", "Profile.runctx"),
    ("GHSA-7wx9-6375-f5wh", "profile", "run"),
    ("GHSA-f54q-57x4-jg88", "lib2to3.pgen2.grammar", "Grammar.loads"),
    ("GHSA-p9w7-82w4-7q8m", "lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    ("GHSA-3vg9-h568-4w9m", "idlelib.debugobj", "ObjectTreeItem.SetText"),
    ("GHSA-6w4w-5w54-rjvr", "idlelib.autocomplete", "AutoComplete.get_entity"),
    ("GHSA-7cq8-mj8x-j263", "idlelib.autocomplete", "AutoComplete.fetch_completions"),
    ("GHSA-8r4j-24qv-fmq9", "idlelib.calltip", "Calltip.fetch_tip"),
    ("GHSA-9xph-j2h6-g47v", "idlelib.calltip", "get_entity"),
    ("GHSA-m869-42cg-3xwr", "idlelib.run", "Executive.runcode"),
    ("GHSA-j343-8v2j-ff7w", "idlelib.pyshell", "ModifiedInterpreter.runcommand"),
    ("GHSA-3gf5-cxq9-w223", "idlelib.pyshell", "ModifiedInterpreter.runcode"),
    ("GHSA-cj3c-v495-4xqh", "code", "InteractiveInterpreter.runcode"),
    ("GHSA-xp4f-hrf8-rxw7", "ensurepip", "_run_pip"),
    ("GHSA-fqq6-7vqf-w3fg", "doctest", "debug_script"),
    ("GHSA-9w88-8rmg-7g2p", "cProfile", "runctx"),
    ("GHSA-49gj-c84q-6qm9", "cProfile", "run"),
    ("GHSA-v7x6-rv5q-mhwc", "timeit", "timeit"),
    ("GHSA-q77w-mwjj-7mqx", "asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("GHSA-m273-6v24-x4m4", "distutils.file_util", "write_file"),
    ("GHSA-4675-36f9-wf6r", "ctypes", "CDLL"),
    ("GHSA-vqmv-47xg-9wpr", "pty", "spawn"),
    ("GHSA-r8g5-cgf2-4m4m", "numpy.f2py.crackfortran", "getlincoef"),
    ("GHSA-g38g-8gr9-h9xp", "uuid", "_get_command_stdout"),
    ("GHSA-g38g-8gr9-h9xp", "_osx_support", "_read_output"),
    ("GHSA-g38g-8gr9-h9xp", "_aix_support", "_read_cmd_output"),
    ("GHSA-g38g-8gr9-h9xp", "imaplib", "IMAP4_stream"),
    ("GHSA-g38g-8gr9-h9xp", "_pyrepl.pager", "pipe_pager"),
    ("GHSA-g38g-8gr9-h9xp", "test.support.script_helper", "assert_python_ok"),
    # Advisories of trailofbits/fickling.
    ("GHSA-565g-hwwr-4pp3", "marshal", "loads"),
    ("GHSA-wfq2-52f7-7qvj", "runpy", "run_path"),
    ("GHSA-q5qq-mvfm-j35x", "multiprocessing.util", "spawnv_passfds"),
    ("GHSA-5hwf-rc88-82xm", "_osx_support", "_find_build_tool"),
    ("GHSA-6ggj-6f2q-f7mx", "_interpreters", "create"),
    ("GHSA-6ggj-6f2q-f7mx", "_xxsubinterpreters", "create"),
    ("GHSA-5j3x-jp52-966f", "pathlib", "os.system"),
]


@pytest.mark.parametrize(("advisory", "module", "name"), GADGETS, ids=[f"{a}-{m}.{n}" for a, m, n in GADGETS])
def test_gadget_of_an_advisory_is_malicious(tmp_path: Path, advisory: str, module: str, name: str) -> None:
    result = read(tmp_path, make.call_pickle(module, name))
    assert result.verdict == "malicious", advisory
    assert result.findings[0].severity is Severity.CRITICAL
    assert f"would call {module}.{name}('{make.MARKER}') on load" in result.titles


def test_ghsa_955r_x9j8_7rhh_methodcaller_is_followed_to_the_method(tmp_path: Path) -> None:
    module = make.called(make.name("builtins", "__import__"), make.text("os"))
    caller = make.called(make.name("_operator", "methodcaller"), make.text("system"), make.text(make.MARKER))
    result = read(tmp_path, make.pickle(make.called(caller, module)))
    assert result.verdict == "malicious"
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_ghsa_46h3_79wf_xr6c_attrgetter_is_followed_to_the_attribute(tmp_path: Path) -> None:
    module = make.called(make.name("builtins", "__import__"), make.text("os"))
    getter = make.called(make.name("_operator", "attrgetter"), make.text("system"))
    result = read(tmp_path, make.pickle(make.called(make.called(getter, module), make.text(make.MARKER))))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_ghsa_84r2_jw7c_4r5q_pydoc_locate_is_followed(tmp_path: Path) -> None:
    module = make.called(make.name("pydoc", "locate"), make.text("os"))
    caller = make.called(make.name("operator", "methodcaller"), make.text("system"), make.text(make.MARKER))
    result = read(tmp_path, make.pickle(make.called(caller, module)))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_ghsa_vvpj_8cmc_gx39_resolve_name_reaches_everything(tmp_path: Path) -> None:
    function = make.called(make.name("pkgutil", "resolve_name"), make.text("os:system"))
    result = read(tmp_path, make.pickle(make.called(function, make.text(make.MARKER))))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_ghsa_h4rm_mm56_xf63_getattr_of_an_imported_module(tmp_path: Path) -> None:
    module = make.called(make.name("builtins", "__import__"), make.text("os"))
    function = make.called(make.name("builtins", "getattr"), module, make.text("system"))
    result = read(tmp_path, make.pickle(make.called(function, make.text(make.MARKER))))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_partial_of_a_command_is_followed(tmp_path: Path) -> None:
    bound = make.called(make.name("functools", "partial"), make.name("os", "system"), make.text(make.MARKER))
    result = read(tmp_path, make.pickle(make.called(bound)))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_ghsa_mxhj_88fx_4pcv_a_call_whose_result_is_dropped_is_seen(tmp_path: Path) -> None:
    body = b"(" + make.name("os", "system") + make.text(make.MARKER) + b"o0N"
    assert read(tmp_path, make.pickle(body)).verdict == "malicious"


def test_ghsa_9gvj_pp9x_gcfr_a_pickle_that_breaks_off_is_read_up_to_there(tmp_path: Path) -> None:
    result = read(tmp_path, make.proto() + make.called(make.name("os", "system"), make.text(make.MARKER)) + b"\xff\xff")
    assert result.verdict == "malicious"
    assert "breaks off" in result.titles


def test_picklescan_22_memo_index_is_followed_not_guessed(tmp_path: Path) -> None:
    # The name is stored under an index of its own choosing, and an innocent one is pushed and dropped after it.
    body = (
        make.text("os") + b"q\x09" + make.text("system") + b"q\x07" + b"00"
        + make.text("collections") + b"0" + make.text("OrderedDict") + b"0" + b"h\x09" + b"h\x07" + b"\x93"
        + b"(" + make.text(make.MARKER) + b"tR"
    )  # fmt: skip
    result = read(tmp_path, make.pickle(body))
    assert f"would call os.system('{make.MARKER}') on load" in result.titles


def test_memo_entry_that_is_written_twice_has_its_last_value(tmp_path: Path) -> None:
    body = (
        make.text("collections") + b"q\x00" + b"0" + make.text("os") + b"q\x00" + b"0" + b"h\x00"
        + make.text("system") + b"\x93" + b"(" + make.text(make.MARKER) + b"tR"
    )  # fmt: skip
    assert "os.system" in read(tmp_path, make.pickle(body)).titles


def test_names_in_string_opcodes_of_protocol_0_are_read(tmp_path: Path) -> None:
    body = b"S'o\\x73'\nS'sy\\x73tem'\n\x93(S'" + make.MARKER.encode() + b"'\ntR"
    assert "os.system" in read(tmp_path, make.pickle(body)).titles


def test_cpython_154848_bytes_that_straddle_a_frame_are_read_both_ways(tmp_path: Path) -> None:
    hidden = make.called(make.old_name("os", "system"), make.text(make.MARKER)) + b"0N."
    straddling = b"B" + struct.pack("<I", 2 + len(hidden)) + b"\0\0" + hidden
    content = make.proto() + b"\x95" + struct.pack("<Q", 7) + straddling + b"."
    result = read(tmp_path, content)
    assert result.verdict == "malicious"
    assert "straddles the end of its frame" in result.titles


def test_frames_that_python_writes_are_not_odd(tmp_path: Path) -> None:
    body = b"(" + make.number(1) * 20
    content = make.proto() + b"\x95" + struct.pack("<Q", len(body)) + body + b"\x95" + struct.pack("<Q", 2) + b"t."
    result = read(tmp_path, content)
    assert result.findings == []
    assert result.verdict == "clean"


def test_second_pickle_behind_stop_is_read(tmp_path: Path) -> None:
    content = make.pickle(make.number(1)) + make.call_pickle("os", "system")
    assert read(tmp_path, content).verdict == "malicious"


def test_pickle_hidden_behind_garbage_is_found(tmp_path: Path) -> None:
    content = make.pickle(make.number(1)) + b"\0" * 1_000 + make.call_pickle("os", "system")
    result = read(tmp_path, content)
    assert result.verdict == "malicious"
    assert "hidden behind the pickle" in result.titles


def test_pickle_in_a_byte_string_is_found(tmp_path: Path) -> None:
    result = read(tmp_path, make.pickle(make.data(make.call_pickle("os", "system"))))
    assert result.verdict == "malicious"
    assert "hidden in a byte string" in result.titles


def test_bytes_that_torch_would_load_in_turn_are_scanned(tmp_path: Path) -> None:
    inner = make.archive({"archive/data.pkl": make.call_pickle("os", "system")})
    content = make.pickle(make.called(make.name("torch.storage", "_load_from_bytes"), make.data(inner)))
    assert read(tmp_path, content).verdict == "malicious"


def test_sys_modules_override_is_malicious(tmp_path: Path) -> None:
    body = make.name("sys", "modules") + make.text("re") + make.name("os", "path") + b"s"
    result = read(tmp_path, make.pickle(body))
    assert result.verdict == "malicious"
    assert "changes sys.modules" in result.titles


def test_names_of_python_2_are_translated(tmp_path: Path) -> None:
    content = make.pickle(make.called(make.old_name("__builtin__", "eval"), make.text(make.MARKER)), version=2)
    assert read(tmp_path, content).verdict == "malicious"


def test_name_that_is_no_text_is_evasive(tmp_path: Path) -> None:
    result = read(tmp_path, make.pickle(make.number(42) + make.text("os") + b"\x93"))
    assert result.verdict == "malformed"


def test_extension_code_is_evasive(tmp_path: Path) -> None:
    result = read(tmp_path, make.pickle(b"\x82\x07" + b"(tR"))
    assert result.verdict == "malformed"
    assert "extension code 7" in result.titles


def test_reaching_through_dunders_is_evasive(tmp_path: Path) -> None:
    content = make.call_pickle("collections", "OrderedDict.__init__.__globals__")
    assert read(tmp_path, content).verdict == "malformed"


def test_getattr_handed_to_something_that_may_call_it(tmp_path: Path) -> None:
    body = make.called(make.name("torch._tensor", "_rebuild_from_type_v2"), make.name("builtins", "getattr"), b"N)N")
    result = read(tmp_path, make.pickle(body))
    assert result.verdict == "unknown-code"
    assert "hands builtins.getattr to something" in result.titles


# CVE-2025-1889: members with unusual endings were not looked at.
def test_cve_2025_1889_member_of_any_name_is_scanned(tmp_path: Path) -> None:
    content = make.archive(
        {"archive/data.pkl": make.pickle(b"}"), "archive/config.p": make.call_pickle("os", "system")}
    )
    result = read(tmp_path, content, "model.pt")
    assert result.verdict == "malicious"
    assert result.findings[0].location is not None
    assert result.findings[0].location.member == "archive/config.p"


# CVE-2025-1944: the member's name differs between its own header and the table of contents.
def test_cve_2025_1944_names_that_differ(tmp_path: Path) -> None:
    content = bytearray(make.archive({"archive/data.pkl": make.call_pickle("os", "system")}))
    content[30:34] = b"evil"
    result = read(tmp_path, bytes(content), "model.pt")
    assert result.verdict == "malicious"
    assert "one name in the table of contents and another" in result.titles


# CVE-2025-1945: flag bits on which Python's zipfile gives up and PyTorch does not.
@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40])
def test_cve_2025_1945_flag_bits_are_ignored(tmp_path: Path, flag: int) -> None:
    content = bytearray(make.archive({"archive/data.pkl": make.call_pickle("os", "system")}))
    content[6] |= flag
    content[content.rfind(b"PK\x01\x02") + 8] |= flag
    assert read(tmp_path, bytes(content), "model.pt").verdict == "malicious"


# CVE-2025-10155: a pickle under a PyTorch ending was read as PyTorch only.
@pytest.mark.parametrize("ending", ["bin", "pt", "ckpt", "safetensors", "txt", "png"])
def test_cve_2025_10155_the_ending_does_not_matter(tmp_path: Path, ending: str) -> None:
    assert read(tmp_path, make.call_pickle("os", "system"), f"model.{ending}").verdict == "malicious"


# CVE-2025-10156: a wrong checksum stopped the scanner and not the loader.
def test_cve_2025_10156_checksums_are_ignored(tmp_path: Path) -> None:
    content = bytearray(make.archive({"archive/data.pkl": make.call_pickle("os", "system")}))
    content[14:18] = b"\0\0\0\0"
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 16 : directory + 20] = b"\0\0\0\0"
    assert read(tmp_path, bytes(content), "model.pt").verdict == "malicious"


# CVE-2025-10157: a module below a listed one was not listed.
def test_cve_2025_10157_modules_below_a_dangerous_one(tmp_path: Path) -> None:
    assert read(tmp_path, make.call_pickle("asyncio.unix_events", "_UnixSubprocessTransport")).verdict == "malicious"


# GHSA-jgw4-cr84-mqxg: PyTorch's magic number is only the first of several pickles.
def test_ghsa_jgw4_cr84_mqxg_magic_number_does_not_end_the_scan(tmp_path: Path) -> None:
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    content = magic + make.pickle(make.number(1001)) + make.pickle(b"}") + make.call_pickle("asyncio", "run")
    assert read(tmp_path, content, "model.bin").verdict == "malicious"


def test_member_that_the_table_of_contents_does_not_name(tmp_path: Path) -> None:
    hidden = make.archive({"hidden.pkl": make.call_pickle("os", "system")})
    hidden = hidden[: hidden.rfind(b"PK\x01\x02")]
    result = read(tmp_path, hidden + make.archive({"archive/data.pkl": make.pickle(b"}")}), "model.pt")
    assert result.verdict == "malicious"
    assert "table of contents does not name" in result.titles


def test_pickle_in_front_of_an_archive_is_a_polyglot(tmp_path: Path) -> None:
    content = make.pickle(b"}") + make.archive({"archive/data.pkl": make.pickle(b"}")})
    result = read(tmp_path, content, "model.pt")
    assert result.verdict == "malformed"
    assert "at once" in result.titles

"""One frozen schema of the whole configuration, a section a room, and the only place that reads the environment.

The order is defaults < file < environment < flags. The file is TOML (`bartizan.toml`); the environment overrides
single values (`BARTIZAN_GATEWAY__PORT=9000` is `gateway.port`). An unknown key is an error that names the nearest one.
Secrets are never values: they are references, `env:NAME` or `file:PATH`, resolved with `secret()` when they are used.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from bartizan.core.segment import Role
from bartizan.errors import ConfigError

DEFAULT_FILE = "bartizan.toml"
_ENV_PREFIX = "BARTIZAN_"
_ENV_FILE = "BARTIZAN_CONFIG"
_MAX_SECRET_BYTES = 65_536
_MAX_FILE_BYTES = 1_000_000
_MAX_DEPTH = 16

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
_MEANING = r"^(injection|jailbreak|moderation\.[a-z][a-z0-9_]{0,39})$"
_READ_BY_DEFAULT = (Role.USER, Role.TOOL, Role.DOCUMENT, Role.MEMORY)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration."""


class StoreConfig(Section, frozen=True, kw_only=True):
    """The ledger.

    Attributes:
        queue: How many records may wait for the writer before appending waits.
        checkpoint_every: After how many records a signed checkpoint is made, besides the one at close.
        linger_seconds: How long the writer lets a group grow while nobody waits for it.
        read_seconds: How long one query may take.
        busy_seconds: How long a write waits for another process that holds the ledger.
    """

    queue: Positive = 100_000
    checkpoint_every: Positive = 10_000
    linger_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.005
    read_seconds: Seconds = 5.0
    busy_seconds: Seconds = 10.0


class ClassifierConfig(Section, frozen=True, kw_only=True):
    """A sequence classifier of one's own, exported as ONNX; needs the extra `classifiers`.

    Attributes:
        path: Its folder (`model.onnx`, `tokenizer.json`, `config.json`), or one ONNX file in it.
        labels: What its labels count as: `injection`, `jailbreak` or `moderation.NAME`. A label is named as in
            `config.json`, or by the number of its output; those not named count as harmless.
        roles: The roles whose texts it reads.
        threshold: From which probability on there is a signal.
        max_tokens: How long a window of it is; longer texts are read in windows that overlap by a quarter.
        only_unclear: Whether it reads only what the linear stage does not clear, or all texts.
    """

    path: str
    labels: Annotated[dict[str, Annotated[str, msgspec.Meta(pattern=_MEANING)]], msgspec.Meta(min_length=1)]
    roles: tuple[Role, ...] = _READ_BY_DEFAULT
    threshold: Share = 0.5
    max_tokens: Annotated[int, msgspec.Meta(ge=16, le=8_192)] = 512
    only_unclear: bool = False


class TopicConfig(Section, frozen=True, kw_only=True):
    """A topic of one's own, told by examples.

    Attributes:
        examples: Sentences about it, at least three, better ten or more.
        counter_examples: Sentences that are close to it and not meant.
        roles: The roles whose texts are looked at; empty for all.
        threshold: From which score on there is a signal; at 0.5, about one in a hundred ordinary sentences is.
    """

    examples: Annotated[tuple[str, ...], msgspec.Meta(min_length=3, max_length=1_000)]
    counter_examples: Annotated[tuple[str, ...], msgspec.Meta(max_length=1_000)] = ()
    roles: tuple[Role, ...] = (Role.USER, Role.ASSISTANT)
    threshold: Share = 0.5


class DetectConfig(Section, frozen=True, kw_only=True):
    """The detection engine.

    Attributes:
        disable: Detector ids that do not run; `family.*` names a whole family.
        max_chars: Longer segments are checked in overlapping windows of this many characters.
        decode_depth: How many layers of encoding are unwrapped.
        seconds: How long the detectors may take over one piece of content.
        models: Whether the learned stages run. The second of them needs the extra `ml`.
        thresholds: The file that `bartizan detect calibrate` wrote; what reaches one is a signal for policies. Empty
            for no such signals, and to flag from 0.5 on.
        classifiers: Classifiers of one's own by name.
        topics: Topics of one's own by name.
    """

    disable: tuple[str, ...] = ()
    max_chars: Positive = 1_000_000
    decode_depth: Annotated[int, msgspec.Meta(ge=0, le=8)] = 3
    seconds: Seconds = 2.0
    models: bool = True
    thresholds: str = ""
    classifiers: dict[Name, ClassifierConfig] = {}
    topics: dict[Name, TopicConfig] = {}


class GuardConfig(Section, frozen=True, kw_only=True):
    """The guard: a shipped policy by name, or the path of a policy file."""

    policy: str = "default"


class UpstreamConfig(Section, frozen=True, kw_only=True):
    """A model service behind the gateway.

    Attributes:
        url: Its base URL, up to and without `/chat/completions`.
        key: Where its API key is: `env:NAME` or `file:PATH`; empty where it needs none.
        models: The model names it serves; `*` for all that no other upstream serves.
    """

    url: str
    key: str = ""
    models: tuple[str, ...] = ("*",)


class GatewayConfig(Section, frozen=True, kw_only=True):
    """The gateway.

    Attributes:
        max_body_bytes: The largest request body.
        max_depth: The deepest nesting of a request's JSON.
        max_answer_bytes: The largest answer of an upstream.
        connect_seconds: How long connecting to an upstream may take.
        first_byte_seconds: How long an upstream may take to begin its answer.
        chunk_seconds: How long an upstream may be silent in mid-stream.
        hold_back_chars: How many characters of a stream are held back for checking before they are released.
        audit: `strict` answers only after the verdict is durable; `grouped` lets the ledger's group commit catch up
            and refuses new requests as soon as the ledger cannot write.
        upstreams: Model services by name.
    """

    host: str = "127.0.0.1"
    port: Port = 8787
    max_body_bytes: Positive = 10_000_000
    max_depth: Positive = 64
    max_answer_bytes: Positive = 20_000_000
    connect_seconds: Seconds = 5.0
    first_byte_seconds: Seconds = 120.0
    chunk_seconds: Seconds = 60.0
    hold_back_chars: Positive = 512
    audit: Annotated[str, msgspec.Meta(pattern="^(strict|grouped)$")] = "grouped"
    upstreams: dict[str, UpstreamConfig] = {}


class LabConfig(Section, frozen=True, kw_only=True):
    """The practice lab."""

    host: str = "127.0.0.1"
    port: Port = 8788


class ConsoleConfig(Section, frozen=True, kw_only=True):
    """The web console; a session ends `session_seconds` after log-in."""

    host: str = "127.0.0.1"
    port: Port = 8789
    session_seconds: Seconds = 28_800.0


class AttackConfig(Section, frozen=True, kw_only=True):
    """The attack engine's budgets and pace; 0 means no limit.

    Attributes:
        concurrency: The most requests under way at once; the engine finds its own pace below it.
        trials: How often each attempt is repeated.
        timeout_seconds: How long one request may take.
    """

    concurrency: Positive = 32
    trials: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 3
    timeout_seconds: Seconds = 60.0
    max_requests: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    seed: int = 0


class ScanConfig(Section, frozen=True, kw_only=True):
    """The artefact scanner.

    Attributes:
        max_file_bytes: Larger files are skipped with that reason.
        max_unpacked_bytes: How much one archive may unpack to.
        max_depth: How deep archives may nest.
        exclude: Names of folders that are not entered; each one met is reported as skipped.
    """

    exclude: tuple[str, ...] = ()
    max_file_bytes: Positive = 8_000_000_000
    max_unpacked_bytes: Positive = 4_000_000_000
    max_depth: Positive = 4


class DiscoverConfig(Section, frozen=True, kw_only=True):
    """Discovery: folder names that are never entered, and the largest text file that is read."""

    exclude: tuple[str, ...] = (".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache")
    max_text_bytes: Positive = 2_000_000


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration. `state` is the folder of the ledger and the signing key."""

    state: str = ".bartizan"
    store: StoreConfig = StoreConfig()
    detect: DetectConfig = DetectConfig()
    guard: GuardConfig = GuardConfig()
    gateway: GatewayConfig = GatewayConfig()
    lab: LabConfig = LabConfig()
    console: ConsoleConfig = ConsoleConfig()
    attack: AttackConfig = AttackConfig()
    scan: ScanConfig = ScanConfig()
    discover: DiscoverConfig = DiscoverConfig()


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration and, for each value that is not a default, where it came from (dotted key to origin)."""

    config: Config
    origins: Mapping[str, str]


def load(
    path: Path | None = None, *, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Loads the configuration.

    Args:
        path: The file; without it `$BARTIZAN_CONFIG`, then `bartizan.toml` where there is one.
        flags: Values of the command line by dotted key; None stands for not given.
        environ: The environment, the process's own where None.

    Raises:
        ConfigError: A file is missing or not TOML, a key is unknown, a value has the wrong type, or a secret stands in
            clear.
    """
    env = os.environ if environ is None else environ
    values: dict[str, tuple[Any, str]] = {}
    for key, value, origin in _layers(path, flags or {}, env):
        values[key] = (value, origin)
    tree: dict[str, Any] = {}
    for key, (value, _) in values.items():
        _plant(tree, key, value)
    _check_keys(tree, Config, origins={key: origin for key, (_, origin) in values.items()})
    try:
        config = msgspec.convert(tree, type=Config)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("`$.")[2].rstrip("`")
        origin = values.get(where, (None, ""))[1]
        raise ConfigError(
            f"{origin or 'configuration'}: {error}", hint="`bartizan config schema` says what is allowed"
        ) from error
    _check_upstreams(config.gateway.upstreams)
    return Loaded(config=config, origins=MappingProxyType({key: origin for key, (_, origin) in values.items()}))


def secret(reference: str, *, environ: Mapping[str, str] | None = None) -> str:
    """Returns what a secret reference points at; the empty reference is the empty secret.

    Raises:
        ConfigError: It is no reference, or what it points at is missing.
    """
    scheme, _, name = reference.partition(":")
    if not reference:
        return ""
    if scheme == "env":
        value = (os.environ if environ is None else environ).get(name)
        if value is None:
            raise ConfigError(f"the environment variable {name} is not set", hint=f"export {name}=... and start again")
        return value
    if scheme == "file":
        try:
            with Path(name).expanduser().open(encoding="utf-8") as file:
                return file.read(_MAX_SECRET_BYTES).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the secret file {name} cannot be read", hint="check the path and its mode") from error
    raise _in_clear("a secret stands")


def _in_clear(what: str) -> ConfigError:
    return ConfigError(f"{what} in the configuration in clear", hint="write env:NAME or file:PATH instead")


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every leaf of a configuration as dotted key and plain value."""
    if isinstance(value, Mapping) and (value or not prefix):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _check_upstreams(upstreams: Mapping[str, UpstreamConfig]) -> None:
    """Finds what `config show` and the first lines of the gateway must not print; the message says where, not what."""
    for name, upstream in upstreams.items():
        where = f"gateway.upstreams.{name}"
        if upstream.key and upstream.key.partition(":")[0] not in {"env", "file"}:
            raise _in_clear(f"the secret {where}.key stands")
        try:
            parts = urlsplit(upstream.url)
            fit = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            fit = False
        if not fit:
            raise ConfigError(f"{where}.url is no http or https address", hint="such as http://127.0.0.1:11434/v1")
        if parts.username is not None or parts.password is not None:
            raise ConfigError(
                f"{where}.url holds a name or a password", hint=f"take it out, and give {where}.key as env:NAME"
            )


def _layers(path: Path | None, flags: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    file = path or (Path(env[_ENV_FILE]) if env.get(_ENV_FILE) else None)
    if file is None and Path(DEFAULT_FILE).is_file():
        file = Path(DEFAULT_FILE)
    if file is not None:
        yield from ((key, value, str(file)) for key, value in flatten(_read(file)))
    for name, text in sorted(env.items()):
        if name.startswith(_ENV_PREFIX) and name != _ENV_FILE:
            key = name.removeprefix(_ENV_PREFIX).lower().replace("__", ".")
            yield key, _parse_scalar(text), f"${name}"
    yield from ((key, value, "flag") for key, value in flags.items() if value is not None)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise ConfigError(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes", hint="is this the right file?")
        return _shallow(tomllib.loads(data.decode("utf-8")), file)
    except FileNotFoundError:
        raise ConfigError(f"there is no file {file}", hint="check the path given with --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: {error}", hint="the configuration is TOML in UTF-8") from error
    except RecursionError:
        raise _nested(file) from None


def _shallow(tree: dict[str, Any], file: Path) -> dict[str, Any]:
    """Returns the tree where it is no deeper than any configuration can be."""
    level: list[Any] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [inner for node in level if isinstance(node, dict) for inner in node.values()]
        if not level:
            return tree
    raise _nested(file)


def _nested(file: Path) -> ConfigError:
    return ConfigError(
        f"{file}: its tables nest deeper than {_MAX_DEPTH} levels", hint="`bartizan config schema` says what is allowed"
    )


def _parse_scalar(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plant(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, leaf = key.split(".")
    node = tree
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{key} has a value where a section is needed", hint=f"{parent} is given twice")
    node[leaf] = value


def _check_keys(tree: Mapping[str, Any], section: type[Any], prefix: str = "", *, origins: Mapping[str, str]) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(section)}
    for key, value in tree.items():
        dotted = f"{prefix}{key}"
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"known here: {', '.join(known)}"
            origin = next((origins[name] for name in origins if name == dotted or name.startswith(f"{dotted}.")), "")
            raise ConfigError(f"{origin}: unknown key {dotted}", hint=hint)
        inner = known[key]
        if isinstance(inner, type) and issubclass(inner, Section) and isinstance(value, Mapping):
            _check_keys(value, inner, f"{dotted}.", origins=origins)
        elif get_origin(inner) is dict and isinstance(value, Mapping):
            named = get_args(inner)[1]
            for name, table in value.items():
                if isinstance(table, Mapping) and isinstance(named, type) and issubclass(named, Section):
                    _check_keys(table, named, f"{dotted}.{name}.", origins=origins)

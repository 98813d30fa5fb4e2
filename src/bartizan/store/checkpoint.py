"""Checkpoints: signed statements of what the ledger held, in the C2SP formats that transparency logs use. No I/O.

The text is a signed note (https://c2sp.org/signed-note) whose body is a checkpoint (https://c2sp.org/tlog-checkpoint):
origin, number of records, Merkle root, then three extension lines of our own:

    bartizan/ledger/3f6c0a51d2b7e894
    20
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    chain 4zr4l2eGmDbN0l1cG1kCt9MZk0rQh1UBHgHVTPfVn6k=
    previous 10
    time 2026-11-20T09:30:00.000000Z

    — bartizan/ledger/3f6c0a51d2b7e894 Az3grlgtzPICa5O...
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bartizan.errors import InputError
from bartizan.store.merkle import HASH_BYTES

_ED25519 = b"\x01"
_KEY_BYTES = 32
_MAX_NOTE = 10_000
_MAX_DIGITS = 19
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class PublicKey(msgspec.Struct, frozen=True):
    """The key that checkpoints are checked with: its name, which is the origin of the ledger, and 32 raw bytes."""

    name: str
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> PublicKey:
        """Names a raw Ed25519 key after its own hash."""
        return cls(f"bartizan/ledger/{hashlib.sha256(raw).hexdigest()[:16]}", raw)

    @classmethod
    def parse(cls, data: bytes) -> PublicKey:
        """Reads 32 raw bytes, or the line `name+hash+key` that `encode` writes.

        Raises:
            InputError: It is neither.
        """
        if len(data) == _KEY_BYTES:
            return cls.of(data)
        try:
            name, _, rest = data.decode("ascii").strip().partition("+")
            kind_and_raw = b64decode(rest.partition("+")[2], validate=True)
        except (UnicodeDecodeError, binascii.Error) as error:
            raise InputError("this is no public key of a ledger", hint="use the file ledger.pub") from error
        key = cls(name, kind_and_raw[1:])
        if len(key.raw) != _KEY_BYTES or key.encode() != data.decode("ascii").strip():
            raise InputError("this is no public key of a ledger", hint="use the file ledger.pub")
        return key

    def encode(self) -> str:
        """Returns the key as a signed-note verifier key."""
        return f"{self.name}+{self.hash.hex()}+{_text(_ED25519 + self.raw)}"

    @property
    def hash(self) -> bytes:
        """The four bytes that tell in a signature which key made it."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger held at one moment.

    Attributes:
        origin: Which ledger.
        size: How many records.
        root: The Merkle root over them.
        chain: The head of the hash chain.
        previous: The size of the kept checkpoint before, 0 where there is none.
        at: When it was signed.
        signatures: Pairs of key name, and key hash followed by signature.
    """

    origin: str
    size: int
    root: bytes
    chain: bytes
    previous: int
    at: datetime
    signatures: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Reads a signed note; whatever would not be written back byte for byte is refused.

        Raises:
            InputError: It is no checkpoint of ours.
        """
        try:
            found = cls._read(note)
        except (ValueError, UnicodeError, OverflowError) as error:
            raise InputError("this is no signed checkpoint of a ledger") from error
        if found.note() != note:
            raise InputError("this is no signed checkpoint of a ledger")
        return found

    @classmethod
    def _read(cls, note: str) -> Checkpoint:
        if len(note) > _MAX_NOTE:
            raise ValueError("too long")
        body, separator, signatures = note.partition("\n\n")
        origin, size, root, chain, previous, at = body.split("\n")
        if not separator or len(size) > _MAX_DIGITS or not previous.startswith("previous "):
            raise ValueError("not a checkpoint")
        pairs = [line.removeprefix("— ").split(" ") for line in signatures.splitlines()]
        return cls(
            origin=origin,
            size=int(size),
            root=_hash(root),
            chain=_hash(chain.removeprefix("chain ")),
            previous=int(previous.removeprefix("previous ")),
            at=datetime.strptime(at.removeprefix("time "), _TIME).replace(tzinfo=UTC),
            signatures=tuple((name, b64decode(signature, validate=True)) for name, signature in pairs),
        )

    def body(self) -> str:
        """Returns what is signed."""
        return (
            f"{self.origin}\n{self.size}\n{_text(self.root)}\nchain {_text(self.chain)}\n"
            f"previous {self.previous}\ntime {self.at.strftime(_TIME)}\n"
        )

    def note(self) -> str:
        """Returns the signed note."""
        lines = [f"— {name} {_text(signature)}\n" for name, signature in self.signatures]
        return self.body() + "\n" + "".join(lines)

    def signed(self, key: Ed25519PrivateKey) -> Checkpoint:
        """Returns it with the signature of the ledger's own key."""
        public = PublicKey.of(key.public_key().public_bytes_raw())
        signature = public.hash + key.sign(self.body().encode())
        return msgspec.structs.replace(self, signatures=((public.name, signature),))

    def signed_by(self, key: PublicKey) -> bool:
        """Whether the key signed exactly this, for the ledger of its own name."""
        verifier = Ed25519PublicKey.from_public_bytes(key.raw)
        return self.origin == key.name and any(
            name == key.name and data[:4] == key.hash and _verifies(verifier, data[4:], self.body().encode())
            for name, data in self.signatures
        )


def _verifies(verifier: Ed25519PublicKey, signature: bytes, body: bytes) -> bool:
    try:
        verifier.verify(signature, body)
    except InvalidSignature:
        return False
    return True


def _hash(text: str) -> bytes:
    data = b64decode(text, validate=True)
    if len(data) != HASH_BYTES:
        raise ValueError("not a SHA-256 hash")
    return data


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")

from __future__ import annotations

import pytest

from bartizan.detect.detectors.iban import valid
from bartizan.detect.validators import e164, entropy, looks_like_secret, luhn, no_placeholder, public_ipv4, uk_nino


def test_luhn() -> None:
    assert luhn("4111111111111111")
    assert luhn("79927398713")
    assert not luhn("4111111111111112")
    assert not any(luhn(f"7992739871{digit}") for digit in "012456789")


def test_one_wrong_digit_never_passes_luhn() -> None:
    number = "4539578763621486"
    assert luhn(number)
    for place, digit in enumerate(number):
        for other in "0123456789".replace(digit, ""):
            assert not luhn(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("account", ["DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947"])
def test_iban(account: str) -> None:
    assert valid(account)
    assert not valid(account[:-1] + ("0" if account[-1] != "0" else "1"))
    assert not valid(account + "0")


def test_iban_of_no_country() -> None:
    assert not valid("ZZ89370400440532013000")
    assert not valid("")


def test_entropy() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


def test_secrets_and_placeholders() -> None:
    assert looks_like_secret("hT6vK2pQ9xZr4mWs")
    assert not looks_like_secret("your-api-key-1234567")
    assert not looks_like_secret("get_token_from_vault")
    assert not no_placeholder("password")
    assert no_placeholder("s3cr3tPw9")


def test_numbers_and_addresses() -> None:
    assert e164("+1 415 555 2671")
    assert not e164("+11111111111")
    assert uk_nino("AB123456C")
    assert not uk_nino("GB123456A")
    assert public_ipv4("93.184.216.34")
    assert not public_ipv4("192.168.0.1")

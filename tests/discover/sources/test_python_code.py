"""What Python code and notebooks give away."""

from __future__ import annotations

import json
from pathlib import Path

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look

APP = """
import os
from google import genai
from openai import OpenAI
from transformers import AutoModel
from datasets import load_dataset

client = OpenAI(base_url="http://user:secret@10.0.0.5:8000/v1?key=abc", api_key=os.environ["OPENAI_API_KEY"])
client.chat.completions.create(model="gpt-4o-mini", messages=[])
AutoModel.from_pretrained("org/name", trust_remote_code=True)
load_dataset("squad")
URL = "https://api.mistral.ai/v1"
os.getenv("PINECONE_API_KEY")
"""


def test_imports_models_datasets_addresses_and_names(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": APP})
    assert {"pkg:pypi/openai", "pkg:pypi/google-genai", "pkg:pypi/transformers"} <= found.locators(AssetKind.LIBRARY)
    assert {"openai", "google-genai", "mistral"} <= found.locators(AssetKind.SERVICE)
    assert found.locators(AssetKind.VECTOR_STORE) == {"pinecone"}
    assert found.locators(AssetKind.MODEL) == {"model:gpt-4o-mini", "pkg:huggingface/org/name"}
    assert found.locators(AssetKind.DATASET) == {"dataset:squad"}
    assert found.one(AssetKind.MODEL, "pkg:huggingface/org/name").attributes["trust_remote_code"] == "true"
    assert found.one(AssetKind.SERVICE, "openai").attributes["environment"] == "OPENAI_API_KEY"


def test_addresses_lose_credentials_and_query(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": APP})
    assert found.locators(AssetKind.ENDPOINT) == {"http://10.0.0.5:8000/v1"}
    assert "secret" not in repr(found.assets)
    assert "abc" not in repr(found.assets)


def test_places_carry_the_line(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": APP})
    assert found.one(AssetKind.MODEL, "model:gpt-4o-mini").places == ("app.py:9",)


def test_a_model_word_in_code_without_ai_counts_only_for_known_families(tmp_path: Path) -> None:
    found = look(tmp_path, {"car.py": 'Car(model="corolla")\n', "other.py": 'ask(model="claude-sonnet-4-5")\n'})
    assert found.locators(AssetKind.MODEL) == {"model:claude-sonnet-4-5"}


def test_relative_and_own_imports_are_not_ai(tmp_path: Path) -> None:
    assert look(tmp_path, {"a.py": "from . import openai\nfrom .torch import x\nimport mytorch\n"}).assets == []


def test_notebook_cells_are_read_with_their_number(tmp_path: Path) -> None:
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["import openai"]},
            {"cell_type": "code", "source": ["%pip install x\n", "!ls\n", "import torch\n"]},
            {"cell_type": "code", "source": "def (:"},
        ]
    }
    found = look(tmp_path, {"n.ipynb": json.dumps(notebook)})
    assert found.one(AssetKind.LIBRARY, "pkg:pypi/torch").places == ("n.ipynb#cell-2:3",)
    assert found.locators(AssetKind.LIBRARY) == {"pkg:pypi/torch"}
    assert found.skips[0].subject == "n.ipynb#cell-3"


def test_code_that_makes_python_warn_is_read_in_silence(tmp_path: Path) -> None:
    found = look(tmp_path, {"a.py": "import torch\nx = '\\d'\nassert (1, 2)\n"})
    assert found.locators(AssetKind.LIBRARY) == {"pkg:pypi/torch"}

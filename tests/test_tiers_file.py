"""Tiers from a TOML file, for the whole session."""

from __future__ import annotations

import pytest

import glm_magics as glm
from glm_magics import _tiers
from glm_magics.errors import SettingError


@pytest.fixture(autouse=True)
def _restore(monkeypatch):
    monkeypatch.setattr(_tiers, "_current", None)


def test_a_file_adds_a_tier_and_overrides_fields_of_another(tmp_path):
    rows = tmp_path / "tiers.toml"
    rows.write_text(
        '[[tiers]]\nid = "my-glm"\ncontext = "32k"\n\n[[tiers]]\nid = "glm-4-plus"\nmax_output = 2048\n'
    )
    glm.add_tiers(rows)
    table = glm.tiers()
    assert table.loc["my-glm", "context"] == 32_000
    assert table.loc["glm-4-plus", "longest answer"] == 2048
    assert table.loc["glm-4-plus", "context"] == 128_000


def test_a_bad_file_leaves_the_table_as_it_was(tmp_path):
    rows = tmp_path / "tiers.toml"
    rows.write_text('[[tiers]]\nid = "my-glm"\n\n[[tiers]]\nid = "other"\ncontext = "huge"\n')
    with pytest.raises(SettingError, match=r"tiers\.toml"):
        glm.add_tiers(rows)
    assert "my-glm" not in glm.tiers().index

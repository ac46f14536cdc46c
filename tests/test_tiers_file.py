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


def test_the_limits_of_images_are_read_and_a_bad_one_is_named():
    tier = glm.add_tier(
        {"id": "eyes", "vision": True, "images": {"count": {"z.ai": 3}, "bytes": 900, "side": 80}}
    )
    assert (tier.images.most("USD"), tier.images.most("CNY"), tier.images.bytes) == (3, 3, 900)
    assert tier.images.base64 is None
    for images in (
        {"side": 0},
        {"size": 3},
        {"count": 3},
        {"count": {"z.ai": "many"}},
        {"base64": "yes"},
        "all",
    ):
        with pytest.raises(SettingError, match="images takes"):
            glm.add_tier({"id": "eyes", "images": images})


def test_every_tier_that_sees_has_its_limits_with_a_source():
    seeing = [tier for tier in _tiers.tiers() if tier.vision]
    assert len(seeing) >= 12
    for tier in seeing:
        assert tier.images.bytes
        assert tier.images.side
        assert tier.images.formats
        assert "images" in tier.sources
    assert not any(tier.images.formats for tier in _tiers.tiers() if not tier.vision)

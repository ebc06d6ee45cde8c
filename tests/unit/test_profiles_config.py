"""The configuration files in the shape of the first product."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.profiles.config import AgentConfig, ConfigError, MonitoringConfig, load

SEED_AGENT = {
    "codex_profiles": {
        "enable": True,
        "default_profile": "claude-sonnet-4",
        "selection": {"algorithm": "round-robin", "enforce_rate_limit": True, "fallback_priority": 5},
        "rotation_monitoring": 5,
        "max_rotation_attempts": 3,
    },
    "profiles": {
        "codex-plus-1": {
            "name": "ChatGPT Plus Account 1",
            "priority": 1,
            "quota_limits": {"daily": 1000, "weekly": 5000, "monthly": 20000},
            "quota_tracking_enabled": True,
            "active": True,
            "environment": {"CODEX_PROFILE": "codex-plus-1"},
        }
    },
}


def test_the_examples_of_the_first_product_load_unchanged(tmp_path: Path) -> None:
    agent, monitoring = tmp_path / "default-agent-config.json", tmp_path / "monitoring-config.json"
    agent.write_text(json.dumps(SEED_AGENT))
    monitoring.write_text(
        '{"monitoring":{"codex_quota":{"enabled":true,"status_update_interval_seconds":30,"quota_thresholds":'
        '{"warning_percent":50,"critical_percent":90,"emergency_percent":95},"cache_ttl_seconds":30}}}'
    )
    config = load(AgentConfig, agent)
    assert config.profiles["codex-plus-1"].quota_limits.weekly == 5000
    assert config.warnings() == ["default_profile claude-sonnet-4 names no profile; the highest priority is used"]
    assert load(MonitoringConfig, monitoring).quota.quota_thresholds.alert_percent == 75


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"profiles":{"a":{"priorty":1}}}', "default-agent-config.json: profiles.a.priorty"),
        ('{"profiles":{"a":{"priority":"high"}}}', "profiles.a.priority"),
        ('{"profiles":', "line 1"),
        ('{"profiles":{"../../etc":{}}}', "profiles: '../../etc' is no name for a profile"),
        ('{"profiles":{"/etc":{}}}', "profiles: '/etc' is no name for a profile"),
        ('{"profiles":{"":{}}}', "profiles: '' is no name for a profile"),
        ('{"profiles":{"a\\u202eb":{}}}', "profiles: 'a⟨U+202E⟩b' is no name for a profile"),
        ('{"profiles":{"a\\nb":{}}}', "profiles: 'a b' is no name for a profile"),
        ("[]", "the top: should be an object"),
        ('{"profile":{"a":{}}}', "the top: profile: no such key; did you mean profiles?"),
        ('{"profiles":{"a":{"quota_limits":{"daily":-1}}}}', "profiles.a.quota_limits.daily: should be greater than"),
    ],
)
def test_a_wrong_configuration_names_file_path_and_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "default-agent-config.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(AgentConfig, path)
    assert says in caught.value.message


def test_keys_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "monitoring-config.json"
    path.write_text('{"alerts":{},"monitoring":{"disk":{},"codex_quota":{"enabled":false}}}')
    assert load(MonitoringConfig, path).quota.enabled is False
    path.write_text('{"monitoring":{"codex_qouta":{"enabled":false}}}')
    with pytest.raises(ConfigError, match="monitoring: codex_qouta: no such key; did you mean codex_quota"):
        load(MonitoringConfig, path)

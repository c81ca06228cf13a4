"""The configuration: which source wins, where each value came from, what is refused and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rollcall.config import DOTS, Config, LogSettings, explain, load_config, read_environment
from rollcall.errors import Invalid

_KEY = "0f" * 32
_ADDRESS = "must be an address such as https://id.example.com, without query or fragment"


def _load(cwd: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: Any) -> Config:
    if toml:
        (cwd / "rollcall.toml").write_text(toml, encoding="utf-8")
    return load_config({name.replace("__", "."): value for name, value in flags.items()}, environ or {}, cwd)


def _faults(cwd: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: Any) -> tuple[str, ...]:
    with pytest.raises(Invalid) as refusal:
        _load(cwd, toml, environ, **flags)
    return refusal.value.details


def _origin(config: Config, key: str) -> tuple[str, str]:
    return next((each.shown, each.origin) for each in explain(config) if each.key == key)


def test_without_any_source_everything_has_a_default(tmp_path: Path) -> None:
    config = _load(tmp_path)

    assert config == Config(data=tmp_path / "var")
    assert (config.identity.host, config.identity.port, config.workspaces.port) == ("127.0.0.1", 8460, 8461)
    assert {each.origin for each in explain(config)} == {"default"}


def test_the_later_source_wins_and_every_value_knows_its_origin(tmp_path: Path) -> None:
    toml = '[identity]\nport = 1\n[workspaces]\nport = 2\n[worker]\nconcurrency = 3\n[log]\nlevel = "debug"\n'
    environ = {"ROLLCALL_WORKSPACES_PORT": "20", "ROLLCALL_WORKER_CONCURRENCY": "30", "HOME": "elsewhere"}

    config = _load(tmp_path, toml, environ, worker__concurrency=50, log__level=None)

    assert _origin(config, "identity.port") == ("1", "file rollcall.toml")
    assert _origin(config, "workspaces.port") == ("20", "environment ROLLCALL_WORKSPACES_PORT")
    assert _origin(config, "worker.concurrency") == ("50", "flag --worker-concurrency")
    assert _origin(config, "log.level") == ("debug", "file rollcall.toml")
    assert _origin(config, "log.format") == ("console", "default")
    assert (config.worker.concurrency, config.log) == (50, LogSettings(level="debug"))


def test_the_file_may_be_named_by_flag_or_environment(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[identity]\nport = 1\n")
    (tmp_path / "b.toml").write_text("[identity]\nport = 2\n")
    named = {"ROLLCALL_CONFIG": "a.toml"}

    assert _load(tmp_path, "[identity]\nport = 3\n", named).identity.port == 1
    assert _load(tmp_path, "", named, config=tmp_path / "b.toml").identity.port == 2


def test_relative_paths_start_from_the_file_that_says_them(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "r.toml").write_text('data = "state"\nsealing_key = "file:key"\n')
    (tmp_path / "etc" / "key").write_text(_KEY + "\n")

    config = _load(tmp_path, config="etc/r.toml")

    assert config.data == tmp_path / "etc" / "state"
    assert config.sealing_key == bytes.fromhex(_KEY)
    assert _load(tmp_path, config="etc/r.toml", data="here").data == tmp_path / "here"
    assert _load(tmp_path, environ={"ROLLCALL_DATA": "/srv/r"}).data == Path("/srv/r")


def test_secrets_are_shown_as_dots_and_may_stand_elsewhere(tmp_path: Path) -> None:
    environ = {"ROLLCALL_DATABASE_URL": "env:PG", "PG": "postgresql://r:hush@db/r", "ROLLCALL_SEALING_KEY": _KEY}

    config = _load(tmp_path, environ=environ)

    assert config.database.url == "postgresql://r:hush@db/r"
    assert _origin(config, "database.url") == (DOTS, "environment ROLLCALL_DATABASE_URL → env:PG")
    assert _origin(config, "database.application_url") == ("", "default")
    assert "hush" not in f"{config}{explain(config)}"
    assert _KEY not in str(explain(config))
    assert repr(config.sealing_key) not in repr(config)


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    assert _load(tmp_path, environ={"ROLLCALL_DATABASE_URL": "", "ROLLCALL_CONFIG": ""}).database.url is None


def test_an_address_has_no_slash_at_its_end(tmp_path: Path) -> None:
    config = _load(tmp_path, environ={"ROLLCALL_IDENTITY_BASE_URL": "https://id.example.com/a/"})

    assert config.identity.base_url == "https://id.example.com/a"


def test_what_nobody_knows_is_refused_with_the_nearest_that_is_known(tmp_path: Path) -> None:
    toml = 'datta = "x"\n[identity]\nprot = 1\n[databse]\nurl = "x"\n'

    assert _faults(tmp_path, toml, {"ROLLCALL_LOG_FORMATT": "json"}, worker__concurency=1) == (
        "There is no setting datta (file rollcall.toml); did you mean data?",
        "There is no setting identity.prot (file rollcall.toml); did you mean identity.port?",
        "There is no setting databse.url (file rollcall.toml); did you mean database.url?",
        "There is no setting ROLLCALL_LOG_FORMATT in the environment; did you mean ROLLCALL_LOG_FORMAT?",
        "There is no setting --worker-concurency (flag --worker-concurency); did you mean --worker-concurrency?",
    )


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[identity]\nport = 65536", "identity.port must be a whole number from 0 to 65535, not 65536"),
        ("[identity]\nport = true", "identity.port must be a whole number from 0 to 65535, not True"),
        ("[identity]\nport = '٣'", "identity.port must be a whole number from 0 to 65535, not '٣'"),
        ("[identity]\nport = {a = 1}", "identity.port must be a whole number from 0 to 65535, not {'a': 1}"),
        (
            "[identity]\nhost = 'a b'",
            "identity.host must be a host name or an IP address, such as 127.0.0.1, not 'a b'",
        ),
        (
            "[workspaces]\nbase_url = 'ftp://a'",
            f"workspaces.base_url {_ADDRESS}, not 'ftp://a'",
        ),
        (
            "[workspaces]\nbase_url = 'https://a:b'",
            f"workspaces.base_url {_ADDRESS}, not 'https://a:b'",
        ),
        ("[log]\nlevel = 'loud'", "log.level must be one of debug, info, warning, error, not 'loud'"),
        ("data = '~/r'", "data must be the path of a directory, without ~, not '~/r'"),
        ("data = ''", "data must be the path of a directory, without ~, not ''"),
        (
            "[database]\nstatement_timeout_seconds = nan",
            "database.statement_timeout_seconds must be a number of seconds greater than 0, not nan",
        ),
        (
            "[database]\nconnect_timeout_seconds = true",
            "database.connect_timeout_seconds must be a number of seconds greater than 0, not True",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_key_rule_and_remedy(tmp_path: Path, toml: str, fault: str) -> None:
    assert _faults(tmp_path, toml) == (f"{fault}; correct file rollcall.toml.",)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("mysql://r:hush@db/r", "must be an address such as postgresql://user:password@host/database"),
        ("env:NOBODY", "names the environment variable NOBODY, which is not set"),
        ("file:nowhere", "names the file nowhere, which can't be read"),
        ("file:.", "names the file ., which can't be read"),
    ],
)
def test_a_wrong_secret_is_refused_without_being_told(tmp_path: Path, written: str, fault: str) -> None:
    faults = _faults(tmp_path, environ={"ROLLCALL_DATABASE_URL": written})

    assert faults == (f"database.url {fault}; correct environment ROLLCALL_DATABASE_URL.",)


def test_a_sealing_key_of_another_length_is_refused(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, environ={"ROLLCALL_SEALING_KEY": "0f"})

    assert fault.startswith("sealing_key must be 64 hexadecimal digits, as `openssl rand -hex 32` prints;")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"^The configuration has 3 faults; correct each of them\.$") as refusal:
        _load(tmp_path, "datta = 1\n", {"ROLLCALL_LOG_LEVEL": "x"}, identity__port=-1)

    assert [fault.split()[0] for fault in refusal.value.details] == ["There", "log.level", "identity.port"]


def test_both_halves_on_one_port_are_refused_unless_any_port_will_do(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, identity__port=7000, workspaces__port=7000)

    assert fault == (
        "identity.port and workspaces.port are both 7000 on 127.0.0.1; "
        "choose another port for one of them, or 0 for any free one."
    )
    assert _load(tmp_path, identity__port=0, workspaces__port=0).identity.port == 0
    assert _load(tmp_path, identity__port=7, workspaces__port=7, identity__host="::1").identity.port == 7


def test_a_mail_server_needs_a_sender_and_keeps_its_password_secret(tmp_path: Path) -> None:
    (no_sender,) = _faults(tmp_path, mail__host="smtp.contoso.com")
    (no_address,) = _faults(tmp_path, mail__host="smtp.contoso.com", mail__sender="Rollcall <a@b.example>")
    given: dict[str, Any] = {"mail__sender": "a@b.example", "mail__username": "me", "mail__password": "hidden"}
    (in_clear,) = _faults(tmp_path, mail__host="smtp.contoso.com", mail__security="none", **given)
    (half,) = _faults(tmp_path, mail__username="me")

    assert "mail.sender" in no_sender
    assert "mail.sender must have" in no_address
    assert "in clear" in in_clear
    assert "go together" in half
    assert "hidden" not in str(_load(tmp_path, mail__host="localhost", mail__security="none", **given))


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    (missing,) = _faults(tmp_path, config="nowhere.toml")
    (broken,) = _faults(tmp_path, "port = \n")
    (undecodable,) = _faults(tmp_path, config="bytes.toml")

    assert missing.endswith("nowhere.toml can't be read: No such file or directory; name another one.")
    assert "rollcall.toml is not TOML: Invalid value (at line 1" in broken
    assert "bytes.toml is not TOML: 'utf-8' codec can't decode" in undecodable


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_LOG_LEVEL", "error")

    assert read_environment()["ROLLCALL_LOG_LEVEL"] == "error"

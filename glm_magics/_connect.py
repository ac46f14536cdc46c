"""Which server, with which key: the environment is read here, once, and becomes a `Client`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_magics._browser import check_reach
from glm_magics._lang import _
from glm_magics.client import Client, Endpoint
from glm_magics.errors import SettingError
from glm_magics.keys import ApiKey

if TYPE_CHECKING:
    import httpx

    from glm_magics._wire import Dialect

__all__ = [
    "BY_HOST",
    "DEMO_URL",
    "PLATFORMS",
    "cache_folder",
    "connect",
    "describe",
    "environment_keys",
    "from_environment",
    "from_policy",
    "known_key",
    "login",
    "names_cache",
    "server_variable",
    "variable_of",
]

DEMO_URL = "demo://"

# docs.z.ai and docs.bigmodel.cn: general base addresses, and the ones of the Coding Plan
PLATFORMS: dict[str, tuple[str, str, str]] = {
    # short name: (base address, currency, variable that the vendor's SDK reads)
    "z.ai": ("https://api.z.ai/api/paas/v4", "USD", "ZAI_API_KEY"),
    "bigmodel": ("https://open.bigmodel.cn/api/paas/v4", "CNY", "ZHIPUAI_API_KEY"),
}
BY_HOST = {urlsplit(base).netloc: (name, currency) for name, (base, currency, _) in PLATFORMS.items()}
_SERVICE = "glm-magics"


class _Environment(Mapping[str, str]):
    """The variables of this process, unseen in a traceback that shows locals."""

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)

    def __repr__(self) -> str:
        return "<the environment>"


ENVIRONMENT = _Environment()


def connect(
    url: str | None = None,
    *,
    key: ApiKey | None = None,
    currency: str | None = None,
    level: str | None = None,
    dialect: Dialect | None = None,
    transport: httpx.BaseTransport | None = None,
    environ: Mapping[str, str] = ENVIRONMENT,
) -> Client:
    """A client for `url`: "z.ai", "bigmodel", "demo", "demo://?fault=1302", or the base address of any server
    that speaks the OpenAI protocol. Without one, what the environment says (`from_environment`).

    A platform's key is looked for in the environment when none is given. Raises `SettingError` for an
    address or key that cannot be used; nothing is sent.
    """
    if url is None and transport is None:
        return from_environment(environ, key=key, level=level)
    url = url or DEMO_URL
    if url in PLATFORMS:
        url = PLATFORMS[url][0]
    if url == "demo" or url.startswith(DEMO_URL):
        return _demo(url, level=level, currency=currency)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise SettingError(
            f"{url.split('@')[-1]!r} is not an address to connect to.",
            hint=f"Use {', '.join(PLATFORMS)}, demo, or a base address such as http://localhost:8000/v1.",
        )
    name, known_currency = BY_HOST.get(parts.netloc, (parts.netloc, None))
    if transport is None:
        check_reach(name)
    endpoint = Endpoint(
        name=name,
        base_url=url.rstrip("/"),
        key=_key(key, name, environ),
        currency=currency or known_currency or environ.get("GLM_CURRENCY", "").upper() or None,
        dialect=dialect or _dialect_at(parts.path.rstrip("/")),
        level=level,
    )
    return Client(endpoint, transport=transport)


def _dialect_at(path: str) -> Dialect:
    if path.endswith("/paas/v4"):
        return "glm"
    return "gateway" if path.endswith("/gateway/v1") else "openai"


def from_environment(
    environ: Mapping[str, str] = ENVIRONMENT, *, key: ApiKey | None = None, level: str | None = None
) -> Client:
    """GLM_BASE_URL first, then a key of api.z.ai, then one of open.bigmodel.cn, else the offline demo.

    GLM_CURRENCY is what a server is paid in that is no platform, such as the gateway of a class.
    """
    level = level or environ.get("GLM_LEVEL")
    base_url = environ.get("GLM_BASE_URL")
    if base_url:
        key = key or _from_variables(environ, _ANY_KEY)
        return connect(base_url, key=key, level=level, environ=environ)
    for name, (base, *_rest) in PLATFORMS.items():
        found = _from_variables(environ, *_variables(name))
        if found is not None:
            return connect(base, key=key or found, level=level, environ=environ)
    if key is not None:
        return connect("z.ai", key=key, level=level, environ=environ)
    return _demo(DEMO_URL, level=level)


def from_policy(endpoint: str, environ: Mapping[str, str] = ENVIRONMENT) -> Client:
    """The server that a policy file names. A platform gets its own key; without one the client has none.

    A file does not send a key where its owner did not: another address gets GLM_API_KEY only if it is also
    the one in GLM_BASE_URL. `%glm login` gives it one.
    """
    is_known = endpoint in PLATFORMS or environ.get("GLM_BASE_URL", "").rstrip("/") == endpoint
    others = {"GLM_CURRENCY": environ.get("GLM_CURRENCY", "")}
    if endpoint == "demo":
        return _demo(DEMO_URL, level=environ.get("GLM_LEVEL"))
    url = PLATFORMS[endpoint][0] if endpoint in PLATFORMS else endpoint
    parts = urlsplit(url)
    name, currency = BY_HOST.get(parts.netloc, ("", None))
    if name and (not is_known or known_key(name, environ) is None):
        dialect = _dialect_at(parts.path)
        return Client(Endpoint(name=name, base_url=url, currency=currency, dialect=dialect))
    return connect(endpoint, level=environ.get("GLM_LEVEL"), environ=environ if is_known else others)


def server_variable(environ: Mapping[str, str] = ENVIRONMENT) -> str:
    """The variable that `from_environment` finds a server by; "" where there is none."""
    for variable in ("GLM_BASE_URL", *(name for platform in PLATFORMS for name in _variables(platform))):
        if environ.get(variable, "").strip():
            return variable
    return ""


def cache_folder(environ: Mapping[str, str] = ENVIRONMENT) -> Path | None:
    """Where answers are kept: GLM_CACHE, else where the system wants caches; None without a home."""
    if environ.get("GLM_CACHE"):
        return Path(environ["GLM_CACHE"]).expanduser()
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / _SERVICE if base else None
    except RuntimeError:
        return None


def environment_keys(environ: Mapping[str, str] = ENVIRONMENT) -> tuple[ApiKey, ...]:
    """Every usable key that the environment holds, for whatever server."""
    found = []
    for variable in (*(name for platform in PLATFORMS for name in _variables(platform)), _ANY_KEY):
        with contextlib.suppress(SettingError):  # a key that cannot be sent is none to keep
            key = _from_variables(environ, variable)
            found += [key] if key is not None else []
    return tuple(found)


def names_cache(environ: Mapping[str, str] = ENVIRONMENT) -> bool:
    """Whether GLM_CACHE says where answers are kept."""
    return bool(environ.get("GLM_CACHE"))


def describe(endpoint: Endpoint) -> str:
    """Where requests go, in a few words."""
    if endpoint.is_demo:
        options = endpoint.address.partition("?")[2]
        if options:
            return _("demo engine (offline, no key, {options})").format(options=options)
        return _("demo engine (offline, no key)")
    if endpoint.is_recorded:
        return _("{name} (a replay: no network, nothing is paid)").format(name=endpoint.name)
    return f"{endpoint.name} ({endpoint.currency})" if endpoint.currency else endpoint.name


def login(platform: str, key: ApiKey, *, remember: bool = False) -> Client:
    """Connect to "z.ai", "bigmodel" or any base address with a key; `remember` keeps it in the keyring."""
    client = connect(platform, key=key)
    if remember:
        _remember(key, client.endpoint.name)
    return client


def known_key(platform: str, environ: Mapping[str, str] = ENVIRONMENT) -> ApiKey | None:
    """The key for a platform or base address that the environment or the system's keyring holds.

    Raises `SettingError` where no server can be asked.
    """
    name = _name_of(platform)
    check_reach(name)
    return _from_variables(environ, *_variables(name), _ANY_KEY) or _remembered(name)


def variable_of(platform: str) -> str:
    """The environment variable for the key of a platform or base address."""
    return (*_variables(_name_of(platform)), _ANY_KEY)[0]


def _name_of(platform: str) -> str:
    """ "z.ai" for that name and for any address there; the host and port of another server."""
    host = urlsplit(platform).netloc
    return platform if platform in PLATFORMS else BY_HOST.get(host, (host, None))[0]


def _variables(name: str) -> tuple[str, ...]:
    if name not in PLATFORMS:
        return ()
    variable = PLATFORMS[name][2]
    return (variable, *_OTHER_VARIABLES.get(variable, ()))


_ANY_KEY = "GLM_API_KEY"
_OTHER_VARIABLES = {"ZHIPUAI_API_KEY": ("ZHIPU_API_KEY",)}


def _remembered(name: str) -> ApiKey | None:
    try:
        return ApiKey(_keyring().get_password(_SERVICE, name), source="keyring")
    except Exception:  # keyring back ends raise what they like; no keyring and no key are no errors here
        return None


def _remember(key: ApiKey, name: str) -> None:
    try:
        return key.remember(_keyring().set_password, _SERVICE, name)
    except SettingError:
        raise
    except Exception as error:  # its traceback would hold the key
        reason = f"{type(error).__name__}: {key.redact(str(error))}"
    raise SettingError(
        f"The keyring did not take the key ({reason}).", hint="Log in without --remember, once a session."
    )


def _keyring() -> Any:
    try:
        import keyring

        return keyring
    except ImportError:
        pass
    raise SettingError(
        "There is no keyring to remember the key in.", hint="`pip install keyring`, or log in each session."
    )


def _key(key: ApiKey | None, name: str, environ: Mapping[str, str]) -> ApiKey | None:
    if key is not None:
        return key
    if name not in PLATFORMS:
        return _from_variables(environ, _ANY_KEY)
    found = known_key(name, environ)
    if found is None:
        raise SettingError(
            f"There is no key for {name}.",
            hint=f"Log in with `%glm login {name}`, or set {variable_of(name)} before the kernel starts.",
        )
    return found


def _from_variables(environ: Mapping[str, str], *variables: str) -> ApiKey | None:
    for variable in variables:
        if environ.get(variable, "").strip():
            return ApiKey(environ[variable], source=variable)
    return None


def _demo(url: str, *, level: str | None = None, currency: str | None = None) -> Client:
    """The offline engine under a client of its own. A plain `demo` imports it when it first answers."""
    url = DEMO_URL if url == "demo" else url
    wanted: dict[str, Any] = {}
    if url != DEMO_URL:
        from glm_magics.demo.address import settings

        wanted = settings(url)
    wanted |= {name: value for name, value in (("level", level), ("currency", currency)) if value}
    if wanted:
        from glm_magics.demo import Engine

        Engine(**wanted)  # raises for what it cannot do, now and not at the first question

    def transport() -> httpx.BaseTransport:
        from glm_magics.demo import DemoTransport, Engine

        return DemoTransport(Engine(**wanted))

    endpoint = Endpoint(
        name="demo",
        base_url="http://demo.invalid/api/paas/v4",
        key=ApiKey((wanted.get("keys") or ["demo-key"])[0], source="demo"),
        currency=wanted.get("currency", "CNY"),
        level=wanted.get("level"),
        address=url,
    )
    return Client(endpoint, transport=transport)

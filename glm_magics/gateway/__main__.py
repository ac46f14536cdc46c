"""`python -m glm_magics.gateway class.toml`: start the gateway of a class, or look at its money."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from glm_magics.errors import GLMError, SettingError
from glm_magics.gateway.desk import Desk
from glm_magics.gateway.roster import Roster, read_roster
from glm_magics.gateway.tokens import made, read_tokens

_ADDRESSES = {"bigmodel": "https://open.bigmodel.cn/api/paas/v4", "z.ai": "https://api.z.ai/api/paas/v4"}
_ADDRESS, _KEY = "GLM_UPSTREAM_URL", "GLM_UPSTREAM_KEY"
# LiteLLM as a server of one process: no price list or news from elsewhere, no page for administrators.
_LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_MODE": "PRODUCTION",  # reads no .env file
    "LITELLM_LOG": "CRITICAL",
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
    "NO_REDOC": "True",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        roster = read_roster(options.roster)
        new = made(roster.tokens_file, roster.students)
        desk = Desk(roster, read_tokens(roster.tokens_file))
        if options.spending:
            print(_spending(roster, desk))
            return 0
        _prepare(roster, options.config or roster.file.with_name("config.yaml"))
    except GLMError as error:
        print(error, file=sys.stderr)
        return 2
    if new:
        print(f"New tokens for {', '.join(new)} are in {roster.tokens_file.name}.", flush=True)
    return _serve(desk, options.host, options.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m glm_magics.gateway",
        description="A LiteLLM proxy for a class: students have tokens and budgets, and never the key.",
    )
    parser.add_argument("roster", type=Path, help="who is in the class and may do what, such as class.toml")
    parser.add_argument("--config", type=Path, help="LiteLLM's own (default: config.yaml beside the roster)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=4000, help="default: 4000")
    parser.add_argument("--spending", action="store_true", help="show what each student spent, and end")
    return parser


def _prepare(roster: Roster, config: Path) -> None:
    """The environment that LiteLLM reads. Raises `SettingError` for what is missing."""
    if not config.is_file():
        raise SettingError(f"There is no {config}.", hint="Copy it from notebooks/workshop/gateway.")
    if not os.environ.get(_KEY, "").strip():
        raise SettingError(
            f"{_KEY} is not set.", hint="Set it to the platform's key; only the gateway needs it."
        )
    os.environ.update(_LITELLM)
    os.environ.setdefault(_ADDRESS, _ADDRESSES[roster.platform])
    os.environ["CONFIG_FILE_PATH"] = str(config.absolute())
    os.environ["LITELLM_MASTER_KEY"] = (
        f"sk-{secrets.token_urlsafe(32)}"  # asked for by LiteLLM, used by nobody
    )
    for name in ("DATABASE_URL", "WORKER_CONFIG"):
        os.environ.pop(name, None)


def _serve(desk: Desk, host: str, port: int) -> int:
    try:
        import uvicorn
        from litellm.proxy.proxy_server import app
    except ImportError as error:
        print(f"LiteLLM is not here ({error}): pip install 'glm-magics[gateway]'", file=sys.stderr)
        return 2
    from glm_magics.gateway.front import PREFIX, Front

    server = uvicorn.Server(
        uvicorn.Config(
            Front(app, desk),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    print(
        f"Gateway for {len(desk.roster.students)} students: GLM_BASE_URL=http://{host}:{port}{PREFIX}",
        flush=True,
    )
    server.run()
    return 0 if server.started else 1


def _spending(roster: Roster, desk: Desk) -> str:
    rows = [desk.usage(student) for student in roster.students.values()]
    shown = ("student", "spent", "reserved", "left", "limit", "requests")
    table = [shown, *(tuple(str(row[name]) for name in shown) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join([*lines, f"Amounts in {roster.currency}."])


if __name__ == "__main__":
    sys.exit(main())

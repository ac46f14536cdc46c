"""`python -m glm_magics.demo --port 8000`: the demo as a local server for any client."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from glm_magics.demo.engine import LEVELS, Engine
from glm_magics.demo.faults import FAULTS
from glm_magics.demo.server import DemoServer
from glm_magics.errors import SettingError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        engine = Engine(
            (options.key,),
            level=options.level,
            pace=options.pace,
            fault=options.fault,
            most_in_flight=options.limit,
            answer_seconds=options.seconds,
        )
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        server = DemoServer(engine, host=options.host, port=options.port)
    except OSError as error:
        print(f"cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    url = server.base_url
    print(f'Demo on {url}  key {options.key}  OpenAI(base_url="{url}", api_key="{options.key}")', flush=True)
    try:
        server.serve_forever(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m glm_magics.demo",
        description="An offline stand-in for the GLM API: strict as the platform, with synthetic answers.",
        epilog="Faults: " + ", ".join(FAULTS) + ". Limit one with once: or n:3: before its name.",
    )
    parser.add_argument("--port", type=int, default=8000, help="0 chooses a free one (default: 8000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--key", default="demo-key", help="the key to accept (default: demo-key)")
    parser.add_argument("--level", default="V0", choices=LEVELS, help="account level: requests in flight")
    parser.add_argument("--pace", type=float, default=1.0, help="1 is realistic, 0 waits for nothing")
    parser.add_argument("--limit", type=int, help="requests in flight, in the place of the level's")
    parser.add_argument("--seconds", type=float, help="the time of a whole answer, in the place of the pace")
    parser.add_argument("--fault", help="fail on purpose, see below")
    return parser


if __name__ == "__main__":
    sys.exit(main())

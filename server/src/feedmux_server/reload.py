"""`feedmux reload`: tells the running server to read its settings anew."""

from __future__ import annotations

import urllib.error
import urllib.request

import msgspec
import rich_click as click

from feedmux.cli.problem import UNAVAILABLE, WRONG, reported
from feedmux.cli.remote import opener
from feedmux.cli.setup import Setup
from feedmux.settings import Settings
from feedmux_server.control import Reloaded
from feedmux_server.problem import Problem

PATIENCE = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where to ask one that listens so


@click.command("reload")
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Let the running server read its settings anew; the admin token comes from FEEDMUX_ADMIN_TOKEN or the file."""
    setup = ctx.obj if isinstance(ctx.obj, Setup) else Setup()
    with reported(False):
        chosen = setup.settings()
    token = chosen.server.admin_token
    if token is None:
        click.echo("feedmux reload: no admin token is configured; set FEEDMUX_ADMIN_TOKEN", err=True)
        ctx.exit(WRONG)
    url = (setup.server or _address(chosen)).rstrip("/") + "/v1/admin/reload"
    request = urllib.request.Request(  # noqa: S310 - the URL of the operator's own server
        url, method="POST", headers={"authorization": f"Bearer {token.reveal()}"}
    )
    try:
        with opener().open(request, timeout=PATIENCE) as reply:
            _told(msgspec.json.decode(reply.read(), type=Reloaded))
    except urllib.error.HTTPError as refused:
        with refused:
            click.echo(f"feedmux reload: {_reason(refused)}", err=True)
        ctx.exit(WRONG)
    except (OSError, msgspec.DecodeError) as error:
        why = getattr(error, "reason", error)
        click.echo(f"feedmux reload: no Feedmux server answers at {url}: {why}", err=True)
        ctx.exit(UNAVAILABLE)


def _address(chosen: Settings) -> str:
    host = _EVERYWHERE.get(chosen.server.host, chosen.server.host)
    return f"http://[{host}]:{chosen.server.port}" if ":" in host else f"http://{host}:{chosen.server.port}"


def _told(done: Reloaded) -> None:
    click.echo("reloaded")
    for name in done.restart:
        click.echo(f"{name}: holds only after a restart")
    for provider, on in sorted(done.switched.items()):
        click.echo(f"{provider}: stays {'enabled' if on else 'disabled'}, as it was by hand")


def _reason(refused: urllib.error.HTTPError) -> str:
    try:
        return msgspec.json.decode(refused.read(), type=Problem).detail
    except msgspec.DecodeError:
        return f"HTTP {refused.code}"

"""A provider's state as a picture, for a README or a status page elsewhere."""

from __future__ import annotations

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from feedmux import Mux
from feedmux.breaker import State
from feedmux.cell import printable
from feedmux_server.operation import Operation, route
from feedmux_server.parameters import Parameter
from feedmux_server.template import render

SVG = "image/svg+xml"
GLYPH = 6.6
"""The width of a character, in pixels, on average."""
COLOURS = {
    State.OPEN: "#0a7a43",
    State.BLOCKED: "#b42332",
    State.QUARANTINED: "#b42332",
    State.UNKNOWN: "#53655f",
}
OTHER = "#8a5300"


def route_of(mux: Mux) -> HTTPRouteHandler:
    """`/badge/NAME.svg`."""

    async def badge(file: FromPath[str]) -> Response[bytes]:
        name = file.removesuffix(".svg")
        state = next((one.state for one in mux.providers() if one.name == name), None)
        if state is None or name == file:
            raise NotFoundException("there is no such provider; its badge is called NAME.svg")
        return Response(drawn(name, state), media_type=SVG, headers={"cache-control": "no-store"})

    file = Parameter(
        name="file",
        where="path",
        required=True,
        schema={"type": "string"},
        description="the provider's name and .svg",
    )
    operation = Operation(
        tag="pages",
        summary="A provider's state as a picture",
        parameters=(file,),
        media_type=SVG,
        errors=(404,),
    )
    return route("/badge/{file:str}", operation, badge)


def drawn(name: str, state: State) -> bytes:
    """The picture, without what no XML can hold."""
    name = printable(name)
    left, right = (round(len(text) * GLYPH + 16) for text in (name, state.value))
    colour = COLOURS.get(state, OTHER)
    return render(
        "badge.svg", provider=name, state=state.value, left=left, right=right, colour=colour
    ).encode()

"""One subcommand for each capability, made from its Query class: words, options and help derive from its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

import rich_click as click
from click import Context, get_current_context
from click.core import ParameterSource
from msgspec import Meta
from msgspec.structs import FieldInfo

from feedmux.cli import problem, screen
from feedmux.cli.setup import Setup
from feedmux.how import How
from feedmux.query import Query, default_of, takes_many
from feedmux.settings import nearest

Asked: TypeAlias = Callable[[Context, Query, How, Mapping[str, Any]], None]
_FIELD = "field_"
"""What a parameter's name begins with where it is a field of the Query."""


def common() -> list[click.Parameter]:
    """What every question takes beside its own fields."""
    return [
        click.Option(
            ["--max-age"],
            type=click.FloatRange(min=0),
            metavar="S",
            help="How old an answer may be, in seconds.",
        ),
        click.Option(
            ["--deadline"],
            type=click.FloatRange(min=0, min_open=True),
            metavar="S",
            help="How long to wait at most, in seconds.",
        ),
        click.Option(
            ["--only"], multiple=True, metavar="P", help="Ask this provider and no other; may be repeated."
        ),
        click.Option(
            ["--prefer"], multiple=True, metavar="P", help="Ask this provider first; may be repeated."
        ),
        click.Option(["--json/--text", "as_json"], default=None, help=screen.JSON_HELP),
    ]


def crossing(kind: type[Query]) -> list[click.Parameter]:
    """What a question takes beside that where answers to it can be compared."""
    help = "Ask up to three of different origin: their median, and who stands apart."
    return [click.Option(["--cross-check"], is_flag=True, help=help)] if kind.can_be_crossed() else []


class Capabilities(click.RichGroup):
    """A command with one subcommand for each capability; its options may stand before or behind the capability."""

    def __init__(self, name: str, asked: Asked, extra: Sequence[click.Parameter], help: str) -> None:
        self._asked = asked
        self._shared = [*common(), *extra]
        super().__init__(
            name=name,
            params=self._shared,
            help=help,
            epilog=problem.EXIT_CODES,
            subcommand_metavar="CAPABILITY [WORDS]...",
        )

    def list_commands(self, ctx: Context) -> list[str]:
        return sorted(_setup(ctx).registry().queries)

    def get_command(self, ctx: Context, name: str) -> click.Command | None:
        registry = _setup(ctx).registry()
        kind = registry.queries.get(name.replace("-", "_"))
        if kind is None:
            return None
        served = registry.serving()[kind.capability]
        return _command(kind, served, self._shared, self._asked)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0].replace("-", "_") not in known and not args[0].startswith("-"):
            ctx.fail(f"nobody can be asked for {args[0]!r}{nearest(args[0], known)}")
        return super().resolve_command(ctx, args)


def _setup(ctx: Context) -> Setup:
    return ctx.ensure_object(Setup)


def _command(
    kind: type[Query], served: Sequence[str], shared: Sequence[click.Parameter], asked: Asked
) -> click.Command:
    """The subcommand of one capability."""
    shared = [*crossing(kind), *shared]
    taken = {option for parameter in shared for option in parameter.opts}
    words = [_argument(field) for field in kind.words()]
    options = [_option(field, taken) for field in kind.options()]
    by = f"Answered by {', '.join(served)}." if served else "No provider that is installed answers this."
    about = (kind.__doc__ or kind.__name__).strip()

    def callback(**_: Any) -> None:
        ctx = get_current_context()
        given = _given(ctx)
        crossed = bool(given.get("cross_check"))
        how = How(given["max_age"], given["deadline"], given["only"], given["prefer"], crossed)
        with problem.reported(bool(given["as_json"])):
            asked(ctx, kind.from_strings(_fields(ctx)), how, given)

    return click.RichCommand(
        name=kind.capability,
        params=[*words, *options, *shared],
        callback=callback,
        help=f"{about}\n\n{by}",
        short_help=about.partition("\n")[0] + ("" if served else " (no provider)"),
    )


def spelled(kind: type[Query], words: Sequence[str]) -> Query:
    """The question that words and options spell, as behind `feedmux get`; raises InvalidQuery or click's errors."""
    command = _command(kind, (), (), lambda *_: None)
    with command.make_context(kind.capability, list(words)) as ctx:
        return kind.from_strings(_fields(ctx))


def _argument(field: FieldInfo) -> click.Argument:
    many = takes_many(field)
    name = re.sub("s$", "", field.name).upper() if many else field.name.upper()
    return click.Argument(
        [_FIELD + field.name], nargs=-1 if many else 1, required=True, metavar=name + ("..." if many else "")
    )


def _option(field: FieldInfo, taken: set[str]) -> click.Option:
    flag = "--" + field.name.replace("_", "-")
    default = default_of(field)
    help = _description(field) or field.name
    if default not in (None, "", ()):
        help += f"; {default} where it is not given"
    return click.Option(
        [f"--query-{flag[2:]}" if flag in taken else flag, _FIELD + field.name],
        multiple=takes_many(field),
        metavar=_metavar(field),
        help=f"{help[:1].upper()}{help[1:]}.",
    )


def _metavar(field: FieldInfo) -> str:
    annotation = field.type
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return "|".join(str(choice) for choice in get_args(annotation))
    return {int: "N", float: "X"}.get(annotation, "TEXT")


def _description(field: FieldInfo) -> str:
    if get_origin(field.type) is not Annotated:
        return ""
    told = [meta.description for meta in get_args(field.type) if isinstance(meta, Meta) and meta.description]
    return told[-1] if told else ""


def _fields(ctx: Context) -> dict[str, list[str]]:
    """The texts of the Query's fields that were given."""
    given = {
        name.removeprefix(_FIELD): value for name, value in ctx.params.items() if name.startswith(_FIELD)
    }
    return {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in given.items()
        if value not in (None, ())
    }


def _given(ctx: Context) -> dict[str, Any]:
    """The shared options, wherever they stood."""
    before = ctx.parent.params if ctx.parent else {}
    return {
        name: value
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        else before.get(name, value)
        for name, value in ctx.params.items()
        if not name.startswith(_FIELD)
    }

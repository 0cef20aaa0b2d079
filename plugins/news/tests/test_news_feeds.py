"""What a feed says, read: RSS 2.0, RSS 1.0 and Atom, and nothing that is no whole feed."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from feedmux.items import Headline
from feedmux.query import News
from feedmux.request import Asked
from feedmux_news import merged, parse_news

MADE = Path(__file__).parent / "made"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FEEDS = sorted(MADE.glob("*.xml"))


def body(name: str) -> bytes:
    return (MADE / f"{name}.xml").read_bytes()


def read(content: bytes, text: str = "") -> list[Headline]:
    return parse_news(content, Asked(News(text), NOW, member="coindesk"))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def headline(title: str, url: str, published_at: datetime | None = None) -> Headline:
    return Headline(title=title, url=url, published_at=published_at)


def test_headlines_come_newest_first_and_plain() -> None:
    assert [(one.title, one.published_at) for one in read(body("rss2_cdata"))] == [
        ("Ether & friends: an invented story", at(23, 11)),
        ("Bitcoin’s made-up price is flat", at(23, 9, 30)),
    ]


def test_a_link_is_kept_as_it_was_given() -> None:
    assert read(body("rss2_cdata"))[1].url == (
        "https://made.example/markets/2026/11/23/flat?utm_source=rss&utm_medium=rss"
    )


def test_times_are_utc_and_what_has_none_comes_last() -> None:
    assert [(one.title, one.published_at) for one in read(body("rss2_content"))] == [
        ("Ether & Friends: An Invented Story", at(23, 8)),
        ("A miner who does not exist", at(23, 3, 15)),
        ("Undated and true of every day", None),
    ]


def test_an_entry_without_a_title_or_a_link_to_a_page_is_left_out() -> None:
    titles = {one.title for one in read(body("rss2_content"))}
    assert not titles & {"No link", "A script for a link", ""}


def test_the_older_dialect_is_read() -> None:
    assert read(body("rss1")) == [headline("An old dialect", "https://old.example/1", at(21, 9))]


def test_atom_is_read() -> None:
    assert read(body("atom")) == [
        headline("Updated alone", "https://atom.example/updated", at(23, 7)),
        headline("Stablecoins of our own making", "https://atom.example/stable", at(22, 10)),
    ]


@pytest.mark.parametrize("text", ["ETHER", "ether", "Ether & f"])
def test_a_text_is_looked_for_whatever_its_case(text: str) -> None:
    found = News(text).cut(read(body("rss2_cdata")))
    assert [one.title for one in found] == ["Ether & friends: an invented story"]


def test_a_text_that_nobody_writes_about_has_no_headlines() -> None:
    assert News("dogecoin").cut(read(body("rss2_cdata"))) == []


def test_feeds_merge_into_one_list_without_repeats() -> None:
    found = merged([*read(body("rss2_content")), *read(body("rss2_cdata")), *read(body("atom"))])
    assert [one.title for one in found] == [
        "Ether & friends: an invented story",
        "Bitcoin’s made-up price is flat",
        "Updated alone",
        "A miner who does not exist",
        "Stablecoins of our own making",
        "Undated and true of every day",
    ]
    assert merged(found) == found
    assert merged([]) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://made.example/a/",
        "https://www.made.example/a",
        "http://MADE.example/a#top",
        "https://made.example/a?utm_source=rss&utm_campaign=x",
    ],
)
def test_the_same_page_is_one_headline_however_it_is_linked(url: str) -> None:
    newer, older = headline("One", "https://made.example/a", at(23, 2)), headline("Two", url, at(23, 1))
    assert merged([older, newer]) == [newer]


def test_pages_that_differ_by_a_parameter_are_two() -> None:
    pages = [headline("One", "https://x.example/?p=1"), headline("Two", "https://x.example/?p=2")]
    assert merged(pages) == pages


def test_the_same_title_is_one_headline_wherever_it_stands() -> None:
    here = headline("Bitcoin: up, up!", "https://a.example/1", at(23, 2))
    there = headline("BITCOIN — up up", "https://b.example/2", at(23, 1))
    assert merged([there, here]) == [here]


def test_titles_without_words_are_told_apart() -> None:
    signs = [headline("🚀", "https://a.example/1"), headline("📉", "https://a.example/2")]
    assert merged(signs) == signs


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.stem)
def test_a_feed_that_is_cut_off_anywhere_is_an_error(path: Path) -> None:
    content = path.read_bytes().rstrip()
    assert read(content)
    for length in range(len(content)):
        with pytest.raises(ValueError, match="feed"):
            read(content[:length])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b'{"items": []}',
        b"/etc/passwd",
        b"https://made.example/rss",
        b"\xff\xfe",
        b"<" * 100_000,
        b"<a>" * 100_000,
        b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>",
        b"<html><body><p>Unclosed",
        b'<rss version="2.0"><channel><title>Empty</title></channel></rss>',
        b'<?xml version="1.0" encoding="klingon"?><rss version="2.0"/>',
    ],
    ids=lambda content: content[:20].decode("latin-1"),
)
def test_what_is_no_feed_with_entries_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="feed"):
        read(content)


def test_a_body_that_names_a_file_opens_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(body("rss2_cdata"))
    with pytest.raises(ValueError, match="XML"):
        read(str(secret).encode())


def test_entities_that_blow_up_are_refused() -> None:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "x">{lines}]><rss version="2.0"><channel>&e9;</channel></rss>'
    with pytest.raises(ValueError, match="amplification"):
        read(bomb.encode())


def test_an_entity_that_names_a_file_reads_no_file() -> None:
    content = body("rss2_cdata").replace(
        b'<rss version="2.0"', b'<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss version="2.0"'
    )
    with pytest.raises(ValueError, match="entity"):
        read(content.replace(b"Ether &amp; friends", b"Ether &f; friends"))


JUNK = (
    "",
    "nonsense",
    "-1",
    "NaN",
    "javascript:alert(1)",
    "<b>",
    "&#0;",
    "9" * 400,
    "Mon, 99 Foo 2026 99:99:99 +9999",
)


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.stem)
def test_junk_in_any_element_gives_headlines_of_the_feed_or_an_error(path: Path) -> None:
    good = path.read_bytes()
    said = read(good)
    urls, times = {one.url for one in said}, {one.published_at for one in said}
    known = {element.text for element in ElementTree.parse(BytesIO(good)).iter()}
    for place, element in enumerate(ElementTree.parse(BytesIO(good)).iter()):
        for junk in (*JUNK, None):
            tree = ElementTree.parse(BytesIO(good))
            broken = list(tree.iter())[place]
            broken.text = junk
            broken.attrib.clear() if junk is None else None
            try:
                found = read(ElementTree.tostring(tree.getroot()))
            except ValueError:
                continue
            for one in found:
                assert one.title
                assert one.url in urls | known, (element.tag, junk)
                assert one.published_at in times | {None} or one.published_at.year == 2026, (
                    element.tag,
                    junk,
                )

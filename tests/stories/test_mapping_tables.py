"""Mapping tables by the command that asks them without a server."""

import json

import pytest

from kit.server import Server


@pytest.fixture
def mapping(tmp_path):
    server = Server(tmp_path)
    server.data.mkdir(parents=True, exist_ok=True)
    file = tmp_path / "mappings"

    def ask(text, table, probe, *options):
        file.write_text(text)
        done = server.command("mapping", "test", table, probe, "--file", str(file), "--json", *options)
        return json.loads(done.stdout)

    ask.server, ask.file = server, file
    return ask


def test_two_tables_a_continuation_a_quoted_space_and_a_comment(mapping):
    text = "! a comment\nONE\n\n  hello$ world  good$ bye\n! another\n  *@*  \\\n    $1$ keeps$ $0\n\nTWO\n\n  x  y\n"
    assert mapping(text, "ONE", "Hello World")["output"] == "good bye"
    assert mapping(text, "one", "a@b.test")["output"] == "b.test keeps a"
    assert mapping(text, "TWO", "x")["output"] == "y"
    nothing = mapping(text, "TWO", "z")
    assert nothing["output"] == "z" and not nothing["matches"]


def test_a_table_twice_is_refused_with_its_line(mapping):
    mapping.file.write_text("A\n\n  x y\n\nB\n\n  x y\n\nA\n\n  x y\n")
    for command in (["mapping", "test", "A", "x", "--file"], ["mapping", "check"]):
        refused = mapping.server.command(*command, str(mapping.file), check=False)
        assert refused.returncode == 1
        assert f"{mapping.file}:9: the table A stands twice; it begins first in {mapping.file}:1" in refused.stderr


def test_inside_addresses_end_and_outside_ones_fall_through_with_the_text_as_it_was(mapping):
    text = (
        "INTERNAL_IP\n\n  $(10.0.0.0/8)  $Y\n  127.0.0.1  $Y\n  *  $N\n\n"
        "PORT_ACCESS\n\n  *|*|*|*|*  $C$|INTERNAL_IP;$3|$YINTERNAL$E\n  *  $YEXTERNAL:$0\n"
    )
    inside = mapping(text, "PORT_ACCESS", "TCP|192.0.2.1|25|10.1.2.3|4321")
    assert inside["output"] == "INTERNAL" and len(inside["matched"]) == 1
    outside = mapping(text, "PORT_ACCESS", "TCP|192.0.2.1|25|198.51.100.7|4321")
    assert outside["output"] == "EXTERNAL:TCP|192.0.2.1|25|198.51.100.7|4321"
    assert outside["effects"] == ["accept"]


def test_a_look_up_that_fails_makes_only_its_entry_not_match(mapping):
    text = "PORT_ACCESS\n\n  *|*|*|*|*  $[check_metermaid.so,throttle,t,$3]$N421$ no$E\n  *  $Ynext\n"
    probe = "TCP|192.0.2.1|25|198.51.100.7|4321"
    for answer in ("fail", "no"):
        passed = mapping(text, "PORT_ACCESS", probe, "--answer", answer)
        assert passed["output"] == "next" and passed["flags"] == "$Y"
    over = mapping(text, "PORT_ACCESS", probe, "--answer", "yes")
    assert over["output"] == "421 no" and over["effects"] == ["defer with 421 4.7.1 421 no"]


def test_wildcards_are_greedy(mapping):
    assert mapping("T\n\n  *@*  $0\n", "T", "a@b@c")["output"] == "a@b"


def test_each_step_is_told_to_people(mapping):
    mapping.file.write_text("T\n\n  a*  $Cb$0\n  *  $Y$E$0\n")
    told = mapping.server.command("mapping", "test", "T", "ax", "--file", str(mapping.file)).stdout
    assert f"{mapping.file}:3: `a*` matches; `$Cb$0`" in told
    assert 'output "bx"' in told and told.endswith("output: bx\nflags: $Y\n")


def test_what_is_unusual_is_told_and_kept_whole(mapping):
    long = "x" * 5_000
    mapping.file.write_text(f"SEND_ACCESS\n\n  {long}  $Q\n")
    told = mapping.server.command("mapping", "check", str(mapping.file)).stdout
    assert "warning: a pattern of 5000 characters" in told
    assert "SEND_ACCESS has no use for the flags Q" in told
    assert "1 tables, 1 entries" in told
    assert mapping(f"T\n\n  {long}  whole\n", "T", long)["output"] == "whole"

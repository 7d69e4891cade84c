"""What a command says, and where."""

import sys

import pytest

from recsys.console import Console


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_is_under_way_is_shown_at_once_on_a_terminal_alone(monkeypatch, capsys, is_terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    console, silent = Console(quiet=False), Console(quiet=True)
    console.say("ranking")
    silent.say("nothing")
    assert capsys.readouterr().err == "ranking\n" * is_terminal
    console.tell()
    silent.tell()
    assert capsys.readouterr().err == "ranking\n" * (not is_terminal)


def test_what_has_come_of_the_work_is_on_standard_output_after_what_was_held(capsys, tmp_path):
    console = Console(quiet=False)
    console.say("ranking")
    console.wrote(tmp_path, 3)
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"{tmp_path}: 3 rows\n", "ranking\n")
    Console(quiet=True).report("done")
    assert capsys.readouterr().out == ""

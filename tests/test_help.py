"""What `culture --help` and each command's help say is what the code has; any terminal can show what is said."""

import io
import re
import sys
from typing import get_args

import pytest
import typer
import typer.main
from typer.testing import CliRunner

import culture
from recsys.simulation.config import Shape

COMMANDS = typer.main.get_command(culture.app).commands


def help_of(*words: str) -> str:
    """Words of a help page, without its frames."""
    shown = CliRunner().invoke(culture.app, [*words, "--help"], terminal_width=400, env={"COLUMNS": "400"})
    assert shown.exit_code == 0
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown.stdout).split())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_nothing_that_is_written_on_an_option_is_lost(name: str) -> None:
    shown = help_of(name)
    for parameter in COMMANDS[name].params:
        if parameter.name == "help":
            continue
        assert parameter.help
        assert "[default" not in parameter.help  # Brackets are taken for markup and fall away.
        assert parameter.help in shown
        if isinstance(parameter.show_default, str):
            assert f"[default: ({parameter.show_default})]" in shown


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_holds_where_a_time_is_not_given_is_said(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if parameter.name == "as_of" and not parameter.required:
            assert isinstance(parameter.show_default, str)


def test_every_command_is_listed_with_its_sentence() -> None:
    shown = help_of()
    for name, command in COMMANDS.items():
        assert f"{name} {command.help}" in shown
    assert "CULTURE_HOME" in shown


def test_a_shape_is_chosen_from_those_that_the_simulator_has() -> None:
    assert get_args(culture.Shape) == get_args(Shape)


def test_work_that_is_done_does_not_fail_for_what_a_terminal_has_no_letters_for(monkeypatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    monkeypatch.setattr(culture, "app", lambda: typer.echo("中.parquet: 2 rows"))
    culture.main()
    sys.stdout.flush()
    assert written.getvalue() == b"\\u4e2d.parquet: 2 rows\n"

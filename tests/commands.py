"""What the command said, and what is expected of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a command said."""

    returncode: int
    stdout: str
    stderr: str


def done(result):
    assert result.returncode == 0, result.stderr
    return result


def failed(result, *words):
    """The one line of a failure, which must hold each word."""
    assert result.returncode == 1, (result.stdout, result.stderr)
    (line,) = result.stderr.splitlines()
    assert line.startswith("culture: ")
    for word in words:
        assert word in line
    return line

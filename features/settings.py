"""Settings from the environment: read by commands only."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from recsys.errors import DataError, broken_rules

NOT_FOR_OTHERS = 0o750
"""Mode of folders that hold people's rows: nobody reads them but their owner and the owner's group."""


class Settings(BaseSettings):
    """What `CULTURE_…` variables say."""

    model_config = SettingsConfigDict(env_prefix="CULTURE_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default=Path("var"), description="folder of everything that commands write")
    database_url: str | None = Field(
        default=None, description="a PostgreSQL server; without it an embedded one runs under the home folder"
    )
    processes: int | None = Field(
        default=None, ge=1, le=64, description="processes that train and evaluate; none: a core each, at most 2"
    )
    variety: float = Field(
        default=0.0, ge=0, le=1, description="weight of not repeating category, organiser and venue in a list"
    )
    exploration_share: float = Field(
        default=0.1, ge=0, le=1, description="greatest share of a list's places for organisers that were shown little"
    )


def settings_from_environment() -> Settings:
    """What the environment says.

    Raises:
        DataError: names every variable that breaks a rule, and its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise DataError("settings in the environment (CULTURE_…)", broken_rules(error, "all")) from None

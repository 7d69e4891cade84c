"""Long lists in parts."""

from __future__ import annotations

from typing import TypedDict

from fastapi import Request

from serving.params import Page


class Place(TypedDict):
    """Where a part stands in its list: the fields of `serving.schemas.paging.Part`."""

    total: int
    limit: int
    offset: int
    next: str | None


def place_of(request: Request, query: Page, total: int) -> Place:
    """The part that is asked for, of so many rows in all; `next` is the address of the one after, None at the end."""
    after, address = query.offset + query.limit, None
    if after < total:
        url = request.url.include_query_params(limit=query.limit, offset=after)
        address = f"{url.path}?{url.query}"
    return Place(total=total, limit=query.limit, offset=query.offset, next=address)

"""A performance report as a workbook."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from serving.schemas.participation import GroupRow
from serving.schemas.reports import Report

_SHEETS = {
    "zh": {
        "summary": "概览",
        "months": "按月",
        "categories": "按门类",
        "ages": "年龄结构",
        "genders": "性别",
        "venues": "场馆利用",
        "accuracy": "预测与实际",
        "openings": "新开班次",
    },
    "en": {
        "summary": "Summary",
        "months": "Months",
        "categories": "Categories",
        "ages": "Ages",
        "genders": "Genders",
        "venues": "Venues",
        "accuracy": "Forecast and actual",
        "openings": "Openings",
    },
}
_HEADER_ZH = {
    "region_id": "地区编码",
    "region": "地区",
    "since": "开始",
    "until": "结束",
    "activities": "活动数",
    "sessions": "场次",
    "cancelled_sessions": "取消场次",
    "bookings": "预订数",
    "places": "预订人次",
    "attended": "到场人次",
    "attendance_rate": "到场率",
    "people": "参与人数",
    "registered": "注册人数",
    "reach": "参与率",
    "seat_use": "座位利用率",
    "venues_in_use": "使用场馆数",
    "median_km": "到场距离中位数（公里）",
    "month": "月份",
    "category": "门类",
    "name": "组别",
    "label": "名称",
    "visits": "人次",
    "is_hidden": "已隐藏",
    "venue_id": "场馆编码",
    "venue": "场馆",
    "capacity": "席位",
    "slot_use": "时段利用率",
    "hours": "使用小时",
    "wape": "预测误差（WAPE）",
    "week_start": "周起始",
    "forecast": "预测",
    "low": "下限",
    "high": "上限",
    "actual": "实际",
    "waitlisted": "候补",
    "opened_on": "开班日期",
    "predicted": "预计到场",
}


def workbook(made: Report, lang: str, zone: str) -> bytes:
    """The report as XLSX: one sheet a table, in the language asked for, hidden groups marked, times of the zone."""
    book = Workbook(write_only=False)
    for sheet in book.worksheets:
        book.remove(sheet)
    names = _SHEETS[lang]
    summary: dict[str, Any] = {
        "region_id": made.region_id,
        "region": made.region,
        "since": _local(made.since, zone),
        "until": _local(made.until, zone),
        **made.summary.model_dump(),
        **({} if made.accuracy is None else {"wape": made.accuracy.wape}),
    }
    sheet = book.create_sheet(names["summary"])
    for name, value in summary.items():
        sheet.append([_header(name, lang), safe_cell(value)])
    for cell in sheet["A"]:
        cell.font = Font(bold=True)
    for name in ("months", "categories", "venues"):
        _fill(book, names[name], [row.model_dump() for row in getattr(made, name)], lang)
    for name in ("ages", "genders"):
        _fill(book, names[name], [_group(row, lang) for row in getattr(made, name)], lang)
    if made.accuracy is not None:
        _fill(book, names["accuracy"], [row.model_dump() for row in made.accuracy.weeks], lang)
    if made.openings:
        _fill(book, names["openings"], [row.model_dump() for row in made.openings], lang)
    for sheet in book.worksheets:
        for number, column in enumerate(sheet.columns, start=1):
            widest = max((len(str(cell.value or "")) for cell in column), default=8)
            sheet.column_dimensions[get_column_letter(number)].width = min(max(12, widest * 1.6), 48)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _fill(book: Workbook, name: str, rows: list[dict[str, Any]], lang: str) -> None:
    sheet = book.create_sheet(name)
    if not rows:
        return
    sheet.append([_header(key, lang) for key in rows[0]])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", start_color="DDE7F0")
    for row in rows:
        sheet.append([safe_cell(value) for value in row.values()])
    sheet.freeze_panes = "A2"


def safe_cell(value: Any) -> Any:
    """A value that a spreadsheet shows as it is.

    A text that begins like a formula is kept from being run; characters that a workbook cannot hold are replaced.

    >>> safe_cell("=1+1"), safe_cell(3)
    ("'=1+1", 3)
    """
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _group(row: GroupRow, lang: str) -> dict[str, Any]:
    said = row.model_dump()
    if lang == "zh":
        said |= {"is_hidden": "是" if row.is_hidden else "否"}
    return said


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="minutes")


def _header(name: str, lang: str) -> str:
    return _HEADER_ZH.get(name, name) if lang == "zh" else name.replace("_", " ")

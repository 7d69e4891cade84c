"""What can be told of the pages without a browser: headers, and colours that can be seen."""

import re

import pytest

from serving.routes.pages import _FOLDER

STYLE = (_FOLDER / "static" / "style.css").read_text(encoding="utf-8")


def colours(selector):
    """The colours that a rule names."""
    rule = re.search(rf"(?m)^\s*{re.escape(selector)} {{(.*?)}}", STYLE[STYLE.index(f"{selector} {{\n") :], re.DOTALL)[
        1
    ]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule))


def luminance(colour):
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Contrast of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


THEMES = {"light": colours(":root"), "television": colours(":root") | colours(".tv")}
THEMES["dark"] = colours(":root") | colours(".for-people")


@pytest.mark.parametrize("theme", THEMES)
def test_letters_edges_and_focus_stand_out_on_every_ground(theme):
    named = THEMES[theme]
    for ground in ("paper", "ground", "raised", "told"):
        for letters in ("ink", "soft", "link", "good"):
            assert contrast(named[letters], named[ground]) >= 4.5, (letters, ground)
    assert contrast(named["wrong-ink"], named["wrong"]) >= 4.5
    assert contrast(named["brand-ink"], named["brand"]) >= 4.5
    for ground in ("paper", "ground", "raised", "brand"):
        # WCAG 1.4.11: one of the two rings.
        assert max(contrast(named[ring], named[ground]) for ring in ("focus", "glow")) >= 3, ground
    assert contrast(named["edge"], named["paper"]) >= 3


def test_a_browser_asks_again_for_scripts_and_lets_nobody_frame_the_pages(client):
    for path in ("/", "/planner", "/static/common.js", "/static/vendor/uPlot.min.css", "/favicon.ico"):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-cache", path
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
    again = client.get("/static/common.js", headers={"If-None-Match": client.get("/static/common.js").headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


def test_a_page_names_each_of_its_words_before_its_scripts_have_run():
    for page in ("planner.html", "visitor.html"):
        text = (_FOLDER / page).read_text(encoding="utf-8")
        # Lines that come late push the rest of the page down.
        assert re.findall(r'<(?:p|h2|h3|span|button|a)[^>]*data-t="\w+"[^>]*></', text) == []

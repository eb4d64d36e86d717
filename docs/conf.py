"""Sphinx's settings for the documentation; `make docs` builds it with warnings as errors."""

import re
from typing import Any

from arbcore import __version__

project = "arbcore"
author = "the arbcore authors"
copyright = "the arbcore authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["generated/part-*"]  # included by other pages

# Compiled functions have their signature as the first line of their docstring.
autodoc_docstring_signature = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"

# Two hyphens of an option stay two.
smartquotes = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Two bots on one compiled core, and something to prove them on",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "sidebar_width": "240px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

#: How Cython begins a docstring: name(arguments), with what comes back.
SIGNATURE = re.compile(r"_(?P<name>[a-z_]+)(?P<arguments>\(.*?\))(?P<result> -> .*)?$")


def name_of_alias(app: Any, what: str, name: str, *rest: Any) -> tuple[str, str] | None:
    """The arguments of a compiled function that is public under another name than it was compiled with."""
    match = SIGNATURE.match((rest[0].__doc__ or "").split("\n")[0])
    return (match["arguments"], (match["result"] or "").removeprefix(" -> ")) if match else None


def drop_signature(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Takes that first line out of the text."""
    if lines and SIGNATURE.match(lines[0]):
        del lines[0]


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", name_of_alias)
    app.connect("autodoc-process-docstring", drop_signature)

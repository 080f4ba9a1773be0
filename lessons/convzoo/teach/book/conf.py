"""Sphinx's settings for the book. Nothing is loaded from another host."""

project = html_title = "convzoo"
author = copyright = "the convzoo authors, CC BY 4.0"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
root_doc = "index"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = False
html_show_sourcelink = False

nb_execution_mode = "off"  # release has executed the solutions
nb_ipywidgets_js = {}  # the sliders need no kernel and no script
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_update_mathjax = False
mathjax_path = "mathjax/MathJax.js"
mathjax2_config = {
    "jax": ["input/TeX", "output/HTML-CSS"],
    "extensions": ["tex2jax.js"],
    "TeX": {"extensions": ["AMSmath.js", "AMSsymbols.js"]},
    "HTML-CSS": {
        "availableFonts": [],
        "imageFont": None,
        "preferredFont": None,
        "webFont": "STIX-Web",
        "linebreaks": {"automatic": True},
    },
    "messageStyle": "none",
}
suppress_warnings = ["mystnb.unknown_mime_type"]

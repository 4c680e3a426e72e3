"""Sphinx configuration: pages in Markdown, notebooks as pages, the law made from the rule files."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "ecozones"
author = "The ecozones developers"
project_copyright = "2026, The ecozones developers"
version = release = metadata.version("ecozones")

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax"]
templates_path: list[str] = []
exclude_patterns = ["_build"]
language = "en"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
# notebooks are run by the tests; here they are run too, so that the pages show what comes out
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = "ecozones"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}

# pages that are made from other files of the project, so that they cannot drift from them
shutil.copytree(ROOT / "notebooks", HERE / "notebooks", dirs_exist_ok=True)
for script, made in (("law_page.py", "law"), ("scale_page.py", "internet_scale.md")):
    subprocess.run([sys.executable, str(ROOT / "tools" / script), str(HERE / made)], check=True)  # noqa: S603
subprocess.run([sys.executable, "-m", "benchmarks.growth", str(HERE / "_static" / "growth.svg")], check=True, cwd=ROOT)  # noqa: S603

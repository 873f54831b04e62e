"""Make the tutorials' figures again: `python docs/hooks/figures.py` runs every line of them."""

import os
import re
import runpy
import shutil
import tempfile
from pathlib import Path

import matplotlib

DOCS = Path(__file__).parents[1]


def main() -> None:
    """Run each tutorial in a folder of its own, and keep what it draws."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"savefig.dpi": 150, "font.size": 9, "legend.frameon": False})
    for page in sorted((DOCS / "tutorials").glob("*.md")):
        code = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
        with tempfile.TemporaryDirectory() as place:
            script = Path(place) / "tutorial.py"
            script.write_text(code)
            os.chdir(place)
            runpy.run_path(str(script))
            for figure in Path(place).glob("*.png"):
                shutil.copy(figure, DOCS / "figures" / figure.name)
                print(f"docs/figures/{figure.name}")


if __name__ == "__main__":
    main()

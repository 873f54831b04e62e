"""CONTRIBUTING.md and CHANGELOG.md, which stand in the repository's root, are pages here too."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any) -> Files:
    """Add them, with their links to docs/ made to fit."""
    root = Path(config.config_file_path).parent
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (root / name).read_text().replace("](docs/", "](")
        files.append(File.generated(config, name.lower(), content=text))
    return files

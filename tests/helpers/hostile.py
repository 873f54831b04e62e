"""A run in which every text is an attack, and every digest is the attacker's own."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from report_runs import Make, curves, result
from rich.console import Console

from soret.report import terminal
from soret.runs import RunFolder, schema, store

SCRIPT = "<script>window.hacked=1</script>"
EVIL = (
    f"\x1b]0;pwned\x07\x1b[2J\x9b8m\r\nsoret: all is well\t\x7f\u202ereversed\u2066\u2028\u200b"
    f'</script>{SCRIPT}<img src=x onerror="window.hacked=1">\'">'
    "<a href='javascript:hacked=1'>a</a>"
    "|`c`*b*_i_[x](javascript:hacked=1)![p](https://evil.example/p.png)<!-- $x$ ~~s~~ &lt; "
    "https://evil.example www.evil.example a@evil.example {{ 7*7 }} {% raw %} ${7*7} %{x} "
    "[bold]b[/bold] [link=https://evil.example]l[/link] <svg onload=alert(1)> \\"
)
# What is compared, not shown, or has a form of its own.
_KEPT = ("format", "state", "started", "finished", "data_sha256", "run_sha256", "verdict")


def everywhere(content: Any, evil: str = EVIL) -> Any:
    """Return JSON of which every text and name of a setting is an attack."""
    if isinstance(content, str):
        return evil
    if isinstance(content, list):
        return [everywhere(item, evil) for item in content]
    if isinstance(content, dict):
        return {key: v if key in _KEPT else everywhere(v, evil) for key, v in content.items()}
    return content


def sign(run: Path) -> None:
    """Write all digests of a run anew, as whoever made it could."""
    record = json.loads((run / "run.json").read_text())
    record["data_sha256"] = store.digest(run / "data.zarr")
    (run / "run.json").write_text(json.dumps(record))
    if (run / "verdict.json").exists():
        verdict = json.loads((run / "verdict.json").read_text())
        verdict["run_sha256"] = schema.run_digest(record)
        (run / "verdict.json").write_text(json.dumps(verdict))
    RunFolder(run).seal()


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def hostile(make: Make, name: str = "run", evil: str = EVIL) -> Path:
    """Save a run of which every text is an attack."""
    data = curves().rename(activation_rate="<b>" + evil.replace("/", "|")[:60])
    for variable in data.variables.values():
        variable.attrs |= {"long_name": evil, "units": evil}
    run = make(
        name, data={"plain": data, "other": data}, results=[result(), result(predicted=evil)],
        notes=[evil], paper=evil, settings={"a": {"b": evil}, evil: [evil]}, stranger=evil,
    )  # fmt: skip
    experiments = [evil[:9], "other"]
    (run / "data.zarr" / "plain").rename(run / "data.zarr" / experiments[0])
    edit(run / "data.zarr" / "other" / "zarr.json", lambda z: z.update(attributes={evil: evil}))
    for file in ("run.json", "verdict.json"):
        content = everywhere(json.loads((run / file).read_text()), evil)
        if file == "run.json":
            content |= {"experiments": experiments, evil: evil}
        (run / file).write_text(json.dumps(content))
    (run / "figures" / "figure.png").rename(run / "figures" / f"{evil[:40].replace('/', '|')}.png")
    sign(run)
    return run


def acting(text: str) -> set[str]:
    """Return the characters of a text that a terminal or a page may obey."""
    return {letter for letter in text if not letter.isprintable()} - {"\n", "\u2009"}


def shown(*paths: Path, as_json: bool = False) -> tuple[bool, str, str]:
    """Return whether `soret show` shows any, what it says, and what it says of the others."""
    out, err = (Console(file=io.StringIO(), width=200) for _ in range(2))
    found = terminal.show(paths, out, err, as_json)
    return found, out.file.getvalue(), err.file.getvalue()  # type: ignore[attr-defined]

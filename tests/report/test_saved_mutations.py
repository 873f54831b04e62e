"""Any change of run.json or verdict.json: shown as it is, or refused in one sentence."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import EVIL, acting, shown
from report_runs import Make

from soret.errors import SoretError
from soret.report import saved, table
from soret.runs import manifest

VALUES: list[Any] = [
    None, True, -1, 0, 3, 0.5, -0.0, 1e308, 10**30, 2**63, "", "x", EVIL, "supported", "running",
    "soret-run/1", "9999-12-31T23:59:59+00:00", "0" * 64, [], [0], [None], ["x"], [[["x"]]], {},
    {"x": 1}, {"claim": None}, {EVIL: {EVIL: [EVIL]}},
]  # fmt: skip


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def changed(node: Any, at: tuple[Any, ...], value: Any) -> Any:
    made = inner = copy.deepcopy(node)
    for key in at[:-1]:
        inner = inner[key]
    if value is KeyError:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return made


@pytest.mark.parametrize("name", ["run.json", "verdict.json"])
@pytest.mark.slow
def test_any_change_is_shown_or_refused(
    make: Make, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Catches: an exception of Python's, or text that acts, by one value of another kind.

    All digests that a stranger can make anew are made anew.
    """
    run: Path = make()
    path, content = run / name, json.loads((run / name).read_text())
    every = [(at, value) for at in places(content) for value in (*VALUES, KeyError)]
    refused = 0
    for at, value in random.Random(7).sample(every, 250):
        path.write_text(json.dumps(changed(content, at, value)))
        manifest.write(run)
        try:
            read = saved.read_run(run)
            text = table([read])
            assert read.in_words().startswith(read.title)
            assert all(isinstance(value, str) for value in read.settings.values())
        except SoretError as error:
            refused += 1
            text = str(error)
            assert str(run) in text, (at, value)
            assert text.endswith((".", "--live.")), (at, value)
        assert not acting(text)
        _, out, err = shown(run)
        assert shown(run, as_json=True)[0] == bool(out)
        assert not acting(out + err)
        assert bool(out) != bool(err)
        line = capsys.readouterr().out
        assert not line or json.loads(line)["run"]
    assert 60 < refused < 250

"""What run.json and verdict.json may say: as it was written, or one sentence on file and field."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soret.errors import RunError
from soret.runs import schema, strict_json

DIGEST = "0" * 64
RECORD: dict[str, Any] = {
    "format": "soret-run/2",
    "state": "complete",
    "description": {"claim": "a/b", "scale": "quick", "seed": 3, "settings": {"x": [0.1]}},
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:00:09+00:00",
    "versions": {"python": "3.11"},
    "platform": {"cores": 2},
    "data_sha256": DIGEST,
    "experiments": ["one"],
}
RESULT: dict[str, Any] = {
    "quantity": "slope",
    "predicted": 2,
    "measured": 1.9,
    "interval": [1.8, None],
    "rival": "below 0",
    "verdict": "supported",
    "note": "",
}
VERDICT: dict[str, Any] = {
    "claim": "a/b",
    "scale": "quick",
    "seed": 3,
    "seconds": 1,
    "results": [RESULT],
    "verdict": "supported",
    "diverged": 0,
    "notes": ["a"],
    "run_sha256": schema.run_digest(RECORD),
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(content: Any, name: str = "run.json") -> Path:
        path = tmp_path / name
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


class TestJson:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('{"a": 1e999}', "too large for a float"),
            ('{"a": -1e400}', "too large for a float"),
            ('{"a": NaN}', "is not finite"),
            ('{"a": [-Infinity]}', "is not finite"),
            ('{"a": ' + "9" * 400 + "}", "a number has 400 digits"),
            ('{"a": -' + "9" * 5000 + "}", "a number has 5001 digits"),
            ('{"a": 1, "b": 2, "a": 3}', "'a' is there twice"),
            ('{"a": {"b": 1, "b": 1}}', "'b' is there twice"),
            ('{"a": "\\ud800"}', "half of a character"),
            ('{"\\udfff": 1}', "half of a character"),
            ('{"a": ' + "[" * 70 + "]" * 70 + "}", "nested more than 64 deep"),
            ("[" * 100_000, "nested too deep"),
            ('{"a":' * 100_000, "nested too deep"),
            (b'{"a": "\xff"}', "no text in UTF-8"),
            (b"\xef\xbb\xbf{}", "BOM"),
            ("{}{}", "Extra data"),
            ("", "Expecting value"),
            ("3", "no JSON object"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_what_is_no_json_is_said(
        self, written: Callable[..., Path], text: str | bytes, says: str
    ) -> None:
        """Catches: a parser's own exception, or a value that stops what comes after it."""
        path = written(text)
        with pytest.raises(RunError, match=re.escape(str(path))) as error:
            strict_json.read_json(path)
        assert says in str(error.value)
        assert "NaN" not in str(error.value)

    def test_what_json_can_say_is_read(self, written: Callable[..., Path]) -> None:
        """Catches: a refusal of what Soret itself writes."""
        content = {"é": "\u2028 𝜂 \x00", "n": None, "large": 2**127, "deep": [[[[{}]]]], "f": 1e308}
        assert strict_json.read_json(written(content)) == content

    def test_many_keys_are_no_reason_to_wait(self, written: Callable[..., Path]) -> None:
        """Catches: a search for the key that is there twice that takes hours."""
        text = "{" + ",".join(f'"{i}":0' for i in range(200_000)) + ',"7":0}'
        with pytest.raises(RunError, match="'7' is there twice"):
            strict_json.read_json(written(text))


def put(content: Any, at: str, value: Any) -> Any:
    """Return a copy of JSON with a value at a place such as ``results.0.measured``."""
    made = inner = json.loads(json.dumps(content))
    *way, last = at.split(".")
    for key in way:
        inner = inner[int(key) if isinstance(inner, list) else key]
    if value is KeyError:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return made


class TestRecord:
    def test_it_is_read_as_it_is(self, written: Callable[..., Path]) -> None:
        """Catches: what the record also says lost on the way."""
        record = RECORD | {"stranger": {"x": [1]}}
        assert schema.read_record(written(record)) == record
        old = RECORD | {"format": "soret-run/1"}
        assert schema.read_record(written(old)) == old

    @pytest.mark.parametrize(
        ("at", "value", "field"),
        [
            ("format", "soret-run/3", "format 'soret-run/3'"),
            ("format", ["soret-run/1"], "format"),
            ("state", "done", "`state`"),
            ("state", KeyError, "`state`"),
            ("description", [], "`description`"),
            ("description", KeyError, "`description`"),
            ("description.claim", {"a": 1}, "`description.claim`"),
            ("description.seed", -1, "`description.seed`"),
            ("description.seed", True, "`description.seed`"),
            ("description.settings", "x", "`description.settings`"),
            ("started", "yesterday", "`started`"),
            ("started", "2026-01-01T00:00:00", "time zone"),
            ("finished", 7, "`finished`"),
            ("versions", {"python": 3}, "`versions"),
            ("platform", [1], "`platform`"),
            ("data_sha256", "0" * 63, "`data_sha256`"),
            ("data_sha256", DIGEST + "\n", "`data_sha256`"),
            ("data_sha256", KeyError, "data_sha256 is missing"),
            ("experiments", "one", "`experiments`"),
            ("seconds", -1, "`seconds`"),
        ],
    )
    def test_a_field_that_is_not_as_it_should_be_is_named(
        self, written: Callable[..., Path], at: str, value: Any, field: str
    ) -> None:
        """Catches: a KeyError or a TypeError where a record is used, far from where it is read."""
        path = written(put(RECORD, at, value))
        with pytest.raises(RunError, match=re.escape(field)) as error:
            schema.read_record(path)
        assert str(path) in str(error.value)


class TestVerdict:
    def test_it_is_read_as_it_is(self, written: Callable[..., Path]) -> None:
        """Catches: a number that is another one, or words where a number was."""
        found = schema.read_verdict(written(VERDICT, "verdict.json"), RECORD)
        (result,) = found.results
        assert (result.predicted, result.measured, result.rival) == (2.0, 1.9, "below 0")
        assert result.interval == (1.8, None)

    @pytest.mark.parametrize(
        ("at", "value", "field"),
        [
            ("claim", KeyError, "`claim`"),
            ("verdict", "proved", "`verdict`"),
            ("seconds", None, "`seconds`"),
            ("seconds", -1e-9, "`seconds`"),
            ("diverged", 0.5, "`diverged`"),
            ("diverged", -1, "`diverged`"),
            ("notes", 3, "`notes`"),
            ("notes", [3], "`notes[0]`"),
            ("results", {}, "`results`"),
            ("results", [1], "`results[0]`"),
            ("results.0.interval", [1], "`results[0].interval`"),
            ("results.0.interval", [1, 2, 3], "`results[0].interval`"),
            ("results.0.interval", [1, "2"], "`results[0].interval"),
            ("results.0.measured", "1.9", "`results[0].measured`"),
            ("results.0.measured", False, "`results[0].measured`"),
            ("results.0.predicted", [2], "`results[0].predicted`"),
            ("results.0.rival", KeyError, "`rival`"),
            ("results.0.verdict", "", "`results[0].verdict`"),
            ("results.0.quantity", None, "`results[0].quantity`"),
            ("results.0.note", 10, "`results[0].note`"),
        ],
    )
    def test_a_field_that_is_not_as_it_should_be_is_named(
        self, written: Callable[..., Path], at: str, value: Any, field: str
    ) -> None:
        """Catches: a KeyError, a TypeError or an OverflowError in the middle of a table."""
        path = written(put(VERDICT, at, value), "verdict.json")
        with pytest.raises(RunError, match=re.escape(field)) as error:
            schema.read_verdict(path, RECORD)
        assert str(path) in str(error.value)

    @pytest.mark.parametrize(
        ("at", "value"),
        [
            ("description.claim", "a/c"),
            ("description.scale", "paper"),
            ("description.seed", 4),
            ("description.settings", {"x": [0.2]}),
            ("description.settings", {}),
            ("data_sha256", "1" * 64),
        ],
    )
    def test_the_verdict_of_another_run_is_refused(
        self, written: Callable[..., Path], at: str, value: Any
    ) -> None:
        """Catches: a wrong copy, an interrupted rsync, a folder renamed: another run's result."""
        path = written(VERDICT, "verdict.json")
        with pytest.raises(RunError, match="is the verdict of another run"):
            schema.read_verdict(path, put(RECORD, at, value))

    def test_a_verdict_that_belongs_to_no_run_is_refused(
        self, written: Callable[..., Path]
    ) -> None:
        """Catches: the tie cut, so that it cannot be compared; runs of before have none."""
        path = written(put(VERDICT, "run_sha256", KeyError), "verdict.json")
        with pytest.raises(RunError, match="is the verdict of another run"):
            schema.read_verdict(path, RECORD)
        schema.read_verdict(path, RECORD | {"format": "soret-run/1"})

    def test_the_tie_does_not_depend_on_the_order(self) -> None:
        """Catches: a verdict that is refused after its run.json was written anew."""
        turned = json.loads(json.dumps(RECORD, sort_keys=True))
        assert schema.run_digest(turned) == schema.run_digest(RECORD)

"""Reports of saved runs: a page that opens without a network, or a table in Markdown."""

from soret.report.collect import Collected, collect
from soret.report.live import watch
from soret.report.page import page
from soret.report.picture import Picture, picture
from soret.report.saved import SavedRun
from soret.report.table import table
from soret.report.write import write

__all__ = [
    "Collected",
    "Picture",
    "SavedRun",
    "collect",
    "page",
    "picture",
    "table",
    "watch",
    "write",
]

"""Every figure, one a file."""

from typing import Final

from tests.bench.figure import Figure
from tests.bench.figures import (
    accounts_at_once,
    command_line,
    detection,
    four_exchanges,
    ledger,
    memory,
    messages,
    pass_latency,
    read_cpu,
    verify,
)

FIGURES: Final[dict[str, Figure]] = {
    module.FIGURE.name: module.FIGURE
    for module in (
        pass_latency,
        accounts_at_once,
        read_cpu,
        memory,
        messages,
        ledger,
        detection,
        four_exchanges,
        command_line,
        verify,
    )
}

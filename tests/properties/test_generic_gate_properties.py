"""Whatever the form of an undescribed exchange's answer and however careless its reader: a believed total is the true one."""

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.generic.gate import Believed, Gate
from reconcile_actors.exchanges.generic.probing import Legs

CODES = ("btc", "eth", "usd", "xrp", "avail")  # a currency may be called as a field is
AMOUNTS = st.one_of(
    st.just("0"),
    st.just("0.000"),
    st.decimals(min_value=0, max_value=10**12, places=8, allow_nan=False).map(lambda one: f"{one:f}"),
    st.integers(0, 10**15),
)
FIELDS = ("avail", "hold", "extra")


@dataclass
class Form:
    """How an exchange writes its rows, and how ccxt is taken to read them: `own_total` where a field states it."""

    kind: str
    own_total: bool
    default_zero: bool

    def answer(self, rows: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        """The answer with these rows."""
        if self.kind == "list":
            return {"code": 0, "data": [{"coin": code, **row} for code, row in rows.items()]}
        if self.kind == "nested":
            return {"data": [{"id": 77, "details": [{"ccy": {"name": code}, **row} for code, row in rows.items()]}]}
        if self.kind == "keyed":
            return {"result": {code: dict(row) for code, row in rows.items()}}
        names = {name for row in rows.values() for name in row}
        return {
            "funds": {name: {code: row[name] for code, row in rows.items() if name in row} for name in sorted(names)}
        }

    def rows(self, answer: object) -> dict[str, dict[str, object]]:
        """The rows of an answer, as far as they can be made out."""
        content = deepcopy(answer)
        assert isinstance(content, dict)
        if self.kind == "list":
            return {row.pop("coin"): row for row in content["data"]}
        if self.kind == "nested":
            return {row.pop("ccy")["name"]: row for row in content["data"][0]["details"]}
        if self.kind == "keyed":
            return dict(content["result"])
        found: dict[str, dict[str, object]] = {}
        for name, side in content["funds"].items():
            for code, value in side.items():
                found.setdefault(code, {})[name] = value
        return found

    def read(self, answer: object) -> dict[str, Legs]:
        """A careless reader: what is missing is zero where that is its habit."""
        legs = {}
        for code, row in self.rows(answer).items():
            default = "0" if self.default_zero else None
            free, used, total = (
                default if row.get(name) in (None, "") else str(row[name]) for name in ("avail", "hold", "extra")
            )
            total = total if self.own_total else None
            if total is None and free is not None and used is not None:
                total = str(Decimal(free) + Decimal(used))
            legs[code.upper()] = Legs(free, used, total, None)
        return legs

    def truth(self, rows: Mapping[str, Mapping[str, object]]) -> dict[str, Decimal]:
        """What the account holds."""
        names = ("extra",) if self.own_total else ("avail", "hold")
        return {code.upper(): sum((Decimal(row[name]) for name in names), Decimal(0)) for code, row in rows.items()}  # type: ignore[arg-type] # amounts


FORMS = st.builds(Form, st.sampled_from(["list", "nested", "keyed", "sides"]), st.booleans(), st.booleans())
ROW = st.fixed_dictionaries({"avail": AMOUNTS, "hold": AMOUNTS, "extra": AMOUNTS})
ROWS = st.dictionaries(st.sampled_from(CODES), ROW, min_size=1, max_size=4)
HARM = st.lists(
    st.tuples(st.sampled_from(CODES), st.sampled_from(FIELDS), st.sampled_from(["null", "gone", "blank"])), max_size=3
)


def honest(rows: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Rows that add up."""
    return {
        code: {**row, "extra": str(Decimal(str(row["avail"])) + Decimal(str(row["hold"])))}
        for code, row in rows.items()
    }


def judge(gate: Gate, form: Form, answer: object) -> Believed | None:
    """What is believed of an answer."""

    async def reread(_: int, content: object) -> Mapping[str, Legs] | None:
        try:
            return form.read(content)
        except (KeyError, TypeError, AttributeError, ArithmeticError):
            return None

    verdict = asyncio.run(gate.judge(form.read(answer), [answer], reread))
    return verdict if isinstance(verdict, Believed) else None


@settings(max_examples=150, deadline=None, print_blob=True)
@given(FORMS, ROWS, ROWS, HARM)
def test_a_believed_total_is_the_true_one(
    form: Form,
    seen: dict[str, dict[str, object]],
    rows: dict[str, dict[str, object]],
    harm: list[tuple[str, str, str]],
) -> None:
    """With fields null, blank or gone, after a good answer or without one, each total is what the account holds or unknown."""
    truth = form.truth(rows)
    harmed = deepcopy(rows)
    for code, name, how in harm:
        row = harmed.get(code, {})
        if how == "gone":
            row.pop(name, None)
        elif name in row:
            row[name] = None if how == "null" else ""
    told = not form.own_total or any(row.get("extra") not in (None, "") for row in harmed.values())
    for warm in (False, True):
        gate = Gate(str.upper, allow_empty=False)
        if warm:
            assert judge(gate, form, form.answer(honest(seen))) is not None
        believed = judge(gate, form, form.answer(harmed))
        # a total that no row states any more is missed by who has seen one; else the legs are all that there is
        if believed is not None and (told or warm):
            for code, amounts in believed.rows.items():
                assert amounts.total == truth[code]


@settings(max_examples=100, deadline=None, print_blob=True)
@given(FORMS, ROWS)
def test_an_honest_answer_is_believed(form: Form, rows: dict[str, dict[str, object]]) -> None:
    """The gate does not refuse what is stated whole and adds up."""
    rows = honest(rows)
    believed = judge(Gate(str.upper, allow_empty=False), form, form.answer(rows))
    assert believed is not None
    assert {code: amounts.total for code, amounts in believed.rows.items()} == form.truth(rows)

"""What an order of the algorithm `option` needs: a limit, a living option, a hedge that is none."""

from decimal import Decimal

from tiderace._algos import Algorithm
from tiderace._sections import InstrumentConfig, ParentConfig, SyntheticConfig
from tiderace._values import duration_ns, time_ns
from tiderace.errors import InputError

_LIMITS = ("limit_vol", "limit_coin", "limit_money")


def check_option_order(
    parent: ParentConfig, algorithm: Algorithm, used: list[InstrumentConfig]
) -> None:
    """Check a parent of the algorithm `option` against its instruments.

    Raises
    ------
    InputError
        It has no limit, what it calls its option is none, its hedge is one, or it may not hold what
        it is to buy.
    """
    if algorithm.name != "option" or algorithm.kind != "two_sided":
        return
    given = [name for name in _LIMITS if name in parent.params]
    for name in given:
        if Decimal(str(parent.params[name])) == 0:
            raise InputError(
                f"parent.{name} = {parent.params[name]!r}",
                rule="A limit is above zero; none at all is no limit of this kind",
                remedy="Correct it, or remove the key",
            )
    if not given:
        raise InputError(
            "parent.limit_vol is missing",
            rule=f"An order in an option has one of {', '.join(_LIMITS)}",
            remedy='Add one, e.g. limit_vol = "0.55" for 55 %',
        )
    option, hedge = (used[int(parent.params.get(n, d))] for n, d in (("option", 0), ("hedge", 1)))
    if option.kind != "option":
        raise InputError(
            f"parent.option names {option.name}, a {option.kind}",
            rule='What it buys or sells is of the kind "option"',
            remedy="Correct parent.option, or the kind of the instrument",
        )
    if hedge.kind == "option":
        raise InputError(
            f"parent.hedge names {hedge.name}, an option",
            rule="The delta is hedged in a perpetual, inverse or linear, or in spot",
            remedy="Correct parent.hedge, or add the perpetual to [[instruments]]",
        )
    qty, order_qty = Decimal(str(parent.params["qty"])), parent.order_qty
    if qty > order_qty:
        raise InputError(
            f"parent.qty = {qty} with parent.order_qty = {order_qty}",
            rule="order_qty bounds the net exposure of option and hedge: at least qty",
            remedy="Raise order_qty, or lower qty",
        )


def check_maturities(instruments: list[InstrumentConfig], synthetic: SyntheticConfig) -> None:
    """Check that the options of our own venue live longer than its run.

    Raises
    ------
    InputError
        One expires before the end: nothing settles it.
    """
    start_ns = time_ns(synthetic.start, key="synthetic.start")
    end_ns = start_ns + duration_ns(synthetic.duration)
    for row, instrument in enumerate(instruments):
        if instrument.maturity is None:
            continue
        key = f"instruments[{row}].maturity"
        if time_ns(instrument.maturity, key=key) <= end_ns:
            raise InputError(
                f"{key} = {instrument.maturity!r}",
                rule=f"{instrument.name} expires before the run ends: {synthetic.start} and "
                f"{synthetic.duration}; no expiry is settled in a run",
                remedy="Name a later maturity, or correct synthetic.start",
            )

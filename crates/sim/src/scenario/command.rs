//! A `do` line as commands of the venue. Bad words are errors; what a trader may get wrong is left to the venue to
//! refuse, in a [`Malformed`] where no layout can hold it.

use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::{
    ANY, ANY_INSTRUMENT, AuctionBid, Cancel, CancelAll, Clock, Command, ConnectionSet, Deposit, FundContribution,
    GreeksSet, IndexSet, KillSet, Malformed, MarkSet, MassQuote, MmpReset, NewOrder, PortCustomers, QUOTE_ENTRIES_MAX,
    QuoteEntry, Replace, SettlementSet, Single, StateSet, Transfer, Withdraw,
};
use tiderace_types::{
    AccountId, Amount, ClOrdId, DecimalError, InstrumentId, KillScope, Layout, OrdType, PegTo, PostOnly, Price, Qty,
    Reason, Refusal, SelfTradePrevention, Side, TimeInForce, Trigger, Ts, decimal,
};

use super::gateway::{self, Gateway, NOBODY};
use super::json::{Bad, Object};
use super::{condition, payoff, surface, words};

/// What a `do` line does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Commands to the venue.
    Send(Vec<Sent>),
    /// The process state is thrown away.
    Crash,
}

/// One command, and the leg of a quote that it is about.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) command: Command,
    /// Entry and side of a quote's leg that no layout holds: its refusal reports under the leg's name.
    pub(super) leg: Option<(u16, Side)>,
}

/// What a command is about, for its refusal.
#[derive(Clone, Copy)]
pub(super) struct About {
    kind: u16,
    account: AccountId,
    instrument: InstrumentId,
    cl_ord_id: ClOrdId,
}

impl About {
    /// A command about no order.
    pub(super) fn plain(kind: u16, account: AccountId, instrument: InstrumentId) -> Self {
        Self { kind, account, instrument, cl_ord_id: ClOrdId(0) }
    }

    /// The same of a command of another kind.
    pub(super) const fn of_kind(self, kind: u16) -> Self {
        Self { kind, ..self }
    }

    fn refused(self, refusal: Refusal) -> Command {
        let Self { kind, account, instrument, cl_ord_id } = self;
        let Refusal { reason, value, limit } = refusal;
        Malformed { kind, account, instrument, cl_ord_id, reason, value, limit }.into()
    }

    pub(super) fn or_refused<T: Into<Command>>(self, command: Result<T, Refusal>) -> Command {
        command.map_or_else(|refusal| self.refused(refusal), Into::into)
    }
}

/// Reads a `do` line. A new name gets its number in `gateway`, and `advance` moves its clock.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn step(line: &Object<'_>, gateway: &mut Gateway) -> Result<Step, Bad> {
    gateway.refused = None;
    let step = read(line, gateway)?;
    match (step, gateway.refused.take()) {
        (Step::Send(all), Some(refusal)) => Ok(Step::Send(vec![refused_name(line, gateway, &all, refusal)?])),
        (step, _) => Ok(step),
    }
}

/// What is sent in the place of a command with a name that gets no number.
fn refused_name(line: &Object<'_>, gateway: &Gateway, all: &[Sent], refusal: Refusal) -> Result<Sent, Bad> {
    let kind = match all.first().map(|sent| &sent.command) {
        Some(Command::Single(Single::Malformed(malformed))) => malformed.kind,
        Some(command) => command.kind(),
        None => 0,
    };
    let account = line.text_or_none("account")?.and_then(|name| gateway.known_account(name)).unwrap_or(NOBODY);
    let instrument = line.text_or_none("symbol")?.and_then(|name| gateway.listed(name)).unwrap_or(ANY_INSTRUMENT);
    let mut key = None;
    for name in ["cl_ord_id", "quote_id", "orig_cl_ord_id"] {
        key = key.or(line.text_or_none(name)?);
    }
    let cl_ord_id = key.and_then(|name| gateway.find_cl_ord_id(account, name)).unwrap_or(ClOrdId(0));
    Ok(Sent { command: About { kind, account, instrument, cl_ord_id }.refused(refusal), leg: None })
}

fn read(line: &Object<'_>, gateway: &mut Gateway) -> Result<Step, Bad> {
    let command = match line.text("do")? {
        "new_order" => new_order(line, gateway)?,
        "replace" => replace(line, gateway)?,
        "cancel" => {
            line.only(&["do", "account", "orig_cl_ord_id"])?;
            let account = gateway.account(line.text("account")?);
            Cancel { account, orig_cl_ord_id: gateway.cl_ord_id(account, line.text("orig_cl_ord_id")?) }.into()
        }
        "cancel_all" => cancel_all(line, gateway)?,
        "mass_quote" => return mass_quote(line, gateway).map(Step::Send),
        "mmp_reset" => {
            line.only(&["do", "account", "group"])?;
            let account = gateway.account(line.text("account")?);
            MmpReset { account, mmp_group: gateway.group(account, Some(line.text("group")?)) }.into()
        }
        "advance" => advance(line, gateway)?,
        "index" => index(line, gateway)?,
        "mark" => {
            let make = |instrument, price| MarkSet { instrument, price }.into();
            priced(line, gateway, MarkSet::KIND, make)?
        }
        "settlement_price" => {
            let make = |instrument, price| SettlementSet { instrument, price }.into();
            priced(line, gateway, SettlementSet::KIND, make)?
        }
        "greeks" => greeks(line, gateway)?,
        "surface" => surface::surface(line, gateway)?,
        "conditional" => condition::conditional(line, gateway)?,
        "list_payoff" => payoff::list_payoff(line, gateway)?,
        "trading_state" => {
            line.only(&["do", "symbol", "state"])?;
            let instrument = gateway.symbol(line.text("symbol")?);
            StateSet { instrument, state: line.word("state", words::STATES)? }.into()
        }
        "deposit" => {
            let make = |account, asset, amount| Deposit { account, asset, amount }.into();
            transfer(line, gateway, Deposit::KIND, make)?
        }
        "withdraw" => {
            let make = |account, asset, amount| Withdraw { account, asset, amount }.into();
            transfer(line, gateway, Withdraw::KIND, make)?
        }
        "fund_contribution" => fund_contribution(line, gateway)?,
        "bid" => bid(line, gateway)?,
        "transfer" => move_money(line, gateway)?,
        "port" => {
            line.only(&["do", "from", "to"])?;
            let member = gateway.member(line.text("from")?);
            PortCustomers { member, receiver: gateway.member(line.text("to")?) }.into()
        }
        "kill" => kill(line, gateway, true)?,
        "unkill" => kill(line, gateway, false)?,
        "connection" => {
            line.only(&["do", "account", "state"])?;
            let account = gateway.account(line.text("account")?);
            ConnectionSet { account, is_up: line.word("state", words::CONNECTIONS)? }.into()
        }
        "crash" => {
            line.only(&["do"])?;
            return Ok(Step::Crash);
        }
        word => {
            let known = "known are: new_order conditional replace cancel cancel_all mass_quote mmp_reset advance index mark \
                         settlement_price greeks surface list_payoff trading_state deposit withdraw fund_contribution kill unkill \
                         connection bid transfer port crash";
            return Err(line.bad("do", format!("{word:?} is unknown here"), known));
        }
    };
    Ok(Step::Send(vec![Sent { command, leg: None }]))
}

pub(super) const NEW_ORDER_KEYS: &[&str] = &[
    "do",
    "account",
    "symbol",
    "side",
    "order_qty",
    "cl_ord_id",
    "ord_type",
    "price",
    "stop_px",
    "trigger",
    "trailing_offset",
    "peg_to",
    "peg_offset",
    "time_in_force",
    "expire_time",
    "post_only",
    "reduce_only",
    "display_qty",
    "min_qty",
    "self_trade_prevention",
    "mmp_group",
    "strategy",
    "link",
];

/// The numbers of a new order as they were written.
struct Written<'a> {
    order_qty: &'a str,
    price: Option<&'a str>,
    stop_px: Option<&'a str>,
    trailing_offset: Option<&'a str>,
    peg_offset: Option<&'a str>,
    display_qty: Option<&'a str>,
    min_qty: Option<&'a str>,
}

fn new_order(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(NEW_ORDER_KEYS)?;
    let (order, about, filled) = order(line, gateway)?;
    Ok(about.or_refused(filled.map(|()| order)))
}

/// An order of the keys of a new one, what it is about, and what of its numbers no layout holds.
pub(super) fn order(line: &Object<'_>, gateway: &mut Gateway) -> Result<(NewOrder, About, Result<(), Refusal>), Bad> {
    let account = gateway.account(line.text("account")?);
    let instrument = gateway.symbol(line.text("symbol")?);
    let cl_ord_id = gateway.cl_ord_id(account, line.text("cl_ord_id")?);
    let (oco, oto) = links(line, gateway, account)?;
    let peg_to = line.word_or_none("peg_to", words::PEGS)?;
    let mut order = NewOrder {
        account,
        instrument,
        cl_ord_id,
        strategy: gateway.strategy(line.text_or_none("strategy")?),
        side: line.word("side", words::SIDES)?,
        ord_type: line.word_or_none("ord_type", words::ORD_TYPES)?.unwrap_or(OrdType::Limit),
        time_in_force: line.word_or_none("time_in_force", words::TIMES_IN_FORCE)?.unwrap_or(TimeInForce::Gtc),
        post_only: line.word_or_none("post_only", words::POST_ONLY)?.unwrap_or(PostOnly::Off),
        reduce_only: line.flag("reduce_only")?,
        self_trade_prevention: line
            .word_or_none("self_trade_prevention", words::SELF_TRADE)?
            .unwrap_or(SelfTradePrevention::None),
        trigger: line.word_or_none("trigger", words::TRIGGERS)?.unwrap_or(Trigger::Last),
        peg_to: peg_to.unwrap_or(PegTo::Best),
        order_qty: Qty::ZERO,
        price: Price::ZERO,
        stop_px: Price::ZERO,
        trailing_offset: Price::ZERO,
        peg_offset: Price::ZERO,
        expire_time: line.time_or_none("expire_time")?.unwrap_or(Ts::ZERO),
        display_qty: Qty::ZERO,
        min_qty: Qty::ZERO,
        mmp_group: gateway.group(account, line.text_or_none("mmp_group")?),
        oco,
        oto,
    };
    let written = Written {
        order_qty: line.number("order_qty")?,
        price: line.number_or_none("price")?,
        stop_px: line.number_or_none("stop_px")?,
        trailing_offset: line.number_or_none("trailing_offset")?,
        peg_offset: line.number_or_none("peg_offset")?,
        display_qty: line.number_or_none("display_qty")?,
        min_qty: line.number_or_none("min_qty")?,
    };
    let about = About { kind: NewOrder::KIND, account, instrument, cl_ord_id };
    let has_peg = order.ord_type != OrdType::Pegged || peg_to.is_some();
    let filled = match fill_numbers(&mut order, &written, gateway) {
        Ok(()) if !has_peg => Err(Refusal::plain(Reason::BadField)),
        filled => filled,
    };
    Ok((order, about, filled))
}

fn links(line: &Object<'_>, gateway: &mut Gateway, account: AccountId) -> Result<(ClOrdId, ClOrdId), Bad> {
    let Some(link) = line.object_or_none("link")? else { return Ok((ClOrdId(0), ClOrdId(0))) };
    link.only(&["oco", "oto"])?;
    let mut partner = |key: &str| -> Result<ClOrdId, Bad> {
        Ok(link.text_or_none(key)?.map_or(ClOrdId(0), |name| gateway.cl_ord_id(account, name)))
    };
    Ok((partner("oco")?, partner("oto")?))
}

/// Puts the numbers on the grid. What nobody knows, account or instrument, the venue refuses before it looks at them.
fn fill_numbers(order: &mut NewOrder, written: &Written<'_>, gateway: &Gateway) -> Result<(), Refusal> {
    let Some(instrument) = gateway.definition(order.instrument) else { return Ok(()) };
    if !gateway.is_open(order.account) {
        return Ok(());
    }
    if order.ord_type.has_limit() && written.price.is_none() {
        return Err(Refusal::plain(Reason::BadPrice));
    }
    let is_trailing = order.ord_type == OrdType::TrailingStop;
    let has_trigger = if is_trailing { written.trailing_offset.is_some() } else { written.stop_px.is_some() };
    if order.ord_type.is_triggered() && !has_trigger {
        return Err(Refusal::plain(Reason::BadTrigger));
    }
    let price = |text: Option<&str>| text.map_or(Ok(Price::ZERO), |text| gateway::price(instrument, text));
    order.price = price(written.price)?;
    order.stop_px = price(written.stop_px)?;
    order.trailing_offset = price(written.trailing_offset)?;
    order.peg_offset = written.peg_offset.map_or(Ok(Price::ZERO), |text| signed_distance(instrument, text))?;
    order.order_qty = gateway::qty(instrument, written.order_qty)?;
    order.display_qty = optional_qty(instrument, written.display_qty)?;
    order.min_qty = optional_qty(instrument, written.min_qty)?;
    Ok(())
}

/// A distance may point either way, whatever prices may do.
fn signed_distance(instrument: &tiderace_types::Instrument, text: &str) -> Result<Price, Refusal> {
    match text.strip_prefix('-') {
        None => gateway::price(instrument, text),
        Some(text) => {
            let distance = gateway::price(instrument, text)?;
            distance.checked_neg().ok_or(Refusal::plain(Reason::BadPrice))
        }
    }
}

/// Zero stands for absent, so a zero that was written is refused here.
fn optional_qty(instrument: &tiderace_types::Instrument, text: Option<&str>) -> Result<Qty, Refusal> {
    let Some(text) = text else { return Ok(Qty::ZERO) };
    match gateway::qty(instrument, text)? {
        Qty::ZERO => Err(Refusal::plain(Reason::BadQty)),
        qty => Ok(qty),
    }
}

fn replace(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&[
        "do",
        "account",
        "orig_cl_ord_id",
        "cl_ord_id",
        "price",
        "order_qty",
        "stop_px",
        "display_qty",
        "time_in_force",
        "expire_time",
    ])?;
    let account = gateway.account(line.text("account")?);
    let orig_cl_ord_id = gateway.cl_ord_id(account, line.text("orig_cl_ord_id")?);
    let cl_ord_id = gateway.cl_ord_id(account, line.text("cl_ord_id")?);
    let time_in_force = line.word_or_none("time_in_force", words::TIMES_IN_FORCE)?;
    let expire_time = line.time_or_none("expire_time")?;
    let prices = [(Replace::PRICE, line.number_or_none("price")?), (Replace::STOP_PX, line.number_or_none("stop_px")?)];
    let qtys = [
        (Replace::ORDER_QTY, line.number_or_none("order_qty")?),
        (Replace::DISPLAY_QTY, line.number_or_none("display_qty")?),
    ];
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let mut change = Replace {
        account,
        orig_cl_ord_id,
        cl_ord_id,
        fields: bit(time_in_force.is_some(), Replace::TIME_IN_FORCE) | bit(expire_time.is_some(), Replace::EXPIRE_TIME),
        price: Price::ZERO,
        order_qty: Qty::ZERO,
        stop_px: Price::ZERO,
        display_qty: Qty::ZERO,
        time_in_force: time_in_force.unwrap_or(TimeInForce::Gtc),
        expire_time: expire_time.unwrap_or(Ts::ZERO),
    };
    let instrument = gateway.instrument_of(account, orig_cl_ord_id);
    let Some(definition) = instrument.and_then(|id| gateway.definition(id)) else { return Ok(change.into()) };
    let filled = fill_change(&mut change, definition, prices, qtys);
    let instrument = instrument.unwrap_or(ANY_INSTRUMENT);
    Ok(About { kind: Replace::KIND, account, instrument, cl_ord_id }.or_refused(filled.map(|()| change)))
}

fn fill_change(
    change: &mut Replace,
    instrument: &tiderace_types::Instrument,
    prices: [(u8, Option<&str>); 2],
    qtys: [(u8, Option<&str>); 2],
) -> Result<(), Refusal> {
    for (field, text) in prices {
        let Some(text) = text else { continue };
        let price = gateway::price(instrument, text)?;
        let slot = if field == Replace::PRICE { &mut change.price } else { &mut change.stop_px };
        *slot = price;
        change.fields |= field;
    }
    for (field, text) in qtys {
        let Some(text) = text else { continue };
        let qty = gateway::qty(instrument, text)?;
        let slot = if field == Replace::ORDER_QTY { &mut change.order_qty } else { &mut change.display_qty };
        *slot = qty;
        change.fields |= field;
    }
    Ok(())
}

fn cancel_all(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "account", "symbol", "side", "kind"])?;
    let account = gateway.account(line.text("account")?);
    let symbol = line.text_or_none("symbol")?;
    let kind = line.text_or_none("kind")?;
    line.word_or_none("kind", words::KINDS)?;
    let row = words::KINDS.iter().position(|(word, _)| Some(*word) == kind);
    let kind = row.and_then(|row| u8::try_from(row).ok()).map_or(ANY, |row| row.saturating_add(1));
    Ok(CancelAll {
        account,
        instrument: symbol.map_or(ANY_INSTRUMENT, |symbol| gateway.symbol(symbol)),
        side: line.word_or_none("side", words::SIDES)?.map_or(ANY, Side::fix),
        kind,
    }
    .into())
}

/// One side of an entry.
type Leg<'a> = Option<(&'a str, &'a str)>;

fn mass_quote(line: &Object<'_>, gateway: &mut Gateway) -> Result<Vec<Sent>, Bad> {
    line.only(&["do", "account", "quote_id", "mmp_group", "entries"])?;
    let account = gateway.account(line.text("account")?);
    let quote_id = gateway.cl_ord_id(account, line.text("quote_id")?);
    let mmp_group = gateway.group(account, Some(line.text("mmp_group")?));
    let mut entries = Vec::new();
    let mut refused = Vec::new();
    for (row, entry) in line.objects("entries")?.iter().enumerate() {
        entry.only(&["symbol", "bid_px", "bid_qty", "ask_px", "ask_qty"])?;
        let instrument = gateway.symbol(entry.text("symbol")?);
        let (bid, ask) = (leg(entry, "bid_px", "bid_qty")?, leg(entry, "ask_px", "ask_qty")?);
        let mut read = |side: Side, leg: Leg<'_>| match quote_leg(gateway, (account, instrument), leg) {
            Ok(leg) => leg,
            Err(refusal) => {
                let about = About { kind: MassQuote::KIND, account, instrument, cl_ord_id: quote_id };
                let leg = Some((u16::try_from(row).unwrap_or(u16::MAX), side));
                refused.push(Sent { command: about.refused(refusal), leg });
                (Price::ZERO, Qty::ZERO)
            }
        };
        let ((bid_px, bid_qty), (ask_px, ask_qty)) = (read(Side::Buy, bid), read(Side::Sell, ask));
        entries.push(QuoteEntry { instrument, bid_px, bid_qty, ask_px, ask_qty });
    }
    if entries.len() > QUOTE_ENTRIES_MAX {
        let about = About { kind: MassQuote::KIND, account, instrument: ANY_INSTRUMENT, cl_ord_id: quote_id };
        let sizes = [entries.len(), QUOTE_ENTRIES_MAX].map(|len| i128::try_from(len).unwrap_or(i128::MAX));
        let command = about.refused(Refusal::new(Reason::BadField, sizes[0], sizes[1]));
        return Ok(vec![Sent { command, leg: None }]);
    }
    let mut sent = vec![Sent { command: MassQuote { account, quote_id, mmp_group, entries }.into(), leg: None }];
    sent.append(&mut refused);
    Ok(sent)
}

fn leg<'a>(entry: &Object<'a>, price: &str, qty: &str) -> Result<Leg<'a>, Bad> {
    match (entry.number_or_none(price)?, entry.number_or_none(qty)?) {
        (None, None) => Ok(None),
        (Some(price), Some(qty)) => Ok(Some((price, qty))),
        (None, Some(_)) => {
            Err(entry.bad(price, "this key is missing", "give a side its price and its quantity, or neither"))
        }
        (Some(_), None) => {
            Err(entry.bad(qty, "this key is missing", "give a side its price and its quantity, or neither"))
        }
    }
}

/// A side of an entry on the grid. Quantity zero stands for absent, so a zero that was written is refused here.
fn quote_leg(
    gateway: &Gateway,
    (account, instrument): (AccountId, InstrumentId),
    leg: Leg<'_>,
) -> Result<(Price, Qty), Refusal> {
    let Some((price, qty)) = leg else { return Ok((Price::ZERO, Qty::ZERO)) };
    // The venue refuses the instrument, once for each side that is there.
    let Some(definition) = gateway.definition(instrument).filter(|_| gateway.is_open(account)) else {
        return Ok((Price::ZERO, Qty::new(1).unwrap_or(Qty::ZERO)));
    };
    Ok((gateway::price(definition, price)?, optional_qty(definition, Some(qty))?))
}

fn advance(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "by", "to"])?;
    let now = gateway.now;
    let to = match (line.duration_or_none("by")?, line.time_or_none("to")?) {
        (Some(by), None) => now.plus_ns(by),
        (None, Some(to)) => to,
        (None, None) | (Some(_), Some(_)) => {
            return Err(line.bad(
                "by",
                "a clock is moved by a duration or to a time",
                "write one of \"by\" and \"to\"",
            ));
        }
    };
    if to < now {
        return Err(line.bad("to", "the time lies before the clock's", "time goes forward only: write a later one"));
    }
    gateway.now = to;
    Ok(Clock { ts_now: to }.into())
}

fn priced(
    line: &Object<'_>,
    gateway: &mut Gateway,
    kind: u16,
    make: impl Fn(InstrumentId, Price) -> Command,
) -> Result<Command, Bad> {
    line.only(&["do", "symbol", "price"])?;
    let instrument = gateway.symbol(line.text("symbol")?);
    let text = line.number("price")?;
    let Some(definition) = gateway.definition(instrument) else { return Ok(make(instrument, Price::ZERO)) };
    let price = gateway::price(definition, text).map(|price| make(instrument, price));
    Ok(About::plain(kind, NOBODY, instrument).or_refused(price))
}

/// An exact number of 10^-`decimals`; a finer or larger one is refused with `reason`.
pub(super) fn exact(text: &str, decimals: u32, reason: Reason) -> Result<Amount, Refusal> {
    match decimal::parse(text, decimals) {
        Ok(value) => Ok(Amount::new(value)),
        Err(DecimalError::TooFine { .. } | DecimalError::TooLarge | DecimalError::NotDecimal) => {
            Err(Refusal::plain(reason))
        }
    }
}

fn index(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "base", "price"])?;
    let base = gateway.asset(line.text("base")?);
    let price = exact(line.number("price")?, STEP_DECIMALS, Reason::BadPrice).map(|price| IndexSet { base, price });
    Ok(About::plain(IndexSet::KIND, NOBODY, ANY_INSTRUMENT).or_refused(price))
}

fn greeks(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "symbol", "delta", "vega"])?;
    let instrument = gateway.symbol(line.text("symbol")?);
    let (delta, vega) = (line.number("delta")?, line.number("vega")?);
    let read = |text| exact(text, STEP_DECIMALS, Reason::BadField);
    let set = read(delta).and_then(|delta| Ok(GreeksSet { instrument, delta, vega: read(vega)? }));
    Ok(About::plain(GreeksSet::KIND, NOBODY, instrument).or_refused(set))
}

fn transfer(
    line: &Object<'_>,
    gateway: &mut Gateway,
    kind: u16,
    make: impl Fn(AccountId, tiderace_types::AssetId, Amount) -> Command,
) -> Result<Command, Bad> {
    line.only(&["do", "account", "asset", "amount"])?;
    let account = gateway.account(line.text("account")?);
    let asset = gateway.asset(line.text("asset")?);
    let amount = exact(line.number("amount")?, gateway.asset_decimals(asset), Reason::BadAmount);
    Ok(About::plain(kind, account, ANY_INSTRUMENT).or_refused(amount.map(|amount| make(account, asset, amount))))
}

fn fund_contribution(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "member", "asset", "amount"])?;
    let member = gateway.member(line.text("member")?);
    let asset = gateway.asset(line.text("asset")?);
    let amount = exact(line.number("amount")?, gateway.asset_decimals(asset), Reason::BadAmount);
    let about = About::plain(FundContribution::KIND, NOBODY, ANY_INSTRUMENT);
    Ok(about.or_refused(amount.map(|amount| FundContribution { member, asset, amount })))
}

/// What the bidder pays on top of the marks for the portfolio of a defaulter; below zero it wants to be paid.
fn bid(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "account", "defaulter", "asset", "amount"])?;
    let account = gateway.account(line.text("account")?);
    let defaulter = gateway.account(line.text("defaulter")?);
    let asset = gateway.asset(line.text("asset")?);
    let price = exact(line.number("amount")?, gateway.asset_decimals(asset), Reason::BadAmount);
    let about = About::plain(AuctionBid::KIND, account, ANY_INSTRUMENT);
    Ok(about.or_refused(price.map(|price| AuctionBid { account, defaulter, price })))
}

/// Between two accounts of one tree.
fn move_money(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "account", "to", "asset", "amount"])?;
    let account = gateway.account(line.text("account")?);
    let receiver = gateway.account(line.text("to")?);
    let asset = gateway.asset(line.text("asset")?);
    let amount = exact(line.number("amount")?, gateway.asset_decimals(asset), Reason::BadAmount);
    let about = About::plain(Transfer::KIND, account, ANY_INSTRUMENT);
    Ok(about.or_refused(amount.map(|amount| Transfer { account, receiver, asset, amount })))
}

fn kill(line: &Object<'_>, gateway: &mut Gateway, is_on: bool) -> Result<Command, Bad> {
    line.only(if is_on { &["do", "scope", "id", "reduce_only"] } else { &["do", "scope", "id"] })?;
    let scope = line.word("scope", words::SCOPES)?;
    let name = line.text("id")?;
    let id = match scope {
        KillScope::All if name == "venue" => 0,
        KillScope::All => return Err(line.bad("id", format!("{name:?} is not the venue"), "write \"venue\"")),
        KillScope::Account => gateway.account(name).0,
        KillScope::Strategy => gateway.strategy(Some(name)),
        KillScope::Instrument => gateway.symbol(name).0.into(),
    };
    Ok(KillSet { scope, id, is_on, reduce_only: is_on && line.flag("reduce_only")? }.into())
}

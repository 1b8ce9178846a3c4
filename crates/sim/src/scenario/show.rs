//! Events in the words of scenario files: what checks compare and people read.

use serde_json::{Map, Value};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::num::{Rounding, div_round};
use tiderace_types::venue::{CommandRefused, Event, NO_ENTRY, Report, Trade};
use tiderace_types::{
    AccountId, Amount, AssetId, ExecType, InstrumentId, KillScope, OrdStatus, Price, Qty, Reason, Refusal, decimal,
};

use super::gateway::Gateway;
use super::{time, words};

/// An event as an object. Its first key, `event`, says what it is.
pub(super) type Shown = Map<String, Value>;

/// Builds an object of strings.
struct Line<'a> {
    gateway: &'a Gateway,
    shown: Shown,
}

impl<'a> Line<'a> {
    fn new(gateway: &'a Gateway, event: &str) -> Self {
        let mut line = Self { gateway, shown: Map::new() };
        line.text("event", event);
        line
    }
    fn text(&mut self, key: &str, text: impl Into<String>) -> &mut Self {
        self.shown.insert(key.to_owned(), Value::String(text.into()));
        self
    }
    fn flag(&mut self, key: &str, flag: bool) -> &mut Self {
        self.shown.insert(key.to_owned(), Value::Bool(flag));
        self
    }
    fn account(&mut self, account: AccountId) -> &mut Self {
        if account == AccountId(u32::MAX) { self } else { self.text("account", self.gateway.accounts.name(account.0)) }
    }
    fn symbol(&mut self, instrument: InstrumentId) -> &mut Self {
        if instrument == tiderace_types::venue::ANY_INSTRUMENT {
            return self;
        }
        self.text("symbol", self.gateway.symbols.name(instrument.0.into()))
    }
    fn price(&mut self, key: &str, instrument: InstrumentId, price: Price) -> &mut Self {
        let text = self.gateway.definition(instrument).map_or_else(String::new, |i| i.format_price(price));
        self.text(key, text)
    }
    fn qty(&mut self, key: &str, instrument: InstrumentId, qty: Qty) -> &mut Self {
        let text = self.gateway.definition(instrument).map_or_else(String::new, |i| i.format_qty(qty));
        self.text(key, text)
    }
    /// Ticks of a lot, as the price that they are.
    fn worth(&mut self, key: &str, instrument: InstrumentId, amount: Amount) -> &mut Self {
        let price = i64::try_from(amount.get()).map_or(Price::ZERO, Price::new);
        self.price(key, instrument, price)
    }
    fn amount(&mut self, key: &str, asset: AssetId, amount: Amount) -> &mut Self {
        self.text("asset", self.gateway.assets.name(asset.0.into()));
        self.text(key, decimal::format(amount.get(), self.gateway.asset_decimals(asset)))
    }
    fn reason(&mut self, refusal: Refusal) -> &mut Self {
        if refusal.reason == Reason::None {
            return self;
        }
        self.text("reason", refusal.reason.name());
        self.text("text", text_of(refusal))
    }
}

/// The reason as a sentence, with the value and the bound where there are any, in the unit of the rule.
pub(super) fn text_of(refusal: Refusal) -> String {
    let Refusal { reason, value, limit } = refusal;
    match (value, limit) {
        (Amount::ZERO, Amount::ZERO) => reason.rule().to_owned(),
        _ => format!("{} {} against {}.", reason.rule(), value.get(), limit.get()),
    }
}

/// Whether an event waits for a check.
pub(super) const fn is_checked(event: &Event) -> bool {
    match event {
        Event::Report(_)
        | Event::Trade(_)
        | Event::CommandRefused(_)
        | Event::PayoffListed(_)
        | Event::PayoffObserved(_)
        | Event::PayoffPaid(_)
        | Event::PayoffTrapped(_)
        | Event::ConditionChanged(_) => true,
        Event::StateChanged(_)
        | Event::Indication(_)
        | Event::MmpChanged(_)
        | Event::VenueKillChanged(_)
        | Event::TradeCorrected(_)
        | Event::BalanceChanged(_)
        | Event::LimitChanged(_)
        | Event::MarginCalled(_)
        | Event::AuctionOpened(_)
        | Event::AuctionClosed(_)
        | Event::LayerUsed(_)
        | Event::Deleveraged(_)
        | Event::FundingPaid(_)
        | Event::InstrumentSettled(_)
        | Event::ClearingStalled(_) => false,
    }
}

/// The event as an object. `leg` names the leg of a quote that a refusal is about, where the event itself cannot.
pub(super) fn event(gateway: &Gateway, event: &Event, leg: Option<(u16, tiderace_types::Side)>) -> Shown {
    let mut line = Line::new(gateway, "");
    match event {
        Event::Report(report) => return self::report(gateway, report, leg),
        Event::Trade(trade) => return self::trade(gateway, trade),
        Event::CommandRefused(refused) => return command_refused(gateway, refused),
        Event::StateChanged(e) => {
            line.text("event", "state_changed")
                .symbol(e.instrument)
                .text("state", words::word(words::STATES, &e.state));
            line.reason(Refusal::plain(e.reason));
        }
        Event::Indication(e) => {
            line.text("event", "indication").symbol(e.instrument);
            if e.qty > Qty::ZERO {
                line.price("indicative_px", e.instrument, e.price);
            }
            line.qty("indicative_qty", e.instrument, e.qty).qty("surplus", e.instrument, e.surplus);
            line.text("surplus_side", words::word(words::SIDES, &e.surplus_side));
        }
        Event::MmpChanged(e) => {
            let group = gateway.said.get(&e.account).map_or("", |said| said.groups.name(e.mmp_group.into()));
            line.text("event", "mmp_changed").account(e.account).text("group", group).flag("is_frozen", e.is_frozen);
            if e.is_frozen {
                line.text("until", time::format(e.ts_until));
            }
        }
        Event::VenueKillChanged(e) => {
            line.text("event", "kill_changed").text("scope", words::word(words::SCOPES, &e.scope));
            let id = match e.scope {
                KillScope::All => "venue",
                KillScope::Account => gateway.accounts.name(e.id),
                KillScope::Strategy => gateway.strategies.name(e.id),
                KillScope::Instrument => gateway.symbols.name(e.id),
            };
            line.text("id", id).flag("is_on", e.is_on).flag("reduce_only", e.reduce_only);
        }
        Event::TradeCorrected(e) => {
            line.text("event", "trade_corrected").text("trade_id", e.trade_id.0.to_string()).symbol(e.instrument);
            line.price("price", e.instrument, e.price).qty("qty", e.instrument, e.qty);
        }
        Event::BalanceChanged(e) => {
            let total = decimal::format(e.total.get(), gateway.asset_decimals(e.asset));
            line.text("event", "balance_changed").account(e.account).text("total", total);
            line.text("asset", gateway.assets.name(e.asset.0.into()));
        }
        Event::LimitChanged(e) => {
            line.text("event", "limit_changed").account(e.account).text("limit", e.limit.to_string());
            line.text("value", e.value.get().to_string()).text("expire_time", time::format(e.expire_time));
        }
        Event::MarginCalled(e) => {
            line.text("event", "margin_called").account(e.account).flag("is_liquidation", e.is_liquidation);
            line.amount("collateral", e.asset, e.collateral).amount("maintenance", e.asset, e.maintenance);
        }
        Event::AuctionOpened(e) => {
            line.text("event", "auction_opened").account(e.account).text("ends", time::format(e.ts_ends));
        }
        Event::AuctionClosed(e) => {
            line.text("event", "auction_closed").account(e.account).text("price", e.price.get().to_string());
            line.text("winner", gateway.accounts.name(e.winner.0));
        }
        Event::LayerUsed(e) => {
            let layer = words::word(words::LAYERS, &e.layer);
            line.text("event", "layer_used")
                .account(e.account)
                .text("layer", layer)
                .amount("amount", e.asset, e.amount);
            if e.member != u32::MAX {
                line.text("member", gateway.members.name(e.member));
            }
        }
        Event::Deleveraged(e) => {
            line.text("event", "deleveraged").account(e.account).symbol(e.instrument);
            line.text("defaulter", gateway.accounts.name(e.defaulter.0));
            line.text("side", words::word(words::SIDES, &e.side));
            line.qty("qty", e.instrument, e.qty).price("price", e.instrument, e.price);
        }
        Event::FundingPaid(e) => {
            line.text("event", "funding_paid").symbol(e.instrument).text("rate", decimal::format(e.rate.get(), 18));
        }
        Event::InstrumentSettled(e) => {
            let price = decimal::format(e.price.get(), STEP_DECIMALS);
            line.text("event", "instrument_settled").symbol(e.instrument).text("price", price);
        }
        Event::ClearingStalled(e) => {
            line.text("event", "clearing_stalled").symbol(e.instrument);
            line.reason(Refusal::plain(e.reason));
        }
        Event::PayoffListed(e) => {
            let bytes = [e.program_low.to_le_bytes(), e.program_high.to_le_bytes()].concat();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            line.text("event", "payoff").text("what", "listed").symbol(e.instrument).text("program", hex);
        }
        Event::PayoffObserved(e) => {
            line.text("event", "payoff")
                .text("what", "observed")
                .symbol(e.instrument)
                .text("number", e.number.to_string());
            line.price("price", e.instrument, e.price).worth("amount", e.instrument, e.amount);
        }
        Event::PayoffPaid(e) => {
            line.text("event", "payoff").text("what", "paid").symbol(e.instrument);
            line.price("price", e.instrument, e.price).worth("amount", e.instrument, e.amount);
        }
        Event::PayoffTrapped(e) => {
            let entry = match e.entry {
                1 => "on_observation",
                2 => "payout",
                _ => "value",
            };
            line.text("event", "payoff").text("what", "trapped").symbol(e.instrument).text("entry", entry);
            line.text("trap", trap_name(e.trap)).worth("amount", e.instrument, e.amount);
        }
        Event::ConditionChanged(e) => {
            let what = words::word(words::CONDITIONS, &e.what);
            line.text("event", "condition")
                .account(e.account)
                .text("cl_ord_id", gateway.name_of(e.account, e.cl_ord_id));
            line.symbol(e.instrument).text("what", what);
            if e.trap != 0 {
                line.text("trap", trap_name(e.trap)).text("statement", e.statement.to_string());
            }
            line.reason(Refusal::plain(e.reason));
        }
    }
    line.shown
}

/// A trap by its name.
fn trap_name(trap: u8) -> &'static str {
    let known = tiderace_program::TrapReason::ALL.into_iter().find(|reason| reason.code() == trap);
    known.map_or("out_of_bounds", tiderace_program::TrapReason::name)
}

/// The name under which a report goes: of a quote `quote_id/n/side`.
fn report_name(gateway: &Gateway, report: &Report, leg: Option<(u16, tiderace_types::Side)>) -> String {
    let name = gateway.name_of(report.account, report.cl_ord_id);
    let of_event = (report.quote_entry != NO_ENTRY).then_some((report.quote_entry, report.side));
    match of_event.or(leg) {
        None => name,
        Some((entry, side)) => format!("{name}/{entry}/{}", words::word(words::LEGS, &side)),
    }
}

fn report(gateway: &Gateway, report: &Report, leg: Option<(u16, tiderace_types::Side)>) -> Shown {
    let instrument = report.instrument;
    let mut line = Line::new(gateway, "report");
    line.account(report.account).text("cl_ord_id", report_name(gateway, report, leg)).symbol(instrument);
    line.text("exec_type", words::word(words::EXEC_TYPES, &report.exec_type));
    line.text("ord_status", words::word(words::ORD_STATUSES, &report.ord_status));
    if report.exec_type != ExecType::Rejected {
        line.text("order_id", report.order_id.to_string()).text("side", words::word(words::SIDES, &report.side));
        line.price("price", instrument, report.price).qty("order_qty", instrument, report.order_qty);
    }
    if report.exec_type == ExecType::Trade {
        line.text("trade_id", report.trade_id.0.to_string()).flag("is_maker", report.is_maker);
        line.price("last_px", instrument, report.last_px).qty("last_qty", instrument, report.last_qty);
        if let Some(definition) = gateway.definition(instrument) {
            line.text("fee", decimal::format(report.fee.get(), gateway.asset_decimals(definition.settle)));
        }
    }
    line.qty("cum_qty", instrument, report.cum_qty).qty("leaves_qty", instrument, report.leaves_qty);
    if let Some(text) = avg_px(gateway, report) {
        line.text("avg_px", text);
    }
    line.reason(Refusal { reason: report.reason, value: report.value, limit: report.limit });
    line.shown
}

/// The mean price over an order's fills, cut at twelve digits.
fn avg_px(gateway: &Gateway, report: &Report) -> Option<String> {
    let definition = gateway.definition(report.instrument)?;
    let sum = report.cum_value.get().checked_mul(definition.tick_size.into())?;
    let mean = div_round(sum, report.cum_qty.get().into(), Rounding::Floor)?;
    Some(decimal::format(mean, STEP_DECIMALS))
}

fn trade(gateway: &Gateway, trade: &Trade) -> Shown {
    let mut line = Line::new(gateway, "trade");
    line.text("trade_id", trade.trade_id.0.to_string()).symbol(trade.instrument);
    line.price("price", trade.instrument, trade.price).qty("qty", trade.instrument, trade.qty);
    line.text("maker", gateway.accounts.name(trade.maker.0)).text("taker", gateway.accounts.name(trade.taker.0));
    line.text("aggressor", words::word(words::SIDES, &trade.aggressor));
    line.text("kind", words::word(words::TRADE_KINDS, &trade.kind));
    line.shown
}

/// A refusal that is about no order is a report without a ClOrdID.
fn command_refused(gateway: &Gateway, refused: &CommandRefused) -> Shown {
    let mut line = Line::new(gateway, "report");
    line.account(refused.account).symbol(refused.instrument);
    line.text("exec_type", words::word(words::EXEC_TYPES, &ExecType::Rejected));
    line.text("ord_status", words::word(words::ORD_STATUSES, &OrdStatus::Rejected));
    line.reason(Refusal { reason: refused.reason, value: refused.value, limit: refused.limit });
    line.shown
}

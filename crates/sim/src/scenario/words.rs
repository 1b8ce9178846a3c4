//! The words of a scenario file, and the values that they stand for.

use tiderace_types::venue::ConditionChanged;
use tiderace_types::{
    ExecType, InstrumentKind, KillScope, OrdStatus, OrdType, PegTo, PostOnly, PutOrCall, SelfTradePrevention, Side,
    Style, TimeInForce, TradeKind, TradingState, Trigger,
};

/// Words and their values.
pub(super) type Table<T> = &'static [(&'static str, T)];

/// The word of a value; every value of a table here has one, save those that no venue uses.
pub(super) fn word<T: PartialEq>(table: Table<T>, value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("unknown", |(word, _)| word)
}

pub(super) const SIDES: Table<Side> = &[("buy", Side::Buy), ("sell", Side::Sell)];
pub(super) const LEGS: Table<Side> = &[("bid", Side::Buy), ("ask", Side::Sell)];
pub(super) const LAYERS: Table<u8> = &[
    ("defaulter_share", 1),
    ("insurance", 2),
    ("house", 3),
    ("mutual", 4),
    ("assessment", 5),
    ("gains", 6),
    ("nobody", 7),
];
pub(super) const CONDITIONS: Table<u8> = &[
    ("accepted", ConditionChanged::ACCEPTED),
    ("triggered", ConditionChanged::TRIGGERED),
    ("stopped", ConditionChanged::STOPPED),
    ("canceled", ConditionChanged::CANCELED),
    ("expired", ConditionChanged::EXPIRED),
];
pub(super) const ORD_TYPES: Table<OrdType> = &[
    ("limit", OrdType::Limit),
    ("market", OrdType::Market),
    ("stop", OrdType::Stop),
    ("stop_limit", OrdType::StopLimit),
    ("take_profit", OrdType::TakeProfit),
    ("take_profit_limit", OrdType::TakeProfitLimit),
    ("trailing_stop", OrdType::TrailingStop),
    ("pegged", OrdType::Pegged),
];
pub(super) const TIMES_IN_FORCE: Table<TimeInForce> = &[
    ("GTC", TimeInForce::Gtc),
    ("IOC", TimeInForce::Ioc),
    ("FOK", TimeInForce::Fok),
    ("GTD", TimeInForce::Gtd),
    ("GFA", TimeInForce::Gfa),
    ("GFN", TimeInForce::Gfn),
];
pub(super) const POST_ONLY: Table<PostOnly> = &[("reject", PostOnly::Reject), ("reprice", PostOnly::Reprice)];
pub(super) const SELF_TRADE: Table<SelfTradePrevention> = &[
    ("none", SelfTradePrevention::None),
    ("cancel_taker", SelfTradePrevention::CancelTaker),
    ("cancel_maker", SelfTradePrevention::CancelMaker),
    ("cancel_both", SelfTradePrevention::CancelBoth),
    ("decrement", SelfTradePrevention::Decrement),
];
pub(super) const TRIGGERS: Table<Trigger> =
    &[("last", Trigger::Last), ("mark", Trigger::Mark), ("index", Trigger::Index)];
pub(super) const PEGS: Table<PegTo> =
    &[("best", PegTo::Best), ("mid", PegTo::Mid), ("opposite", PegTo::Opposite), ("mark", PegTo::Mark)];
pub(super) const STATES: Table<TradingState> = &[
    ("opening_auction", TradingState::OpeningAuction),
    ("continuous", TradingState::Continuous),
    ("volatility_auction", TradingState::VolatilityAuction),
    ("closing_auction", TradingState::ClosingAuction),
    ("post_only", TradingState::PostOnly),
    ("cancel_only", TradingState::CancelOnly),
    ("halted", TradingState::Halted),
    ("closed", TradingState::Closed),
];
pub(super) const SCOPES: Table<KillScope> = &[
    ("venue", KillScope::All),
    ("account", KillScope::Account),
    ("symbol", KillScope::Instrument),
    ("strategy", KillScope::Strategy),
];
pub(super) const CONNECTIONS: Table<bool> = &[("lost", false), ("back", true)];
pub(super) const KINDS: Table<InstrumentKind> = &[
    ("spot", InstrumentKind::Spot),
    ("perpetual", InstrumentKind::Perpetual),
    ("future", InstrumentKind::Future),
    ("option", InstrumentKind::Option),
    ("binary", InstrumentKind::Binary),
    ("program", InstrumentKind::Program),
];
pub(super) const STYLES: Table<Style> =
    &[("linear", Style::Linear), ("inverse", Style::Inverse), ("quanto", Style::Quanto)];
pub(super) const PUT_OR_CALL: Table<PutOrCall> = &[("put", PutOrCall::Put), ("call", PutOrCall::Call)];
pub(super) const EXEC_TYPES: Table<ExecType> = &[
    ("new", ExecType::New),
    ("replaced", ExecType::Replaced),
    ("canceled", ExecType::Canceled),
    ("rejected", ExecType::Rejected),
    ("trade", ExecType::Trade),
    ("expired", ExecType::Expired),
    ("triggered", ExecType::Triggered),
    ("restated", ExecType::Restated),
    ("suspended", ExecType::Suspended),
];
pub(super) const ORD_STATUSES: Table<OrdStatus> = &[
    ("new", OrdStatus::New),
    ("partially_filled", OrdStatus::PartiallyFilled),
    ("filled", OrdStatus::Filled),
    ("canceled", OrdStatus::Canceled),
    ("rejected", OrdStatus::Rejected),
    ("expired", OrdStatus::Expired),
];
pub(super) const TRADE_KINDS: Table<TradeKind> = &[
    ("continuous", TradeKind::Continuous),
    ("auction", TradeKind::Auction),
    ("block", TradeKind::Block),
    ("liquidation", TradeKind::Liquidation),
    ("settlement", TradeKind::Settlement),
];

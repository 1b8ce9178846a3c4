//! The register of controls: what each is, where it lives, which reasons it gives, and which article it answers.
//!
//! Articles: RTS 6 is Commission Delegated Regulation (EU) 2017/589 (duties of firms that trade by algorithm), RTS 7
//! is (EU) 2017/584 (duties of trading venues), 15c3-5 is 17 CFR 240.15c3-5 (duties of brokers and dealers with market
//! access). They are put in our own words, and only those that software could answer are listed. The register says
//! what the code does; whether that suffices for a firm, its lawyers say.

use tiderace_types::Reason;

use super::limits::Limit;

/// A requirement of a regulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Article {
    /// Where it stands.
    pub key: &'static str,
    /// What it requires, in our own words.
    pub requires: &'static str,
    /// What of it no control answers; empty where nothing is known to be missing.
    pub missing: &'static str,
}

/// A control of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Stable row; the first are those of [`Limit`]. Never renumbered or reused.
    pub id: u8,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// The room and module that hold it.
    pub module: &'static str,
    /// The reasons that it gives.
    pub reasons: &'static [Reason],
    /// Keys of the articles that it answers, or helps to answer.
    pub answers: &'static [&'static str],
}

/// Every control, by id.
#[must_use]
pub const fn register() -> &'static [Control] {
    CONTROLS
}

/// Every requirement that is looked at, answered or not.
#[must_use]
pub const fn articles() -> &'static [Article] {
    ARTICLES
}

impl Article {
    /// The controls that answer it; none where nothing does.
    pub fn controls(&self) -> impl Iterator<Item = &'static Control> + use<> {
        let key = self.key;
        CONTROLS.iter().filter(move |control| control.answers.contains(&key))
    }
}

macro_rules! articles {
    ($($key:literal $requires:literal missing $missing:literal;)*) => {
        const ARTICLES: &[Article] = &[$(Article { key: $key, requires: $requires, missing: $missing },)*];
    };
}

articles! {
    "RTS 6 art. 12(1)" "In an emergency the firm can at once cancel any or all of its unexecuted orders, at any or all venues." missing "";
    "RTS 6 art. 12(2)" "The orders of one trader, trading desk or client can be told apart and canceled." missing "Traders and clients are accounts here; there is no desk.";
    "RTS 6 art. 12(3)" "The algorithm and the trader, desk or client behind each order are known." missing "";
    "RTS 6 art. 15(1)(a)" "Price collars block or cancel orders outside of set prices, by instrument, for each order and over a period." missing "";
    "RTS 6 art. 15(1)(b)" "No order of uncommonly large value enters." missing "";
    "RTS 6 art. 15(1)(c)" "No order of uncommonly large size enters." missing "";
    "RTS 6 art. 15(1)(d)" "The number of messages that enter, change or cancel orders is limited." missing "Cancels count and are not held back.";
    "RTS 6 art. 15(2)" "Every order sent counts in these limits at once." missing "";
    "RTS 6 art. 15(3)" "After a set number of repeated executions a strategy stops until a person re-enables it." missing "The desk does this (reason 2012), the venue does not.";
    "RTS 6 art. 15(4)" "Limits on market and credit risk follow from the firm's capital, clearing and strategy." missing "How high a limit must be is for the firm.";
    "RTS 6 art. 15(5)" "Orders are blocked where the trader may not trade the instrument, or where the firm's own risk limits would break." missing "No permission by instrument.";
    "RTS 6 art. 15(6)" "A blocked order may pass only for a while, in exceptional circumstances, once risk management checked and a named person allowed it." missing "";
    "RTS 7 art. 18(1)(a)" "Each member has a limit of orders per second." missing "";
    "RTS 7 art. 18(1)(b)" "There are mechanisms to manage volatility." missing "";
    "RTS 7 art. 18(1)(c)" "There are pre-trade controls." missing "";
    "RTS 7 art. 18(2)(a)" "The venue can ask members about their organisation and controls." missing "Not a matter of software.";
    "RTS 7 art. 18(2)(b)" "The venue can suspend a member's or trader's access, by itself or on request." missing "";
    "RTS 7 art. 18(2)(c)" "The venue can cancel a member's unexecuted orders: on its request when it cannot, when duplicated in error, after a suspension." missing "";
    "RTS 7 art. 18(2)(d)" "The venue can cancel or revoke transactions when its mechanisms or systems failed." missing "";
    "RTS 7 art. 18(2)(e)" "Orders are balanced among gateways where there is more than one." missing "One pipeline, one way in.";
    "RTS 7 art. 19(1)" "At all times in trading hours, mechanisms can halt or constrain trading automatically." missing "";
    "RTS 7 art. 19(2)" "These mechanisms are tested before use and regularly, have means and people, and are watched all the time." missing "Not a matter of one control; the tests of the repository are a part.";
    "RTS 7 art. 19(3)" "Their rules, parameters and changes, and each use of them, are recorded." missing "";
    "RTS 7 art. 19(4)" "There are procedures to override their parameters by hand where orderly trading needs it." missing "An operator can change the state; bands and breaker parameters are those of the genesis.";
    "RTS 7 art. 20(1)(a)" "Price collars block each order outside of set prices, by instrument." missing "Passive prices are left alone.";
    "RTS 7 art. 20(1)(b)" "No order of uncommonly large notional value enters, by instrument." missing "";
    "RTS 7 art. 20(1)(c)" "No order of uncommonly large size enters, by instrument." missing "";
    "RTS 7 art. 20(2)(a)" "A limit can be readjusted during the session, in all its phases." missing "Limits of accounts can; those of instruments are of the genesis.";
    "RTS 7 art. 20(2)(b)" "The limits are monitored with a delay of at most five seconds." missing "Checks are made before entry; nothing watches the watcher.";
    "RTS 7 art. 20(2)(c)" "An order is rejected once a limit is breached." missing "";
    "RTS 7 art. 20(2)(d)" "At a member's request orders above the limits can be authorised, for certain orders, for a while, in exceptional circumstances." missing "By account, not by order; not above an instrument's limits.";
    "RTS 7 art. 20(3)" "The venue may have post-trade controls, as its view of members' risk tells." missing "";
    "15c3-5 (c)(1)(i)" "No order enters that exceeds credit or capital thresholds set before, in aggregate, for each customer and for the broker or dealer." missing "No sum over accounts.";
    "15c3-5 (c)(1)(ii)" "No erroneous order enters: beyond price or size parameters, order by order or over a short time, or a duplicate." missing "The same id is refused; the same terms under another id are not (the desk refuses those, reason 2011).";
    "15c3-5 (c)(2)(i)" "No order enters before the regulatory requirements that must be met at entry are." missing "No rule of a regulator is checked at entry.";
    "15c3-5 (c)(2)(ii)" "No order enters for securities that the broker, dealer or customer may not trade." missing "No permission by instrument.";
    "15c3-5 (c)(2)(iii)" "Only persons and accounts that were authorised reach the trading system." missing "Accounts of the genesis alone; no authentication before the gateways exist.";
    "15c3-5 (c)(2)(iv)" "Surveillance gets execution reports at once after the trade." missing "There is no surveillance feed; every report is in the event stream.";
}

macro_rules! controls {
    ($($id:expr, $name:literal, $does:literal, $module:literal, [$($reason:ident),*], [$($answers:literal),*];)*) => {
        const CONTROLS: &[Control] = &[$(Control {
            id: $id, name: $name, does: $does, module: $module,
            reasons: &[$(Reason::$reason),*], answers: &[$($answers),*],
        },)*];
    };
}

controls! {
    Limit::MaxOrderQty.code(), "max_order_qty of an account", "Refuses larger orders and replaces.", "risk::venue::controls",
        [TooLarge], ["RTS 6 art. 15(1)(c)", "RTS 6 art. 15(2)", "15c3-5 (c)(1)(ii)"];
    Limit::MaxOrderValue.code(), "max_order_value of an account", "Refuses orders and replaces worth more.", "risk::venue::controls",
        [TooMuchValue], ["RTS 6 art. 15(1)(b)", "RTS 6 art. 15(2)", "15c3-5 (c)(1)(ii)"];
    Limit::PositionLimit.code(), "position_limit", "Refuses what could take a position beyond the limit, all working orders of the side filled.", "risk::venue::controls",
        [PositionLimit], ["RTS 6 art. 15(2)", "RTS 6 art. 15(4)", "RTS 6 art. 15(5)", "15c3-5 (c)(1)(i)"];
    Limit::MaxOpenOrders.code(), "max_open_orders", "Refuses new orders above a number of working ones.", "risk::venue::controls",
        [OpenOrdersLimit], ["RTS 6 art. 15(2)", "RTS 7 art. 18(1)(c)"];
    Limit::Throttle.code(), "throttle", "Holds back messages above a number in a sliding window; cancels count and pass.", "risk::venue::controls",
        [Throttled], ["RTS 6 art. 15(1)(d)", "RTS 6 art. 15(2)", "RTS 7 art. 18(1)(a)", "15c3-5 (c)(1)(ii)"];
    Limit::OrderToTrade.code(), "order_to_trade", "Refuses orders above a number for each trade in a sliding window.", "risk::venue::controls",
        [OrderToTrade], ["RTS 6 art. 15(1)(d)", "RTS 7 art. 20(3)"];
    20, "sizes of an instrument", "Refuses orders and replaces below min_order_qty, above max_order_qty or max_order_value, whoever sends.", "risk::venue::controls",
        [TooSmall, TooLarge, TooMuchValue], ["RTS 6 art. 15(1)(b)", "RTS 6 art. 15(1)(c)", "RTS 7 art. 18(1)(c)", "RTS 7 art. 20(1)(b)",
        "RTS 7 art. 20(1)(c)", "RTS 7 art. 20(2)(b)", "RTS 7 art. 20(2)(c)", "15c3-5 (c)(1)(ii)"];
    21, "price bands", "Refuses limits beyond a share of mark or last trade, and refuses or clamps market orders that would trade beyond.", "matching::market",
        [PriceBand], ["RTS 6 art. 15(1)(a)", "RTS 7 art. 18(1)(b)", "RTS 7 art. 18(1)(c)", "RTS 7 art. 20(1)(a)", "RTS 7 art. 20(2)(b)",
        "RTS 7 art. 20(2)(c)", "15c3-5 (c)(1)(ii)"];
    22, "circuit breaker", "Stops a trade that would move too far in a window, and opens a volatility auction.", "matching::market",
        [CircuitBreaker], ["RTS 6 art. 15(1)(a)", "RTS 7 art. 18(1)(b)", "RTS 7 art. 19(1)", "RTS 7 art. 19(3)"];
    23, "trading states", "Halts or constrains an instrument, by schedule, breaker or operator; each change is an event of the journal.", "matching::market",
        [Halted, Closed, PostOnlyState, CancelOnlyState, AuctionOnly, NotInAuction, Scheduled],
        ["RTS 7 art. 18(1)(b)", "RTS 7 art. 19(1)", "RTS 7 art. 19(3)", "RTS 7 art. 19(4)"];
    24, "kill switch", "Cancels the working orders of the venue, an account, an instrument or a strategy, and refuses new ones; in every state.", "risk::venue::kills",
        [Killed, CanceledByKill], ["RTS 6 art. 12(1)", "RTS 6 art. 12(2)", "RTS 6 art. 12(3)", "RTS 7 art. 18(2)(b)", "RTS 7 art. 18(2)(c)"];
    25, "cancel all", "Cancels an account's orders at its request, by instrument, side or kind; in every state.", "engine::venue",
        [], ["RTS 6 art. 12(1)", "RTS 7 art. 18(2)(c)"];
    26, "cancel on disconnect, dead-man timer", "Cancels an account's orders when its connection is lost, at once or after a time.", "risk::venue::controls",
        [ConnectionLost], ["RTS 6 art. 12(1)", "RTS 7 art. 18(2)(c)"];
    27, "market-maker protection", "Pulls a group's quotes once fills in an interval reach a limit of quantity, delta, vega or number, and freezes it.", "risk::venue::mmp",
        [MmpFrozen, MmpTriggered], ["RTS 6 art. 15(4)", "15c3-5 (c)(1)(i)"];
    28, "mass quotes", "Replaces a maker's whole ladder in one command, so that no old quote stays beside a new one.", "engine::venue",
        [QuoteReplaced], [];
    29, "self-trade prevention", "Keeps orders of one account or group from meeting, as the incoming order says.", "matching::market",
        [SelfTrade], [];
    30, "reduce-only", "Caps each fill of a reduce-only order by the position at that moment.", "matching::market",
        [NotReducing], ["RTS 6 art. 15(4)"];
    31, "balance", "Refuses what the account's cash does not cover.", "engine::venue",
        [InsufficientBalance], ["15c3-5 (c)(1)(i)"];
    32, "margin", "Refuses what the account's margin does not cover; an instrument without a margin model says yes.", "engine::venue",
        [InsufficientMargin], ["RTS 6 art. 15(4)", "15c3-5 (c)(1)(i)"];
    33, "ids once", "Refuses an id that the account ever had accepted, also after a restart.", "engine::venue",
        [DuplicateClOrdId], ["15c3-5 (c)(1)(ii)"];
    34, "known accounts and instruments", "Refuses accounts and instruments that the genesis does not have.", "engine::venue",
        [UnknownAccount, UnknownSymbol], ["15c3-5 (c)(2)(iii)"];
    35, "error-trade policy", "An operator busts a trade or moves its price, as a command of the journal.", "engine::venue",
        [UnknownTrade], ["RTS 7 art. 18(2)(d)"];
    36, "override of a limit", "Two persons give a limit of an account another value until a time; then it is as before.", "risk::venue::overrides",
        [SamePerson, UnknownOverride, TooManyOverrides, DuplicateOverride],
        ["RTS 6 art. 15(6)", "RTS 7 art. 20(2)(a)", "RTS 7 art. 20(2)(d)"];
    37, "bounds of conditions", "Verifies a condition's program before it stands, bounds how many stand and what each may spend, and stops one that traps.", "engine::venue::conditions",
        [BadCondition, ConditionLimit, ConditionStopped], ["RTS 7 art. 18(1)(c)"];
}

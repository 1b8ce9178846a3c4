//! Reason codes: why something was refused, skipped or ended. Append-only; never renumbered, renamed or reused.
//!
//! Ranges by stage: 1xxx oms, 2xxx risk, 3xxx route, 4xxx matching, 5xxx clear, 6xxx settle, 7xxx algo, 8xxx feed,
//! 9xxx gateway, 10xxx model. Each has the rule it stands for and what to do about it.

use serde::Serialize;

macro_rules! reasons {
    ($($code:literal $variant:ident $name:literal $rule:literal => $remedy:literal;)*) => {
        /// Why something was refused, skipped or ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u16)]
        pub enum Reason { $(#[doc = $rule] $variant = $code,)* }

        impl Reason {
            /// Every reason, by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The stable number.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }
            /// The reason of a number.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
            /// The stable name, as in reports and `--json`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
            /// The rule that it stands for.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)* }
            }
            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

reasons! {
    0 None "none" "No reason: nothing was refused." => "Nothing to do.";
    1001 DuplicateClOrdId "duplicate_cl_ord_id" "A ClOrdID is never used twice in the life of a journal." => "Give the order a new id.";
    1002 UnknownOrder "unknown_order" "The order must be known and working." => "Check the id; the order may have closed.";
    1003 OrderClosed "order_closed" "A closed order can be neither canceled nor replaced." => "Nothing to do: the order trades no more.";
    1004 PendingRequest "pending_request" "One cancel or replace of an order may be under way at a time." => "Wait for the venue's answer.";
    1005 BadQty "bad_qty" "An order's quantity is above zero, and above what is filled in a replace." => "Send a larger quantity.";
    1006 DuplicateExecution "duplicate_execution" "An execution is booked once; the same ExecID again changes nothing." => "Nothing to do.";
    1007 Overfill "overfill" "A venue's fills should not exceed the order; they are booked all the same." => "Reconcile with the venue, then clear the break.";
    1008 UnknownExecution "unknown_execution" "A correction names an execution that was booked." => "Reconcile with the venue, then clear the break.";
    1009 FillAfterClose "fill_after_close" "A closed order should not trade; the fill is booked all the same." => "Reconcile with the venue, then clear the break.";
    1010 UnknownOrderFill "unknown_order_fill" "A fill should name an order of ours; it is booked all the same." => "Reconcile with the venue, then clear the break.";
    1011 QtyMismatch "qty_mismatch" "The venue's CumQty should equal the sum of its executions." => "Ask the venue for the missing executions.";
    1012 TimedOut "timed_out" "The venue answers within the timeout." => "The order's state is asked for; do not resend it.";
    1013 BreakOpen "break_open" "No opening order while a break stands." => "Reconcile with the venue, then clear the break.";
    1014 UnknownParent "unknown_parent" "The parent order must be known and at work." => "Check the id; the parent may have closed.";
    1015 DuplicateParentId "duplicate_parent_id" "A parent's id is never used twice in the life of a journal." => "Give the parent a new id.";
    1016 VenueRejected "venue_rejected" "The venue refused the order." => "See the venue's text.";
    1017 CanceledByUser "canceled_by_user" "Canceled on request." => "Nothing to do.";
    1018 ImmediateRestCanceled "immediate_rest_canceled" "What an IOC order does not fill at once is canceled." => "Nothing to do.";
    1019 UnpricedExecution "unpriced_execution" "A fill's quantity and price make an exposure and a notional within bounds; it is booked at the bound." => "Reconcile with the venue, then clear the break.";
    1020 BadClOrdId "bad_cl_ord_id" "A client's ClOrdID is above zero and below 2^63; the rest are the desk's own." => "Give the order an id in that range.";
    1021 TooManyTimers "too_many_timers" "A client has a bounded number of timers waiting." => "Let timers fire before setting more.";
    1022 UnknownAccount "unknown_account" "The account stands in the genesis table." => "Check the name, or open the account.";
    1023 UnknownSymbol "unknown_symbol" "The symbol stands in the genesis table." => "Check the name, or list the instrument.";
    1024 BadLink "bad_link" "A link names an order of the same account that still works, and not the order itself." => "Send the linked order first, or drop the link.";
    1025 BadField "bad_field" "Every field of a command holds a value of its type." => "Correct the named field.";
    1026 UnknownTrade "unknown_trade" "A bust or an adjustment names a trade that was printed and not yet busted." => "Check the trade's id.";
    2001 UnknownInstrument "unknown_instrument" "The instrument stands in the genesis table." => "Check the name, or add the instrument.";
    2002 PriceCollar "price_collar" "A limit price stays within the collar around the mid." => "Move the price nearer, or widen the collar.";
    2003 NoReference "no_reference" "A price is checked against a live book." => "Wait until the book is live.";
    2004 MaxOrderQty "max_order_qty" "An order is no larger than max_order_qty." => "Split the order.";
    2005 MaxOrderValue "max_order_value" "An order is worth no more than max_order_value." => "Split the order.";
    2006 MaxPosition "max_position" "Position plus open orders stay within max_position." => "Reduce first, or raise the limit.";
    2007 MaxOpenOrders "max_open_orders" "No more than max_open_orders work at once." => "Cancel some orders.";
    2008 InsufficientBalance "insufficient_balance" "Spot orders are covered by the balance at their venue." => "Fund the venue, or send less.";
    2009 InsufficientMargin "insufficient_margin" "Derivative orders are covered by the margin at their venue." => "Fund the venue, or send less.";
    2010 MessageRate "message_rate" "No more than max_messages go out in a window." => "Slow down; cancels are never held back.";
    2011 DuplicateOrder "duplicate_order" "The same side, quantity and price is not sent twice within the window." => "Wait, or change the order.";
    2012 RepeatedExecution "repeated_execution" "A strategy that has filled max_executions times in the window stops until a person re-enables it." => "Check the strategy, then re-enable it by name.";
    2013 Killed "killed" "A kill switch that covers this order is on." => "Lift the kill switch.";
    2014 BadTick "bad_tick" "A price is a whole number of ticks." => "Round the price to the tick.";
    2015 BadLot "bad_lot" "A quantity is a whole number of lots." => "Round the quantity to the lot.";
    2016 TooSmall "too_small" "An order is at least the venue's minimum quantity and notional." => "Send a larger quantity.";
    2017 BadPrice "bad_price" "The price must be positive for this instrument." => "Correct the price.";
    2018 NotReducing "not_reducing" "A reduce-only order makes a position smaller, never turns it." => "Send it for less, or without reduce_only.";
    2019 TooLarge "too_large" "An order is no larger than the instrument's max_order_qty." => "Split the order.";
    2020 TooMuchValue "too_much_value" "An order is worth no more than the instrument's or the account's max_order_value." => "Split the order.";
    2021 PositionLimit "position_limit" "Position plus working orders stay within the account's position_limit." => "Reduce first, or have the limit raised.";
    2022 Throttled "throttled" "A session sends no more messages in a window than its throttle allows." => "Slow down; cancels are never held back.";
    2023 OrderToTrade "order_to_trade" "Orders sent for each trade stay below the account's order-to-trade limit." => "Send fewer orders for each trade.";
    2024 MmpFrozen "mmp_frozen" "After market-maker protection a group is frozen until its freeze has passed or it is reset." => "Reset the group, or wait.";
    2025 OpenOrdersLimit "open_orders_limit" "An account has no more working orders than its max_open_orders." => "Cancel some orders.";
    2026 SamePerson "same_person" "A limit is overridden by two different persons." => "Have someone else approve it.";
    2027 UnknownOverride "unknown_override" "An approval names an override that was proposed and still waits." => "Propose it first.";
    2028 TooManyOverrides "too_many_overrides" "No more than 256 overrides of limits are proposed or in force at a time." => "Wait until one ends.";
    2029 DuplicateOverride "duplicate_override" "An override has a key that no override proposed or in force has." => "Give it a new key.";
    3001 BookStale "book_stale" "A stale book is never routed to." => "Wait for the next snapshot.";
    3002 BookNotLive "book_not_live" "A book without a snapshot is never routed to." => "Wait for the first snapshot.";
    3003 BeyondLimit "beyond_limit" "No price beyond the parent's limit." => "Wait, or move the limit.";
    3004 KnownEdge "known_edge" "Depth beyond the snapshot's reach is unknown; a sweep stops there." => "Wait for a deeper snapshot.";
    3005 BelowMinimum "below_minimum" "A child is at least one lot and the venue's minimum notional." => "Nothing to do: the rest joins the next slice.";
    3006 Dearer "dearer" "The other venues' levels cost less, fees and funding in." => "Nothing to do.";
    3007 NotSelected "not_selected" "The parent's venue list leaves it out." => "Add the instrument to the parent's venues.";
    3008 NoDepth "no_depth" "The side displays nothing." => "Wait for liquidity.";
    3009 Unpriced "unpriced" "A level's cost is declared and fits its integer." => "Check the arrival mid and the declared costs.";
    4001 WouldCross "would_cross" "A post-only order that would take is refused." => "Move the price, or send it without post_only.";
    4002 FokUnfilled "fok_unfilled" "A fill-or-kill order fills whole at once or not at all." => "Send less, or as IOC.";
    4003 NoLiquidity "no_liquidity" "What a market order finds no displayed quantity for is canceled." => "Wait for liquidity.";
    4004 DuplicateOrderId "duplicate_order_id" "An order's number in a book is one that no order in it has." => "Use another number, or wait until the order is gone.";
    4005 SideFull "side_full" "All quantities of one side of a book together stay below 2^63 lots." => "Send less.";
    4006 MinQtyUnfilled "min_qty_unfilled" "An order with a minimum fills that at once or nothing." => "Lower the minimum, or wait for liquidity.";
    4007 SelfTrade "self_trade" "An order meets no order of its owner against its self-trade prevention." => "Nothing to do: another order of yours stood in its way.";
    4008 PriceBand "price_band" "A buy limit stays at or below, a sell limit at or above, the instrument's price band, and a market order trades within it." => "Move the price nearer to the reference.";
    4009 Halted "halted" "A halted instrument takes no new orders and no replaces." => "Wait until trading resumes; cancels work.";
    4010 Closed "closed" "A closed instrument takes no new orders and no replaces." => "Wait for the next session; cancels work.";
    4011 PostOnlyState "post_only_state" "In this state an order must not cross." => "Move the price, or wait for continuous trading.";
    4012 CancelOnlyState "cancel_only_state" "In this state only cancels are taken." => "Wait until trading resumes.";
    4013 AuctionOnly "auction_only" "A good-for-auction order enters during an auction." => "Wait for an auction, or use another time in force.";
    4014 NotInAuction "not_in_auction" "An auction takes no market, IOC, FOK, GFN or post-only order." => "Wait for continuous trading, or send a plain limit.";
    4015 ExpiredOnEntry "expired_on_entry" "A good-till-date order's expire_time lies ahead." => "Give a later expire_time.";
    4016 BadTrigger "bad_trigger" "A stop has a stop_px (a trailing one an offset above zero), other orders have none." => "Correct stop_px or trailing_offset.";
    4017 AuctionEnded "auction_ended" "A good-for-auction order leaves after the uncross." => "Nothing to do.";
    4018 AuctionBegan "auction_began" "A good-for-normal order leaves when an auction begins." => "Enter it again in continuous trading.";
    4019 TimeReached "time_reached" "A good-till-date order ends at its expire_time." => "Nothing to do.";
    4020 LinkedOrder "linked_order" "The partner in an OCO filled or triggered, or the parent of an OTO ended unfilled." => "Nothing to do.";
    4021 MmpTriggered "mmp_triggered" "A group's fills in the interval reached a limit of its market-maker protection." => "Check the quotes, then reset the group.";
    4022 CircuitBreaker "circuit_breaker" "A move beyond the circuit breaker ends what may not join its auction." => "Wait for continuous trading.";
    4023 NoReferencePrice "no_reference_price" "A peg needs its reference price and continuous trading." => "Nothing to do: it comes back with its reference.";
    4024 QuoteReplaced "quote_replaced" "A mass quote replaces all quotes of its account and group." => "Nothing to do.";
    4025 ConnectionLost "connection_lost" "Orders of a lost connection are canceled." => "Reconnect, then send them again.";
    4026 CanceledByKill "canceled_by_kill" "A kill switch cancels the working orders of its scope." => "Lift the kill switch, then send them again.";
    4027 ReferenceMoved "reference_moved" "A peg follows its reference price." => "Nothing to do.";
    4028 Scheduled "scheduled" "The schedule of the instrument changes its state." => "Nothing to do.";
    4029 BadCondition "bad_condition" "A condition's form passes verification, declares kind = \"condition\", has the one entry is_due() -> bool, and reads what its host shows." => "Correct the program (docs/CONDITION.md).";
    4030 BadConditionParams "bad_condition_params" "The parameters of a condition are of the declared types and within their ranges." => "Correct the parameters.";
    4031 ConditionLimit "condition_limit" "An account has at most 16 conditions that stand, the venue 512." => "Cancel one that stands.";
    4032 ConditionStopped "condition_stopped" "A condition whose program traps is stopped, and its order is not sent." => "Correct the program, then submit it under a new ClOrdID.";
    5001 UnknownAsset "unknown_asset" "The asset stands in the genesis table." => "Check the name, or list the asset.";
    5002 NotCollateral "not_collateral" "Only assets with a haircut of the genesis table are taken as collateral." => "Deposit an accepted asset.";
    5003 BadAmount "bad_amount" "An amount is above zero and below 2^100 base units." => "Correct the amount.";
    5004 NoSettlementPrice "no_settlement_price" "An expiry needs a settlement price or an index within its window." => "Give the settlement price.";
    5005 InstrumentExpired "instrument_expired" "An instrument trades until it is settled." => "Trade a later maturity.";
    5006 StaleIndex "stale_index" "An index is the median of enough fresh sources that agree." => "Wait for its sources.";
    5007 InDefault "in_default" "An account in default neither trades nor withdraws." => "Wait for its auction to end.";
    5008 Liquidation "liquidation" "An account below its maintenance margin loses the orders that add risk." => "Add funds, or reduce.";
    5009 UnknownAuction "unknown_auction" "A bid names an auction that is open, and not the defaulter's own." => "Check the auction's account.";
    5010 BidTooLow "bid_too_low" "A bid is no lower than the auction's floor." => "Bid more.";
    5011 NoRiskArray "no_risk_array" "A portfolio account trades instruments that have a risk array." => "Publish the surface first.";
    5013 OverLimit "over_limit" "Sums of an account stay below 2^100 base units." => "Send less.";
    5014 UnknownMember "unknown_member" "The clearing member stands in the genesis table." => "Check the label.";
    5015 Affirmation "affirmation" "A bilateral trade is affirmed by its two sides, each once, in the same terms." => "Book it again in agreed terms.";
    5016 OldSurface "old_surface" "A published surface is newer than the last one of its underlying." => "Publish a higher version.";
    5017 IncompleteSurface "incomplete_surface" "A published surface has the forward of every maturity and the vol of every option that still trades." => "Add what is missing, and publish all again.";
    5018 UnknownMaturity "unknown_maturity" "A published surface names maturities that the venue lists." => "Leave the maturity out, or list it.";
    5019 BadProgram "bad_program" "A payoff's form decodes and passes verification, and asks its host for nothing." => "Compile it again; leave out capabilities and host functions.";
    5020 NotAPayoff "not_a_payoff" "A payoff has the entries, arguments and results of its contract." => "Correct the entry, or declare kind = \"payoff\".";
    5021 NoValuation "no_valuation" "A payoff declares how margin values it: closed_form, paths or worst_loss, and can be valued so." => "Declare a valuation that fits.";
    5022 UnboundedPayoff "unbounded_payoff" "A payoff declares its bounds, keeps within them, and its fallback lies between them." => "Declare payout_min, payout_max, fallback, flow_min and flow_max, and clamp to them.";
    5023 BadPayoffParams "bad_payoff_params" "The parameters of a payoff are of the declared types and within their ranges." => "Correct the parameters.";
    5024 BadObservations "bad_observations" "Observations rise from now to the maturity, a minute apart, as many as the program declares." => "Correct the times.";
    5025 BadPayoffTerms "bad_payoff_terms" "A payoff is listed for a linear instrument of the kind program whose tick and lot make whole base units, with terms in their ranges." => "Correct the terms, or the instrument.";
    5026 AlreadyListed "already_listed" "An instrument keeps the payoff that it was listed with; only its margin terms move." => "List another instrument.";
    5027 PayoffNotListed "payoff_not_listed" "An instrument of the kind program trades once its payoff is listed." => "Wait until it is listed.";
    7001 BadParameter "bad_parameter" "The algorithm's parameters are within their ranges." => "Correct the named parameter.";
    7002 BadTimes "bad_times" "A parent ends after it starts." => "Correct the times.";
    7003 EndReached "end_reached" "The parent's time ran out with quantity left." => "Submit a new parent for the rest.";
    7004 CatchUpCap "catch_up_cap" "A slice is no larger than catch_up_cap times the even slice." => "Nothing to do: the rest joins later slices.";
    7005 Dust "dust" "What is left is below what any venue accepts." => "Nothing to do.";
    7006 ProgramTrapped "program_trapped" "A program that traps is stopped." => "Correct the statement that the event names.";
    7007 ProgramBudget "program_budget" "A program asks for no more actions and children than its budget." => "Ask for less, or state more children in the program's meta.";
    7008 UnknownAlgo "unknown_algo" "A parent names a loaded algorithm, and the next one loaded has the next number." => "Load it first, under the next number.";
    7009 BadForm "bad_form" "An algorithm is a valid form whose meta and entries are those of an algorithm." => "Compile it again with the front end of this build.";
    7010 BadSide "bad_side" "A parent of one side has no children on the other." => "Ask for the parent's side, or make the program two-sided.";
    7011 ParticipationCap "participation_cap" "A parent is no larger part of what traded than its max_participation." => "Wait for others to trade.";
    7012 GateClosed "gate_closed" "No child while the spread or the range of the last minute is above its gate." => "Nothing to do: wait.";
    7013 ControlRefused "control_refused" "A control that has no meaning for an algorithm is not given." => "Leave the control out.";
    7014 NothingLeft "nothing_left" "No child beyond what is neither filled nor working." => "Nothing to do.";
    7015 ProgramFinished "program_finished" "A program that is done closes its parent." => "Submit a new parent for the rest.";
    8001 SequenceGap "sequence_gap" "Updates follow each other without a gap." => "Wait for the next snapshot.";
    8002 CrossedBook "crossed_book" "The best bid is below the best ask." => "Wait for the next snapshot.";
    8003 Decode "decode" "A message is of the venue's documented form." => "Check the recording, or the codec's version.";
    9001 Disconnected "disconnected" "The venue's session is up." => "Wait for the session.";
    9002 RunEnded "run_ended" "No new order after the run's end." => "Nothing to do.";
    10001 NotANumber "not_a_number" "Every number in and out of a model is finite." => "Correct the input that is NaN or infinite.";
    10002 BadForward "bad_forward" "A forward or spot price is above zero (plus its displacement)." => "Correct the forward.";
    10003 BadStrike "bad_strike" "A strike is above zero (plus its displacement)." => "Correct the strike.";
    10004 BadTime "bad_time" "Time to expiry is above zero where a greek or a vol is asked for, and never below zero." => "Correct the time; at expiry use the settlement value.";
    10005 BadVol "bad_vol" "A volatility is above zero where a greek is asked for, and never below zero." => "Correct the volatility.";
    10006 BadDiscount "bad_discount" "A discount factor is above zero." => "Correct the discount factor.";
    10007 BelowIntrinsic "below_intrinsic" "An option is worth more than its discounted intrinsic value." => "Check the quote: no volatility prices it.";
    10008 AboveBound "above_bound" "A call is worth less than the discounted forward, a put less than the discounted strike." => "Check the quote: no volatility prices it.";
    10101 MissingQuote "missing_quote" "A quote has a bid and an ask above zero; where a side is missing it bounds nothing." => "Nothing to do: the other quotes of the expiry are used.";
    10102 CrossedQuote "crossed_quote" "A quote's bid is not above its ask." => "Drop the quote, or ask for it again.";
    10103 StaleQuote "stale_quote" "A quote is no older than the age that the fit allows." => "Ask for it again, or allow an older one.";
    10104 ExpiredQuote "expired_quote" "An option that is priced has time left." => "Drop the expiry.";
    10105 VolUnit "vol_unit" "A vol given beside a price is a decimal: 0.5 is 50 %." => "Divide the file's vols by 100.";
    10106 TooFewQuotes "too_few_quotes" "A slice is fitted to five usable quotes at least." => "Add quotes, or leave the expiry out.";
    10107 BadSurface "bad_surface" "A slice and a surface have no negative variance, no butterfly and no calendar arbitrage." => "Correct the parameters, or fit again.";
    10108 OutsideSurface "outside_surface" "A surface speaks of times above zero and not past its last expiry." => "Fit with a later expiry.";
    10109 StaleSurface "stale_surface" "A surface is used no longer than its age allows." => "Publish a new version.";
    10110 NoForward "no_forward" "An expiry has a forward: from its future, from put-call parity, or beside its quotes." => "Add the future, or a strike with both a put and a call.";
    10111 BadQuantity "bad_quantity" "Sizes, volumes and depths of a model are above zero." => "Correct the quantity.";
    10112 TooFewObservations "too_few_observations" "An estimate needs enough observations that differ." => "Give more data.";
    10113 BadSlice "bad_slice" "A slice has b >= 0, abs(rho) < 1, sigma > 0, and a variance that is nowhere below zero." => "Correct the parameters.";
    10114 BadWings "bad_wings" "Jump wings have v, p and c above zero, psi between -p/2 and c/2 but not zero, and v_min from zero to below v." => "Correct the wings.";
    10115 TooFewStrikes "too_few_strikes" "A slice has five parameters: points at fewer than five strikes do not determine it." => "Add points at other strikes.";
}

/// A rule said no: why, the value it looked at, and its bound, both in the unit of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub reason: Reason,
    /// The value that was refused.
    pub value: crate::Amount,
    /// The bound that it broke.
    pub limit: crate::Amount,
}

impl Refusal {
    /// A refusal with its value and bound.
    #[must_use]
    pub fn new(reason: Reason, value: impl Into<i128>, limit: impl Into<i128>) -> Self {
        Self { reason, value: crate::Amount::new(value.into()), limit: crate::Amount::new(limit.into()) }
    }
    /// A refusal for which no number says more than the reason.
    #[must_use]
    pub const fn plain(reason: Reason) -> Self {
        Self { reason, value: crate::Amount::ZERO, limit: crate::Amount::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_names_unique() {
        assert!(Reason::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(Reason::ALL.iter().all(|r| Reason::from_code(r.code()) == Some(*r)));
    }
}

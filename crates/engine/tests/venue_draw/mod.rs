//! Any command at all, by a seed.

use tiderace_types::venue::{
    AdjustTrade, BustTrade, Cancel, CancelAll, Command, ConnectionSet, KillSet, MarkSet, MassQuote, MmpReset, NewOrder,
    QuoteEntry, Replace, StateSet,
};
use tiderace_types::{
    AccountId, ClOrdId, ExecId, InstrumentId, KillScope, OrdType, PegTo, PostOnly, Price, SelfTradePrevention, Side,
    TimeInForce, TradingState, Trigger, Ts,
};

use crate::venue_world::{order, qty};

/// Drawn from a seed, which is not zero.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
    pub(crate) fn small(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(u64::try_from(all.len()).unwrap())).unwrap()]
    }
    fn account(&mut self) -> AccountId {
        AccountId(u32::try_from(self.below(3)).unwrap())
    }
    pub(crate) fn instrument(&mut self) -> InstrumentId {
        InstrumentId(u16::try_from(self.below(4)).unwrap())
    }
    fn old(&mut self, id: u64) -> ClOrdId {
        ClOrdId(id.saturating_sub(self.below(60)))
    }

    fn new_order(&mut self, id: u64, now: Ts) -> NewOrder {
        let side = self.of(Side::ALL);
        let plain = order(self.account(), id, side, 95 + self.small(11), 1 + self.small(9));
        let mut order = NewOrder { instrument: self.instrument(), ..plain };
        if self.one_in(3) {
            order.ord_type = self.of(OrdType::ALL);
            match order.ord_type {
                OrdType::TrailingStop => order.trailing_offset = Price::new(1 + self.small(4)),
                OrdType::Market | OrdType::Limit | OrdType::Pegged => {}
                OrdType::Stop | OrdType::StopLimit | OrdType::TakeProfit | OrdType::TakeProfitLimit => {
                    order.stop_px = Price::new(95 + self.small(11));
                }
            }
            order.trigger = self.of(Trigger::ALL);
            order.peg_to = self.of(PegTo::ALL);
            order.peg_offset = Price::new(self.small(5) - 2);
        }
        if self.one_in(3) {
            order.time_in_force = self.of(TimeInForce::ALL);
            order.expire_time = now.plus_ns(self.small(500));
        }
        if self.one_in(4) {
            order.self_trade_prevention = self.of(SelfTradePrevention::ALL);
        }
        if self.one_in(6) {
            order.display_qty = qty(1 + self.small(3));
        }
        if self.one_in(8) {
            order.post_only = self.of(PostOnly::ALL);
        }
        if self.one_in(8) {
            order.min_qty = qty(self.small(4));
        }
        order.reduce_only = self.one_in(6);
        if self.one_in(6) {
            order.oco = self.old(id);
        }
        if self.one_in(6) {
            order.oto = self.old(id);
        }
        if self.one_in(5) {
            order.mmp_group = 0;
        }
        order
    }

    fn replace(&mut self, id: u64, now: Ts) -> Replace {
        Replace {
            account: self.account(),
            orig_cl_ord_id: self.old(id),
            cl_ord_id: ClOrdId(id),
            fields: u8::try_from(self.below(64)).unwrap(),
            price: Price::new(95 + self.small(11)),
            order_qty: qty(self.small(9)),
            stop_px: Price::new(95 + self.small(11)),
            display_qty: qty(self.small(4)),
            time_in_force: self.of(TimeInForce::ALL),
            expire_time: now.plus_ns(self.small(500)),
        }
    }

    pub(crate) fn command(&mut self, id: u64, now: Ts) -> Command {
        let account = self.account();
        match self.below(100) {
            0..60 => self.new_order(id, now).into(),
            60..72 => self.replace(id, now).into(),
            72..82 => Cancel { account, orig_cl_ord_id: self.old(id) }.into(),
            82..86 => {
                let mut entry = || QuoteEntry {
                    instrument: self.instrument(),
                    bid_px: Price::new(95 + self.small(6)),
                    bid_qty: qty(self.small(5)),
                    ask_px: Price::new(100 + self.small(6)),
                    ask_qty: qty(self.small(5)),
                };
                let entries = vec![entry(), entry()];
                MassQuote { account, quote_id: ClOrdId(id), mmp_group: 0, entries }.into()
            }
            86..90 => StateSet { instrument: self.instrument(), state: self.of(TradingState::ALL) }.into(),
            90..93 => StateSet { instrument: self.instrument(), state: TradingState::Continuous }.into(),
            93 => MarkSet { instrument: self.instrument(), price: Price::new(95 + self.small(11)) }.into(),
            94 => MmpReset { account, mmp_group: 0 }.into(),
            95 => CancelAll { account, instrument: self.instrument(), side: 0, kind: 0 }.into(),
            96 => {
                let (is_on, reduce_only) = (self.one_in(3), self.one_in(2));
                KillSet { scope: KillScope::Account, id: account.0, is_on, reduce_only }.into()
            }
            97 => ConnectionSet { account, is_up: false }.into(),
            98 => BustTrade { trade_id: ExecId(self.below(id)), operator: 1 }.into(),
            _ => {
                let price = Price::new(95 + self.small(11));
                AdjustTrade { trade_id: ExecId(self.below(id)), price, operator: 1 }.into()
            }
        }
    }
}

//! A machine for tests: it accepts each id of an account once, refuses it ever after, and cancels what it accepted.

use std::collections::BTreeMap;

use tiderace_node::Machine;
use tiderace_types::venue::{Cancel, Command, Event, KillSet, NO_ENTRY, NewOrder, Report, Single};
use tiderace_types::{
    AccountId, Amount, ClOrdId, ExecId, ExecType, InstrumentId, KillScope, OrdStatus, OrdType, PegTo, PostOnly, Price,
    Qty, Reason, SelfTradePrevention, Side, TimeInForce, Trigger, Ts,
};

#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Every id ever accepted, and whether it works.
    pub(crate) orders: BTreeMap<u64, bool>,
    pub(crate) is_killed: bool,
    /// Events that each accepted order gives.
    pub(crate) echoes: usize,
}

impl Tally {
    fn cancel_all(&mut self, events: &mut Vec<Event>) {
        for (id, works) in self.orders.iter_mut().filter(|(_, works)| **works) {
            *works = false;
            events.push(report(*id, ExecType::Canceled, OrdStatus::Canceled));
        }
    }
}

impl Machine for Tally {
    fn apply(&mut self, _: Ts, command: &Command, events: &mut Vec<Event>) {
        match command {
            Command::Single(Single::NewOrder(order)) => {
                let id = order.cl_ord_id.0;
                let taken = !self.is_killed && !self.orders.contains_key(&id);
                if taken {
                    self.orders.insert(id, true);
                }
                let (exec_type, ord_status) = match taken {
                    true => (ExecType::New, OrdStatus::New),
                    false => (ExecType::Rejected, OrdStatus::Rejected),
                };
                let Event::Report(said) = report(id, exec_type, ord_status) else { return };
                // As a venue does: a client that lost its connection knows by it that an order is there.
                let reason = match self.orders.contains_key(&id) {
                    true if !taken => Reason::DuplicateClOrdId,
                    true => Reason::None,
                    false => Reason::Killed,
                };
                for _ in 0..self.echoes.max(1) {
                    events.push(Report { reason, ..said }.into());
                }
            }
            Command::Single(Single::Cancel(cancel)) => {
                if let Some(works) = self.orders.get_mut(&cancel.orig_cl_ord_id.0).filter(|works| **works) {
                    *works = false;
                    events.push(report(cancel.orig_cl_ord_id.0, ExecType::Canceled, OrdStatus::Canceled));
                }
            }
            Command::Single(Single::KillSet(kill)) => {
                self.is_killed = kill.is_on;
                self.cancel_all(events);
            }
            _ => {}
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![u8::from(self.is_killed)];
        for (id, works) in &self.orders {
            bytes.extend_from_slice(&(id << 1 | u64::from(*works)).to_le_bytes());
        }
        Some(bytes)
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        self.is_killed = state[0] == 1;
        let words = state[1..].chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        self.orders = words.map(|word| (word >> 1, word & 1 == 1)).collect();
        true
    }
}

pub(crate) fn report(id: u64, exec_type: ExecType, ord_status: OrdStatus) -> Event {
    Report {
        account: AccountId(1),
        instrument: InstrumentId(0),
        cl_ord_id: ClOrdId(id),
        quote_entry: NO_ENTRY,
        order_id: id,
        trade_id: ExecId(0),
        exec_type,
        ord_status,
        side: Side::Buy,
        is_maker: false,
        price: Price::new(100),
        order_qty: Qty::new(1).unwrap(),
        last_qty: Qty::ZERO,
        last_px: Price::ZERO,
        cum_qty: Qty::ZERO,
        leaves_qty: Qty::ZERO,
        cum_value: Amount::ZERO,
        fee: Amount::ZERO,
        reason: Reason::None,
        value: Amount::ZERO,
        limit: Amount::ZERO,
    }
    .into()
}

pub(crate) fn new_order(id: u64) -> Command {
    NewOrder {
        account: AccountId(1),
        instrument: InstrumentId(0),
        cl_ord_id: ClOrdId(id),
        strategy: 0,
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: PostOnly::Off,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::None,
        trigger: Trigger::Last,
        peg_to: PegTo::Best,
        order_qty: Qty::new(1).unwrap(),
        price: Price::new(100),
        stop_px: Price::ZERO,
        trailing_offset: Price::ZERO,
        peg_offset: Price::ZERO,
        expire_time: Ts::ZERO,
        display_qty: Qty::ZERO,
        min_qty: Qty::ZERO,
        mmp_group: tiderace_types::venue::NO_GROUP,
        oco: ClOrdId(0),
        oto: ClOrdId(0),
    }
    .into()
}

pub(crate) fn cancel(id: u64) -> Command {
    Cancel { account: AccountId(1), orig_cl_ord_id: ClOrdId(id) }.into()
}

pub(crate) fn kill(is_on: bool) -> Command {
    KillSet { scope: KillScope::All, id: 0, is_on, reduce_only: false }.into()
}

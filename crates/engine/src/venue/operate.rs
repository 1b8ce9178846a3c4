//! What is about no order: prices, states, cash, kill switches, connections, corrections, overrides, and what no layout
//! holds. A refusal is a [`CommandRefused`] and changes nothing.

use tiderace_risk::venue::Due;
use tiderace_types::venue::{
    ANY_INSTRUMENT, AdjustTrade, BalanceChanged, BustTrade, Cancel, CommandRefused, ConnectionSet, Deposit, Event,
    IndexSet, KillSet, ListPayoff, Malformed, MarkSet, MassQuote, MmpChanged, MmpReset, NewOrder, PayoffListed,
    Replace, Single, SubmitConditional, SurfacePublished, TradeCorrected, Transfer, VenueKillChanged, Withdraw,
};
use tiderace_types::{AccountId, ExecId, InstrumentId, KillScope, Layout, Price, Reason, Refusal, Ts};

use super::Venue;
use super::core::{Asked, Core, refused};
use super::orders::Row;
use super::tariffs::Counted;

/// No account, where a refusal is about none.
const NO_ACCOUNT: AccountId = AccountId(u32::MAX);

impl Venue {
    /// Does a command that is about no order.
    pub(super) fn operate(&mut self, command: &Single, out: &mut Vec<Event>) {
        let none = (NO_ACCOUNT, ANY_INSTRUMENT);
        let ((account, instrument), result) = match command {
            Single::NewOrder(_) | Single::Replace(_) | Single::Cancel(_) => return,
            Single::Clock(clock) => {
                self.advance(clock.ts_now, out);
                return;
            }
            Single::Malformed(malformed) => {
                refuse_malformed(malformed, out);
                return;
            }
            Single::CancelAll(of) => ((of.account, of.instrument), self.cancel_all(of, out)),
            Single::MmpReset(of) => ((of.account, ANY_INSTRUMENT), self.mmp_reset(of, out)),
            Single::IndexSet(of) => (none, self.set_index(of)),
            Single::MarkSet(of) => ((NO_ACCOUNT, of.instrument), self.set_mark(of)),
            Single::SettlementSet(of) => {
                ((NO_ACCOUNT, of.instrument), self.core.clearing.set_settlement(of.instrument, of.price))
            }
            Single::GreeksSet(of) => {
                let known = self.check_instrument(of.instrument);
                if known.is_ok() {
                    self.core.controls.set_greeks(of.instrument, of.delta, of.vega);
                    self.conditions.stir(of.instrument);
                }
                ((NO_ACCOUNT, of.instrument), known)
            }
            Single::StateSet(of) => {
                let known = self.check_instrument(of.instrument).and_then(|()| self.check_trades(of.instrument));
                if known.is_ok() {
                    self.core.asked = Asked::Nothing;
                    self.with_market(of.instrument, out, |market, desk, now, events| {
                        market.set_state(now, of.state, Reason::None, desk, events);
                    });
                }
                ((NO_ACCOUNT, of.instrument), known)
            }
            Single::Deposit(of) => ((of.account, ANY_INSTRUMENT), self.deposit(of, out)),
            Single::Withdraw(of) => ((of.account, ANY_INSTRUMENT), self.withdraw(of, out)),
            Single::KillSet(of) => (none, self.kill(of, out)),
            Single::ConnectionSet(of) => ((of.account, ANY_INSTRUMENT), self.connection(of, out)),
            Single::BustTrade(of) => (none, self.bust(of, out)),
            Single::AdjustTrade(of) => (none, self.adjust(of, out)),
            Single::ProposeOverride(of) => ((of.account, ANY_INSTRUMENT), self.core.controls.propose(self.now, of)),
            Single::ApproveOverride(of) => {
                (none, self.core.controls.approve(of).map(|changed| out.push(changed.into())))
            }
            Single::AuctionBid(of) => ((of.account, ANY_INSTRUMENT), self.bid(of, out)),
            Single::Transfer(of) => ((of.account, ANY_INSTRUMENT), self.transfer(of, out)),
            Single::PortCustomers(of) => (none, self.core.clearing.port(of.member, of.receiver).map(|_| ())),
            Single::FundContribution(of) => {
                (none, self.core.clearing.contribute_mutual(of.member, of.asset, of.amount))
            }
        };
        if let Err(refusal) = result {
            out.push(refused_command(command.kind(), account, instrument, refusal).into());
        }
    }

    /// Takes a published surface.
    pub(super) fn surface(&mut self, surface: &SurfacePublished, out: &mut Vec<Event>) {
        let published = self.publish(surface);
        if published.is_ok() {
            surface.vols.iter().for_each(|vol| self.conditions.stir(vol.instrument));
        }
        if let Err(refusal) = published {
            out.push(refused_command(SurfacePublished::KIND, NO_ACCOUNT, ANY_INSTRUMENT, refusal).into());
        }
    }

    /// Lists a payoff.
    pub(super) fn list_payoff(&mut self, payoff: &ListPayoff, out: &mut Vec<Event>) {
        let instrument = payoff.terms.instrument;
        match self.core.clearing.list_payoff(payoff) {
            Ok(program) => {
                let (low, high) = program.split_at(program.len() / 2);
                let word = |bytes: &[u8]| bytes.try_into().map_or(0, i128::from_le_bytes);
                let (program_low, program_high) = (word(low), word(high));
                out.push(PayoffListed { instrument, program_low, program_high }.into());
            }
            Err(refusal) => out.push(refused_command(ListPayoff::KIND, NO_ACCOUNT, instrument, refusal).into()),
        }
    }

    fn check_instrument(&self, instrument: InstrumentId) -> Result<(), Refusal> {
        if instrument.index() < self.markets.len() {
            return Ok(());
        }
        Err(Refusal::new(Reason::UnknownSymbol, instrument.0, 0))
    }

    /// What is settled stays closed.
    fn check_trades(&self, instrument: InstrumentId) -> Result<(), Refusal> {
        if self.core.clearing.is_settled(instrument) {
            return Err(Refusal::new(Reason::InstrumentExpired, instrument.0, 0));
        }
        Ok(())
    }

    fn check_account(&self, account: AccountId) -> Result<(), Refusal> {
        if self.core.knows(account) { Ok(()) } else { Err(Refusal::new(Reason::UnknownAccount, account.0, 0)) }
    }

    fn set_mark(&mut self, of: &MarkSet) -> Result<(), Refusal> {
        self.core.clearing.set_mark(of.instrument, of.price)?;
        if let Some(market) = self.markets.get_mut(of.instrument.index()) {
            market.set_mark(self.now, of.price);
        }
        self.touch(of.instrument);
        Ok(())
    }

    /// Sets the index of every instrument on a base asset, rounded down to its tick.
    fn set_index(&mut self, of: &IndexSet) -> Result<(), Refusal> {
        let on_base = |listing: &super::Listing| listing.instrument.base == of.base;
        let ticks = |listing: &super::Listing| {
            let ticks = of.price.get().checked_div(listing.instrument.tick_size.into());
            ticks.and_then(|ticks| i64::try_from(ticks).ok()).map(Price::new)
        };
        let listings = &self.config.instruments;
        if listings.iter().any(|listing| on_base(listing) && ticks(listing).is_none()) {
            return Err(Refusal::new(Reason::BadPrice, of.price.get(), i64::MAX));
        }
        self.core.clearing.set_index(of.base, of.price)?;
        let mut touched = Vec::new();
        for (listing, market) in listings.iter().zip(&mut self.markets).filter(|(listing, _)| on_base(listing)) {
            if let Some(price) = ticks(listing) {
                market.set_index(self.now, price);
                touched.push(listing.instrument.id);
            }
        }
        for at in touched {
            self.touch(at);
        }
        Ok(())
    }

    fn deposit(&mut self, of: &Deposit, out: &mut Vec<Event>) -> Result<(), Refusal> {
        let total = self.core.clearing.deposit(of.account, of.asset, of.amount)?;
        out.push(BalanceChanged { account: of.account, asset: of.asset, total }.into());
        Ok(())
    }

    fn withdraw(&mut self, of: &Withdraw, out: &mut Vec<Event>) -> Result<(), Refusal> {
        let total = self.core.clearing.withdraw(of.account, of.asset, of.amount)?;
        out.push(BalanceChanged { account: of.account, asset: of.asset, total }.into());
        Ok(())
    }

    fn transfer(&mut self, of: &Transfer, out: &mut Vec<Event>) -> Result<(), Refusal> {
        self.core.clearing.transfer(of.account, of.receiver, of.asset, of.amount)?;
        for account in [of.account, of.receiver] {
            let total = self.balance(account, of.asset).total;
            out.push(BalanceChanged { account, asset: of.asset, total }.into());
        }
        Ok(())
    }

    fn mmp_reset(&mut self, of: &MmpReset, out: &mut Vec<Event>) -> Result<(), Refusal> {
        let MmpReset { account, mmp_group } = *of;
        self.check_account(account)?;
        if self.core.controls.mmp_reset(self.now, account, mmp_group)? {
            out.push(MmpChanged { account, mmp_group, is_frozen: false, ts_until: Ts::ZERO }.into());
        }
        Ok(())
    }

    /// Switches a kill; what one that goes on covers is canceled in the order it entered.
    fn kill(&mut self, of: &KillSet, out: &mut Vec<Event>) -> Result<(), Refusal> {
        let KillSet { scope, id, is_on, reduce_only } = *of;
        match scope {
            KillScope::Account => self.check_account(AccountId(id))?,
            KillScope::Instrument => {
                let instrument = u16::try_from(id).map_or(ANY_INSTRUMENT, InstrumentId);
                self.check_instrument(instrument).map_err(|refusal| Refusal::new(refusal.reason, id, 0))?;
            }
            // Orders of no strategy, and all quotes, go by zero.
            KillScope::Strategy if id == 0 => return Err(Refusal::new(Reason::BadField, 0, 1)),
            KillScope::All | KillScope::Strategy => {}
        }
        if self.core.controls.kill(scope, id, is_on, reduce_only) {
            out.push(VenueKillChanged { scope, id, is_on, reduce_only }.into());
        }
        if !is_on {
            return Ok(());
        }
        let is_covered = |row: &Row| match scope {
            KillScope::All => true,
            KillScope::Account => row.account.0 == id,
            KillScope::Instrument => u32::from(row.instrument.0) == id,
            KillScope::Strategy => row.strategy == id,
        };
        if scope == KillScope::Account {
            self.cancel_where(AccountId(id), Reason::CanceledByKill, is_covered, out);
            return Ok(());
        }
        let mut ids = core::mem::take(&mut self.scratch);
        ids.extend(self.core.orders.all().filter(|row| is_covered(row)).map(|row| row.order_id));
        ids.sort_unstable();
        for order_id in ids.drain(..) {
            self.cancel_one(order_id, Reason::CanceledByKill, out);
        }
        self.scratch = ids;
        self.cancel_conditions(Reason::CanceledByKill, is_covered, out);
        Ok(())
    }

    fn connection(&mut self, of: &ConnectionSet, out: &mut Vec<Event>) -> Result<(), Refusal> {
        self.check_account(of.account)?;
        if self.core.controls.connection(self.now, of.account, of.is_up) {
            self.cancel_where(of.account, Reason::ConnectionLost, |_| true, out);
        }
        Ok(())
    }

    /// What a timer of the controls brought about.
    pub(super) fn on_due(&mut self, due: Due, out: &mut Vec<Event>) {
        match due {
            Due::DeadMan(account) => self.cancel_where(account, Reason::ConnectionLost, |_| true, out),
            Due::Unfrozen(account, mmp_group) => {
                out.push(MmpChanged { account, mmp_group, is_frozen: false, ts_until: self.now }.into());
            }
            Due::Limit(changed) => out.push(changed.into()),
            Due::ProposalExpired(_) => {}
        }
    }

    fn bust(&mut self, of: &BustTrade, out: &mut Vec<Event>) -> Result<(), Refusal> {
        self.correct(of.trade_id, None, of.operator, out)
    }

    fn adjust(&mut self, of: &AdjustTrade, out: &mut Vec<Event>) -> Result<(), Refusal> {
        self.correct(of.trade_id, Some(of.price), of.operator, out)
    }

    fn correct(
        &mut self,
        trade_id: ExecId,
        price: Option<Price>,
        operator: u32,
        out: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let unknown = Refusal::new(Reason::UnknownTrade, trade_id.0, 0);
        let before = self.core.clearing.trade(trade_id).ok_or(unknown)?.fill;
        let instrument = before.instrument;
        if let Some(price) = price {
            let may_be_any =
                self.config.instruments.get(instrument.index()).is_some_and(super::Listing::allows_negative);
            if price <= Price::ZERO && !may_be_any {
                return Err(Refusal::new(Reason::BadPrice, price.get(), 1));
            }
        }
        let record = match price {
            Some(price) => self.core.clearing.adjust(trade_id, price)?,
            None => self.core.clearing.bust(trade_id)?,
        };
        let accounts = [before.maker, before.taker];
        let counted = Counted { instrument, accounts, price: before.price, qty: before.qty };
        self.core.tariffs.on_correction(self.now, trade_id, &counted, price);
        let (price, qty) = (record.fill.price, record.fill.qty);
        out.push(TradeCorrected { trade_id, instrument, price, qty, operator }.into());
        self.conditions.stir(instrument);
        let Some((settle, base, is_spot)) =
            self.core.clearing.contract(instrument).map(|of| (of.settle(), of.base(), of.is_spot()))
        else {
            return Ok(());
        };
        for account in accounts {
            for asset in [Some(settle), is_spot.then_some(base)].into_iter().flatten() {
                let total = self.balance(account, asset).total;
                out.push(BalanceChanged { account, asset, total }.into());
            }
        }
        let mut gone = Vec::new();
        for account in accounts {
            self.core.flat(account, instrument, 0, &mut gone);
        }
        for (order_id, reason) in gone {
            self.cancel_one(order_id, reason, out);
        }
        Ok(())
    }
}

const fn refused_command(kind: u16, account: AccountId, instrument: InstrumentId, refusal: Refusal) -> CommandRefused {
    let Refusal { reason, value, limit } = refusal;
    CommandRefused { kind, account, instrument, reason, value, limit }
}

/// About an order it is a report, else a refused command.
fn refuse_malformed(of: &Malformed, out: &mut Vec<Event>) {
    let reason = if of.reason == Reason::None { Reason::BadField } else { of.reason };
    let refusal = Refusal { reason, value: of.value, limit: of.limit };
    if [NewOrder::KIND, Replace::KIND, Cancel::KIND, MassQuote::KIND, SubmitConditional::KIND].contains(&of.kind) {
        out.push(refused(&Core::stranger(of.account, of.instrument, of.cl_ord_id), refusal).into());
    } else {
        out.push(refused_command(of.kind, of.account, of.instrument, refusal).into());
    }
}

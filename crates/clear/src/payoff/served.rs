//! Payoffs in clearing: listed, observed at their times, valued when the index moves, paid out at expiry.

use tiderace_program::HASH_BYTES;
use tiderace_types::venue::ListPayoff;
use tiderace_types::{Amount, DecodeError, Field, InstrumentId, Price, Qty, Reason, Refusal, Ts};

use super::run::{Engine, Run};
use super::value::within;
use super::{Ask, Checked, Payoff, PayoffEntry, PayoffTrap, Payoffs, Told};
use crate::bytes::{bad, put_len, take_list};
use crate::clearing::Clearing;
use crate::contract::{Contract, RAW_MAX};
use crate::default::Action;
use crate::ledger::PostingKind;
use crate::market::NEVER;
use crate::prices::instrument_of;

impl Payoffs {
    fn get_mut(&mut self, instrument: InstrumentId) -> Option<(&mut Payoff, &mut Engine)> {
        Some((self.rows.get_mut(instrument.index())?.as_mut()?, &mut self.engine))
    }

    /// The payoff of an instrument.
    pub(crate) fn get(&self, instrument: InstrumentId) -> Option<&Payoff> {
        self.rows.get(instrument.index())?.as_ref()
    }

    /// When the next observation is due.
    pub(crate) fn due(&self) -> Ts {
        self.rows.iter().flatten().fold(NEVER, |due, payoff| due.min(payoff.due()))
    }
}

impl Payoff {
    /// One observation; the state is as before where it is missed or trapped.
    fn observe(&mut self, engine: &mut Engine, told: &Told) -> (i128, Option<PayoffTrap>) {
        let Some(entry) = &self.checked.on_observation else { return (0, None) };
        let run =
            Run { program: &self.checked.program, entry, params: &self.listing.params, told, fuel: self.checked.fuel };
        let mut state = self.state.clone();
        let ended = engine
            .call(&run, &mut state)
            .0
            .and_then(|paid| if entry.pays { within(paid, self.checked.bounds.flow) } else { Ok(0) });
        match ended {
            Ok(paid) => {
                self.state = state;
                (paid, None)
            }
            Err((trap, statement)) => {
                (0, Some(PayoffTrap { entry: PayoffEntry::Observation, trap, statement, amount: 0 }))
            }
        }
    }

    fn next_observation(&mut self) {
        self.observed = self.observed.saturating_add(1);
        self.next = Self::time_of(&self.listing, self.observed, self.checked.maturity);
    }

    /// What a long lot is paid at expiry, in ticks of a lot.
    fn pay_out(&self, engine: &mut Engine, told: &Told) -> (i128, Option<PayoffTrap>) {
        let fallback = self.checked.bounds.fallback;
        let Some(entry) = &self.checked.payout else { return (fallback, None) };
        let run =
            Run { program: &self.checked.program, entry, params: &self.listing.params, told, fuel: self.checked.fuel };
        let ended = engine.call(&run, &mut self.state.clone()).0;
        match ended.and_then(|paid| within(paid, self.checked.bounds.payout)) {
            Ok(paid) => (paid, None),
            Err((trap, statement)) => {
                (fallback, Some(PayoffTrap { entry: PayoffEntry::Payout, trap, statement, amount: fallback }))
            }
        }
    }
}

impl Clearing {
    /// Lists the payoff of an instrument, which trades from now on; the same again moves its terms of margin. Returns
    /// the program's identity.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`], [`Reason::InstrumentExpired`], [`Reason::BadField`], [`Reason::AlreadyListed`],
    /// [`Reason::BadPayoffTerms`], [`Reason::BadProgram`], [`Reason::NotAPayoff`], [`Reason::BadPayoffParams`],
    /// [`Reason::UnboundedPayoff`], [`Reason::BadObservations`], [`Reason::NoValuation`]; nothing has changed then.
    pub fn list_payoff(&mut self, listing: &ListPayoff) -> Result<[u8; HASH_BYTES], Refusal> {
        let instrument = listing.terms.instrument;
        self.check_instrument(instrument)?;
        if self.is_settled(instrument) {
            return Err(Refusal::new(Reason::InstrumentExpired, instrument.0, 0));
        }
        if !listing.is_within_bounds() {
            return Err(Refusal::plain(Reason::BadField));
        }
        if let Some((payoff, _)) = self.payoffs.get_mut(instrument) {
            if !payoff.is_same(listing) {
                return Err(Refusal::new(Reason::AlreadyListed, instrument.0, 0));
            }
            payoff.retune(listing.terms)?;
            let hash = *payoff.checked.program.hash();
            self.revalue_payoff(instrument);
            self.revalue_all(instrument);
            return Ok(hash);
        }
        let unknown = Refusal::new(Reason::UnknownSymbol, instrument.0, 0);
        let terms = self.config.contracts.get(instrument.index()).ok_or(unknown)?;
        let contract = self.contracts.get(instrument.index()).ok_or(unknown)?;
        let mut payoff = Payoff::new(listing.clone(), Checked::of(terms, contract, listing)?);
        let (hash, index) = (*payoff.checked.program.hash(), self.index_ticks(contract).map(Price::get));
        let now = self.now;
        let engine = &mut self.payoffs.engine;
        engine.prepare(&payoff.checked.program);
        let no_value = Refusal::plain(Reason::NoValuation);
        let is_good = payoff
            .check_now(engine, now)
            .and_then(|()| if payoff.has_value(engine, now, index) { Ok(()) } else { Err(no_value) });
        if let Err(refusal) = is_good {
            let is_used = self.payoffs.rows.iter().flatten().any(|of| *of.checked.program.hash() == hash);
            if !is_used {
                self.payoffs.engine.forget(&hash);
            }
            return Err(refusal);
        }
        if let Some(row) = self.payoffs.rows.get_mut(instrument.index()) {
            *row = Some(payoff);
        }
        self.take_rule(instrument);
        self.refresh_timer();
        Ok(hash)
    }

    /// Lets the interpreter run payoffs that are listed from now on: slower, and the same. A second opinion for tests.
    pub const fn interpret_payoffs(&mut self, is_interpreted: bool) {
        self.payoffs.engine.is_interpreted = is_interpreted;
    }

    /// Margin follows what the payoff's scenarios say.
    fn take_rule(&mut self, instrument: InstrumentId) {
        let rule = self.payoffs.get(instrument).map(Payoff::rule);
        if let Some(of) = self.rules.get_mut(instrument.index()) {
            of.set_payoff(rule);
        }
    }

    /// Values a payoff anew; its positions are still to follow.
    pub(crate) fn revalue_payoff(&mut self, instrument: InstrumentId) {
        let Some(contract) = self.contract(instrument).filter(|contract| contract.is_program()) else { return };
        let index = self.index_ticks(contract).map(Price::get);
        let now = self.now;
        let Some((payoff, engine)) = self.payoffs.get_mut(instrument) else { return };
        if let Some(trap) = payoff.revalue(engine, now, index) {
            self.noted.push(Action::PayoffTrapped { instrument, trap });
        }
        self.take_rule(instrument);
    }

    /// Whether so many lots may trade: the payoff is listed, and cannot move more than there is.
    pub(crate) fn check_payoff(&self, instrument: InstrumentId, qty: Qty) -> Result<(), Refusal> {
        if !self.contract(instrument).is_some_and(Contract::is_program) {
            return Ok(());
        }
        let missing = Refusal::new(Reason::PayoffNotListed, instrument.0, 0);
        let most = self.payoffs.get(instrument).ok_or(missing)?.most().saturating_mul(qty.get().into());
        if most > RAW_MAX { Err(Refusal::new(Reason::OverLimit, most, RAW_MAX)) } else { Ok(()) }
    }

    /// Makes the observations that are due.
    pub(crate) fn observe_payoffs(&mut self, out: &mut Vec<Action>) {
        for row in 0..self.payoffs.rows.len() {
            let instrument = instrument_of(row);
            if self.payoffs.get(instrument).is_some_and(|payoff| payoff.due() <= self.now) {
                self.observe_payoff(instrument);
            }
        }
        out.append(&mut self.noted);
    }

    fn observe_payoff(&mut self, instrument: InstrumentId) {
        let Some(contract) = self.contract(instrument) else { return };
        let (index, mark) = (self.index_ticks(contract), self.mark(instrument));
        let now = self.now;
        let Some((payoff, engine)) = self.payoffs.get_mut(instrument) else { return };
        let number = payoff.observed;
        let asks_mark = payoff.checked.on_observation.as_ref().is_some_and(|entry| entry.asks.contains(&Ask::Mark));
        let reason = if index.is_none() { Reason::StaleIndex } else { Reason::NoReferencePrice };
        let Some(price) = index.filter(|_| mark.is_some() || !asks_mark) else {
            payoff.next_observation();
            self.noted.push(Action::Missing { instrument, reason });
            return;
        };
        let mark = mark.map_or(0, Price::get);
        let told = Told { price: price.get(), mark, now, number, ..Told::default() };
        let (amount, trap) = payoff.observe(engine, &told);
        payoff.next_observation();
        let unit = payoff.checked.unit;
        match trap {
            Some(trap) => self.noted.push(Action::PayoffTrapped { instrument, trap }),
            None => self.noted.push(Action::PayoffObserved { instrument, number, price, amount: Amount::new(amount) }),
        }
        self.pay_flow(instrument, amount.saturating_mul(unit));
        self.revalue_payoff(instrument);
        self.revalue_all(instrument);
    }

    /// Every long lot is paid an amount that every short lot pays.
    fn pay_flow(&mut self, instrument: InstrumentId, per_lot: i128) {
        let Some(settle) = self.contract(instrument).map(Contract::settle).filter(|_| per_lot != 0) else { return };
        self.each(instrument, |clearing, slot| {
            let Some(position) = clearing.positions.get_mut(slot) else { return };
            let (account, amount) = (position.account, per_lot.saturating_mul(position.qty.into()));
            position.realized = position.realized.saturating_add(amount);
            clearing.pay_profit(instrument, account, (settle, amount), PostingKind::Funding, instrument.0.into());
            clearing.look_at(account, instrument);
        });
    }

    /// What a long lot is paid at expiry, in base units; none where its payoff is no program.
    pub(crate) fn payout(&mut self, instrument: InstrumentId, price: i128, out: &mut Vec<Action>) -> Option<i128> {
        let tick = self.contract(instrument).filter(|contract| contract.is_program())?.tick();
        let now = self.now;
        let Some((payoff, engine)) = self.payoffs.get_mut(instrument) else { return Some(0) };
        let ticks = i64::try_from(price.div_euclid(tick.max(1))).unwrap_or(i64::MAX);
        let (amount, trap) = payoff.pay_out(engine, &Told { price: ticks, now, ..Told::default() });
        payoff.next = NEVER;
        if let Some(trap) = trap {
            out.push(Action::PayoffTrapped { instrument, trap });
        }
        out.push(Action::PayoffPaid { instrument, price: Price::new(ticks), amount: Amount::new(amount) });
        Some(amount.saturating_mul(payoff.checked.unit))
    }

    pub(crate) fn put_payoffs(&self, out: &mut Vec<u8>) {
        let listed =
            || (0..self.payoffs.rows.len()).map(instrument_of).filter_map(|at| Some((at, self.payoffs.get(at)?)));
        put_len(listed().count(), out);
        for (instrument, payoff) in listed() {
            instrument.put(out);
            payoff.put(out);
        }
    }

    pub(crate) fn take_payoffs(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..u64::take(bytes)? {
            let instrument = InstrumentId::take(bytes)?;
            let listing = ListPayoff::decode(&take_list(bytes, u8::take)?)?;
            let state = take_list(bytes, u8::take)?;
            let terms = self.config.contracts.get(instrument.index()).ok_or(bad("a payoff's instrument"))?;
            let contract = self.contracts.get(instrument.index()).ok_or(bad("a payoff's instrument"))?;
            let checked = Checked::of(terms, contract, &listing).map_err(|_| bad("a payoff's listing"))?;
            self.payoffs.engine.prepare(&checked.program);
            let mut payoff = Payoff::new(listing, checked);
            payoff.restore(&state, bytes)?;
            if self.is_settled(instrument) {
                payoff.next = NEVER;
            }
            if let Some(row) = self.payoffs.rows.get_mut(instrument.index()) {
                *row = Some(payoff);
            }
            self.take_rule(instrument);
        }
        Ok(())
    }
}

//! Portfolio margin: accounts that are margined by scenarios, from risk arrays that come from outside.
//!
//! A book is all that one underlying settles in one asset. What the two sides of an account's orders in an instrument
//! come to is counted as one order each. The arrays are inputs and no part of the state's bytes: who restores a state
//! hands in the last ones again, and finds the figures that were there.
//!
//! Arrays grow old: prices move on, and what they say of a portfolio does not. Beyond their greatest age they let nobody
//! take on more: orders that do not reduce are refused, at entry, at a trigger and at the match, and collateral stays.
//! Cancels, reductions, liquidations and auctions go on under them, for to stop these would be worse.

use std::collections::BTreeMap;

use tiderace_margin::{FillAt, Portfolio, Requirement, RiskArrays, arrays};
use tiderace_types::instrument::rescale;
use tiderace_types::{AccountId, AssetId, InstrumentId, Price, Rate, Reason, Refusal, Rounding, Side, Ts};

use crate::clearing::Clearing;
use crate::position::{Position, Working};
use crate::standing::{OrderAsk, OrderHold};

/// 10^-18 in a step of 10^-12.
const RATE_PER_STEP: i128 = 1_000_000;

/// Lots held, and working orders of both sides, by leg.
type Legs = (Vec<(u32, i64)>, Vec<(u32, [Working; 2])>);

/// What a portfolio adds to its account's sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) initial: i128,
    pub(crate) maintenance: i128,
    pub(crate) held: i128,
}

/// When risk arrays were made, and for how long new risk may be taken under them: for ever where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vintage {
    /// When.
    pub ts: Ts,
    /// The greatest age, itself included.
    pub max_age_ns: Option<i64>,
}

impl Vintage {
    fn check(self, now: Ts) -> Result<(), Refusal> {
        let age_ns = now.get().saturating_sub(self.ts.get());
        match self.max_age_ns.filter(|max_ns| age_ns > *max_ns) {
            Some(max_ns) => Err(Refusal::new(Reason::StaleSurface, age_ns, max_ns)),
            None => Ok(()),
        }
    }
}

/// The risk arrays of one underlying and settlement asset, with the portfolios under them.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    base: AssetId,
    settle: AssetId,
    vintage: Vintage,
    arrays: RiskArrays,
    /// Leg by instrument.
    legs: Vec<Option<u32>>,
    portfolios: BTreeMap<AccountId, Portfolio>,
}

impl Book {
    fn leg(&self, instrument: InstrumentId) -> Option<u32> {
        self.legs.get(instrument.index()).copied().flatten()
    }

    /// A side's orders as one; what it loses at once is in base units.
    fn order(&self, leg: u32, side: Side, working: Working) -> Option<FillAt> {
        let edge = rescale(working.cost, self.arrays.settle_decimals(), arrays::DECIMALS, Rounding::Ceil)?;
        Some(FillAt { leg, lots: working.lots.checked_mul(side.sign())?, edge: edge.checked_neg()? })
    }

    fn with_orders(&self, portfolio: &mut Portfolio, orders: &[(u32, [Working; 2])]) -> Option<()> {
        portfolio.clear_orders();
        for (leg, sides) in orders {
            for (side, working) in [Side::Buy, Side::Sell].into_iter().zip(sides) {
                if working.lots > 0 {
                    portfolio.add(&self.arrays, &self.order(*leg, side, *working)?)?;
                }
            }
        }
        Some(())
    }

    fn asked(&self, portfolio: &Portfolio) -> Option<Asked> {
        let whole = portfolio.requirement(&self.arrays)?;
        let Requirement { initial, maintenance } = portfolio.requirement_of_positions(&self.arrays)?;
        let held = whole.initial.get().saturating_sub(initial.get()).max(0);
        Some(Asked { initial: initial.get(), maintenance: maintenance.get(), held })
    }
}

impl Clearing {
    /// Risk arrays of an underlying, all its products that settle in one asset: they replace the last ones, and every
    /// portfolio under them is taken anew.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`] where a leg is no instrument of that underlying and asset; nothing has changed then.
    pub fn set_risk_arrays(&mut self, arrays: RiskArrays, vintage: Vintage) -> Result<(), Refusal> {
        let first = arrays.legs().first().map(|leg| leg.instrument).unwrap_or_default();
        let (base, settle) = {
            let contract = self.check_instrument(first)?;
            (contract.base(), contract.settle())
        };
        let mut legs = vec![None; self.contracts.len()];
        for (row, leg) in (0u32..).zip(arrays.legs()) {
            let contract = self.check_instrument(leg.instrument)?;
            if (contract.base(), contract.settle()) != (base, settle) {
                return Err(Refusal::new(Reason::UnknownSymbol, leg.instrument.0, first.0));
            }
            if let Some(at) = legs.get_mut(leg.instrument.index()) {
                *at = Some(row);
            }
        }
        let book = Book { base, settle, vintage, arrays, legs, portfolios: BTreeMap::new() };
        let at = self.books.iter().position(|of| (of.base, of.settle) == (base, settle));
        let at = match at.and_then(|at| self.books.get_mut(at).map(|of| (at, of))) {
            Some((at, of)) => {
                *of = book;
                at
            }
            None => {
                self.books.push(book);
                self.books.len().saturating_sub(1)
            }
        };
        for (id, terms) in (0u32..).zip(0..self.config.accounts.len()) {
            if self.config.accounts.get(terms).is_some_and(|row| row.is_portfolio) {
                self.rebuild(at, AccountId(id));
            }
        }
        Ok(())
    }

    /// The risk arrays that a restored state stood under: the figures are those of its bytes, and nobody is looked at
    /// who was not to be.
    ///
    /// # Errors
    /// As [`Self::set_risk_arrays`].
    pub fn restore_risk_arrays(&mut self, arrays: RiskArrays, vintage: Vintage) -> Result<(), Refusal> {
        let (to_review, is_queued) = (self.to_review.clone(), self.is_queued.clone());
        let result = self.set_risk_arrays(arrays, vintage);
        (self.to_review, self.is_queued) = (to_review, is_queued);
        result
    }

    fn book_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.books.iter().position(|book| book.leg(instrument).is_some())
    }

    /// Whether scenarios margin an account's position in an instrument.
    pub(crate) fn is_in_portfolio(&self, account: AccountId, instrument: InstrumentId) -> bool {
        self.is_portfolio(account) && self.book_of(instrument).is_some()
    }

    /// Positions and orders of an account in a book, by leg.
    fn legs_of(&self, book: &Book, account: AccountId) -> Legs {
        let (mut held, mut orders) = (Vec::new(), Vec::new());
        for slot in self.of_account.get(Self::row(account)).map_or(&[][..], Vec::as_slice) {
            let Some(position) = usize::try_from(*slot).ok().and_then(|slot| self.positions.get(slot)) else {
                continue;
            };
            let Some(leg) = book.leg(position.instrument) else { continue };
            if position.qty != 0 {
                held.push((leg, position.qty));
            }
            if position.orders != <[Working; 2]>::default() {
                orders.push((leg, position.orders));
            }
        }
        (held, orders)
    }

    /// Takes a portfolio anew, under new arrays.
    fn rebuild(&mut self, at: usize, account: AccountId) {
        let Some(book) = self.books.get(at) else { return };
        let (held, orders) = self.legs_of(book, account);
        if held.is_empty() && orders.is_empty() && !self.asked.contains_key(&(book.settle, book.base, account)) {
            return;
        }
        let Some(mut portfolio) = Portfolio::of(&book.arrays, &held) else { return };
        let asked = book.with_orders(&mut portfolio, &orders).and_then(|()| book.asked(&portfolio));
        // The standard figures of what is in the book now are no longer asked for.
        let instruments: Vec<InstrumentId> = held
            .iter()
            .filter_map(|(leg, _)| book.arrays.legs().get(usize::try_from(*leg).ok()?).map(|leg| leg.instrument))
            .collect();
        if let Some(book) = self.books.get_mut(at) {
            book.portfolios.insert(account, portfolio);
        }
        for instrument in &instruments {
            if let Some(slot) = self.find(account, *instrument) {
                self.revalue_plain(slot);
            }
        }
        self.carry(at, account, asked);
        if let Some(instrument) = instruments.first() {
            self.look_at(account, *instrument);
        }
    }

    /// Does something to the portfolio that a position is in, and carries what it then asks for.
    fn change(&mut self, slot: usize, work: impl FnOnce(&Book, &mut Portfolio, u32, &Position) -> Option<()>) {
        let Some(position) = self.positions.get(slot) else { return };
        let (account, instrument) = (position.account, position.instrument);
        if self.books.is_empty() || !self.is_portfolio(account) {
            return;
        }
        let Some(at) = self.book_of(instrument) else { return };
        let Some(mut portfolio) = self.books.get_mut(at).and_then(|book| book.portfolios.remove(&account)) else {
            self.rebuild(at, account);
            return;
        };
        let (Some(book), Some(position)) = (self.books.get(at), self.positions.get(slot)) else { return };
        let leg = book.leg(instrument).unwrap_or(u32::MAX);
        let is_done = work(book, &mut portfolio, leg, position);
        let asked = is_done.and_then(|()| book.asked(&portfolio));
        if let Some(book) = self.books.get_mut(at) {
            book.portfolios.insert(account, portfolio);
        }
        self.carry(at, account, asked);
    }

    /// Follows a position into its portfolio.
    pub(crate) fn follow(&mut self, slot: usize) {
        self.change(slot, |book, portfolio, leg, position| portfolio.set(&book.arrays, leg, position.qty));
    }

    /// Follows one side's orders, which were `before`, into the portfolio.
    pub(crate) fn follow_orders(&mut self, slot: usize, side: Side, before: Working) {
        self.change(slot, |book, portfolio, leg, position| {
            let [buys, sells] = position.orders;
            let after = if side == Side::Buy { buys } else { sells };
            if before.lots > 0 {
                portfolio.remove(&book.arrays, &book.order(leg, side, before)?)?;
            }
            if after.lots > 0 {
                portfolio.add(&book.arrays, &book.order(leg, side, after)?)?;
            }
            Some(())
        });
    }

    /// Carries what a portfolio asks for into its account's sums. Where a number does not fit, what was asked stays.
    fn carry(&mut self, at: usize, account: AccountId, asked: Option<Asked>) {
        let (Some(book), Some(asked)) = (self.books.get(at), asked) else { return };
        let (settle, key) = (book.settle, (book.settle, book.base, account));
        let before = self.asked.insert(key, asked).unwrap_or_default();
        if let Some(sums) = self.sums_at(account, settle).and_then(|at| self.sums.get_mut(at)) {
            let carry = |sum: &mut i128, now: i128, then: i128| *sum = sum.saturating_add(now.saturating_sub(then));
            carry(&mut sums.initial, asked.initial, before.initial);
            carry(&mut sums.maintenance, asked.maintenance, before.maintenance);
            carry(&mut sums.held, asked.held, before.held);
            sums.was_margined |= asked.maintenance > 0;
        }
    }

    /// What an order of a portfolio account would hold, and what more would be asked for with it.
    pub(crate) fn portfolio_order(&self, ask: &OrderAsk, replaced: OrderHold) -> Result<(OrderHold, i128), Refusal> {
        let missing = Refusal::new(Reason::NoRiskArray, ask.instrument.0, 0);
        let book = self.book_of(ask.instrument).and_then(|at| self.books.get(at)).ok_or(missing)?;
        let leg = book.leg(ask.instrument).ok_or(missing)?;
        let unpriced = Refusal::new(Reason::NoReferencePrice, ask.instrument.0, 0);
        let price = ask.price.or(self.mark(ask.instrument)).ok_or(unpriced)?;
        let too_large = Refusal::new(Reason::OverLimit, ask.qty.get(), 0);
        let (hold, fill) = self.fill_of(book, leg, ask, price).ok_or(too_large)?;
        let portfolio = book.portfolios.get(&ask.account);
        let empty = if portfolio.is_none() { Some(Portfolio::new(&book.arrays)) } else { None };
        let portfolio = portfolio.or(empty.as_ref()).ok_or(too_large)?;
        let now = self.asked.get(&(book.settle, book.base, ask.account)).copied().unwrap_or_default();
        let after = if replaced == OrderHold::default() {
            portfolio.margin_after(&book.arrays, &[fill]).ok_or(too_large)?
        } else {
            self.replaced(book, portfolio, (leg, ask), hold, replaced).ok_or(too_large)?
        };
        let more = after.initial.get().saturating_sub(now.initial).saturating_sub(now.held);
        let is_less = hold.lots <= replaced.lots && more <= 0;
        if !is_less && !self.reduces(ask, replaced) {
            book.vintage.check(self.now)?;
        }
        Ok((hold, more))
    }

    /// Whether all orders of an account's side, this one in place of what is replaced, make its position no more than flat.
    fn reduces(&self, ask: &OrderAsk, replaced: OrderHold) -> bool {
        let working = self.position(ask.account, ask.instrument).map_or(0, |position| {
            let [buys, sells] = position.orders;
            if ask.side == Side::Buy { buys.lots } else { sells.lots }
        });
        let all = working.saturating_sub(replaced.lots).saturating_add(ask.qty.get());
        all <= self.reducible(ask.account, ask.instrument, ask.side).get()
    }

    /// Whether a fill that does not reduce may be had under the arrays that margin an instrument for an account.
    ///
    /// # Errors
    /// [`Reason::StaleSurface`].
    pub(crate) fn check_vintage(&self, account: AccountId, instrument: InstrumentId) -> Result<(), Refusal> {
        let book = self.book_of(instrument).and_then(|at| self.books.get(at));
        book.filter(|_| self.is_portfolio(account)).map_or(Ok(()), |book| book.vintage.check(self.now))
    }

    /// Whether collateral in an asset may leave an account: not while what it secures is under arrays too old.
    ///
    /// # Errors
    /// [`Reason::StaleSurface`].
    pub(crate) fn check_secured(&self, account: AccountId, asset: AssetId) -> Result<(), Refusal> {
        if !self.is_portfolio(account) {
            return Ok(());
        }
        let is_pooled = self.is_pooled(account);
        for book in self.books.iter().filter(|book| is_pooled || book.settle == asset) {
            let (held, orders) = self.legs_of(book, account);
            if !(held.is_empty() && orders.is_empty()) {
                book.vintage.check(self.now)?;
            }
        }
        Ok(())
    }

    /// An order as its portfolio counts it.
    fn fill_of(&self, book: &Book, leg: u32, ask: &OrderAsk, price: Price) -> Option<(OrderHold, FillAt)> {
        let contract = self.contract(ask.instrument)?;
        let fee = contract.fee(contract.raw(ask.qty, price), ask.fee).max(0);
        let limit = Rate::new(i128::from(price.get()).checked_mul(contract.tick())?.checked_mul(RATE_PER_STEP)?);
        let lots = ask.qty.get().checked_mul(ask.side.sign())?;
        let fill = book.arrays.fill_at(leg, lots, limit, tiderace_types::Amount::new(fee))?;
        let edge = rescale(fill.edge, arrays::DECIMALS, book.arrays.settle_decimals(), Rounding::Floor)?;
        Some((OrderHold { lots: ask.qty.get(), cost: edge.checked_neg()? }, fill))
    }

    /// What would be asked for with an order in place of what another holds.
    fn replaced(
        &self,
        book: &Book,
        portfolio: &Portfolio,
        (leg, ask): (u32, &OrderAsk),
        hold: OrderHold,
        replaced: OrderHold,
    ) -> Option<Requirement> {
        let mut portfolio = portfolio.clone();
        let [buys, sells] = self.position(ask.account, ask.instrument)?.orders;
        let before = if ask.side == Side::Buy { buys } else { sells };
        portfolio.remove(&book.arrays, &book.order(leg, ask.side, before)?)?;
        let lots = before.lots.checked_add(hold.lots)?.checked_sub(replaced.lots)?;
        let cost = before.cost.checked_add(hold.cost)?.checked_sub(replaced.cost)?;
        portfolio.add(&book.arrays, &book.order(leg, ask.side, Working { lots, cost })?)?;
        portfolio.requirement(&book.arrays)
    }

    /// What positions of a portfolio account would ask for with another quantity of an instrument.
    pub(crate) fn portfolio_initial(&self, account: AccountId, instrument: InstrumentId, qty: i64) -> Option<i128> {
        let book = self.books.get(self.book_of(instrument)?)?;
        let (held, _) = self.legs_of(book, account);
        let mut portfolio = match book.portfolios.get(&account) {
            Some(portfolio) => portfolio.clone(),
            None => Portfolio::of(&book.arrays, &held)?,
        };
        portfolio.set(&book.arrays, book.leg(instrument)?, qty)?;
        portfolio.requirement_of_positions(&book.arrays).map(|of| of.initial.get())
    }
}

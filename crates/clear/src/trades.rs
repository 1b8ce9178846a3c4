//! Fills: novated to the house, booked to both positions, paid and kept for a while so that an operator can undo them.

use tiderace_types::{
    AccountId, DecodeError, ExecId, Field, Fraction, InstrumentId, Price, Qty, Reason, Refusal, Rounding, Side,
    TradeKind,
};

use crate::clearing::Clearing;
use crate::ledger::{House, LedgerAccount, PostingKind};

/// A fill as matching or two sides agreed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Where.
    pub instrument: InstrumentId,
    /// Whose order rested.
    pub maker: AccountId,
    /// Whose order came in.
    pub taker: AccountId,
    /// Side of the taker.
    pub taker_side: Side,
    /// In ticks.
    pub price: Price,
    /// In lots, > 0.
    pub qty: Qty,
    /// Of notional, negative = rebate.
    pub maker_fee: Fraction,
    /// Of notional.
    pub taker_fee: Fraction,
    /// How it came about; a liquidation's taker also pays the contract's liquidation fee.
    pub kind: TradeKind,
}

/// A fill that was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its key.
    pub trade_id: ExecId,
    /// > 0 was paid, in base units of the settlement asset.
    pub maker_fee: i128,
    /// As the maker's; a liquidation fee is not in it.
    pub taker_fee: i128,
}

/// What a fill moved for one account, so that it can be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Booked {
    fee: i128,
    /// Profit in raw units.
    profit: i128,
    /// Profit in base units: it became cash unless the price was paid at the trade.
    cash: i128,
}

/// A trade that can still be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRecord {
    /// As it was, or as it was adjusted; quantity zero once busted.
    pub fill: Fill,
    of_maker: Booked,
    of_taker: Booked,
    /// What the taker paid to the insurance fund for its liquidation.
    liquidation_fee: i128,
}

impl Clearing {
    /// Books a fill for both accounts. Where both are one, only fees move. Nothing is posted half: what is refused was
    /// found before the first posting.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`], [`Reason::UnknownAccount`], [`Reason::BadQty`], [`Reason::OverLimit`],
    /// [`Reason::InstrumentExpired`], [`Reason::PayoffNotListed`].
    pub fn fill(&mut self, fill: &Fill) -> Result<Filled, Refusal> {
        let contract = self.check_instrument(fill.instrument)?;
        if fill.qty == Qty::ZERO {
            return Err(Refusal::new(Reason::BadQty, 0, 1));
        }
        if !contract.fits(fill.qty, fill.price) {
            return Err(Refusal::new(Reason::OverLimit, fill.qty.get(), 0));
        }
        self.check_payoff(fill.instrument, fill.qty)?;
        for account in [fill.maker, fill.taker] {
            if account != self.house_account() {
                self.check_account(account)?;
            }
        }
        let market = self.markets.get_mut(fill.instrument.index());
        let market = market.ok_or(Refusal::new(Reason::UnknownSymbol, fill.instrument.0, 0))?;
        if market.is_settled {
            return Err(Refusal::new(Reason::InstrumentExpired, fill.instrument.0, 0));
        }
        // Without any other price the last trade is the mark. A liquidation's is no market's.
        let is_market = matches!(fill.kind, TradeKind::Continuous | TradeKind::Auction);
        let is_moved = is_market && market.mark.is_none() && market.last.replace(fill.price) != Some(fill.price);
        let trade_id = self.trade_id();
        let mut record = TradeRecord::of(*fill);
        self.book(&mut record, trade_id, false);
        if self.trades.len() >= self.config.trades_kept.max(1) {
            self.trades.pop_front();
        }
        self.trades.push_back(record);
        if is_moved && self.is_margined(fill.instrument) {
            self.revalue_all(fill.instrument);
        }
        Ok(Filled { trade_id, maker_fee: record.of_maker.fee, taker_fee: record.of_taker.fee })
    }

    /// Moves positions and cash of both sides.
    fn book(&mut self, record: &mut TradeRecord, trade_id: ExecId, is_correction: bool) {
        let Fill { instrument, maker, taker, taker_side, price, qty, maker_fee, taker_fee, kind } = record.fill;
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let raw = contract.raw(qty, price);
        let settle = contract.settle();
        let (is_spot, is_premium) = (contract.is_spot(), contract.is_premium());
        record.of_maker.fee = contract.fee(raw, maker_fee);
        record.of_taker.fee = contract.fee(raw, taker_fee);
        if maker != taker {
            let value = contract.signed(raw, taker_side);
            record.of_maker = self.move_position(
                maker,
                instrument,
                taker_side.opposite(),
                qty,
                value.saturating_neg(),
                record.of_maker,
            );
            record.of_taker = self.move_position(taker, instrument, taker_side, qty, value, record.of_taker);
            if is_spot || is_premium {
                self.deliver(&record.fill, raw, is_spot, false, trade_id);
            }
        }
        for (account, booked) in [(maker, record.of_maker), (taker, record.of_taker)] {
            if !is_spot && !is_premium && booked.cash != 0 {
                let why = if is_correction { PostingKind::Correction } else { PostingKind::Realized };
                self.pay_profit(instrument, account, (settle, booked.cash), why, trade_id.0);
            }
            if booked.fee != 0 {
                let fee = (settle, booked.fee.saturating_neg());
                self.pay(House::Fees, account, fee, PostingKind::Fee, trade_id.0);
            }
        }
        if kind == TradeKind::Liquidation {
            record.liquidation_fee = self.charge_liquidation(taker, instrument, raw, trade_id);
        }
        self.settle_pair(instrument, maker, taker);
    }

    fn charge_liquidation(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        raw: i128,
        trade_id: ExecId,
    ) -> i128 {
        let Some(terms) = self.config.contracts.get(instrument.index()) else { return 0 };
        let Some(contract) = self.contracts.get(instrument.index()) else { return 0 };
        let (settle, fee) = (contract.settle(), contract.fee(raw, terms.liquidation_fee));
        // A defaulter pays it out of what it still has.
        let fee = fee.min(self.cash(account, settle).max(0));
        self.pay(House::Insurance, account, (settle, fee.saturating_neg()), PostingKind::LiquidationFee, trade_id.0);
        fee
    }

    /// Gives the fee of a liquidation back: out of the fund as far as it still has it, else out of the venue's fees.
    fn return_liquidation(&mut self, record: &TradeRecord, trade_id: ExecId) {
        let Some(settle) = self.contract(record.fill.instrument).map(crate::Contract::settle) else { return };
        let fund = self.total(LedgerAccount::House(House::Insurance), settle).get().max(0);
        let of_fund = record.liquidation_fee.min(fund);
        let of_fees = record.liquidation_fee.saturating_sub(of_fund);
        for (house, amount) in [(House::Insurance, of_fund), (House::Fees, of_fees)] {
            self.pay(house, record.fill.taker, (settle, amount), PostingKind::Correction, trade_id.0);
        }
    }

    /// Books one side to its position.
    fn move_position(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        qty: Qty,
        value: i128,
        booked: Booked,
    ) -> Booked {
        let is_fifo = self.is_fifo(account);
        let Some(slot) = self.slot(account, instrument) else { return booked };
        self.pay_continuous(slot);
        let Some(contract) = self.contracts.get(instrument.index()) else { return booked };
        let Some(position) = self.positions.get_mut(slot) else { return booked };
        let profit = if is_fifo { position.fill_fifo(side, qty, value) } else { position.fill(side, qty, value) };
        let cash = if profit == 0 { 0 } else { contract.cash(profit, Rounding::Floor) };
        position.realized = position.realized.saturating_add(cash);
        Booked { profit, cash, ..booked }
    }

    /// Margin figures of both sides after a fill, and the pool once nobody holds a lot.
    fn settle_pair(&mut self, instrument: InstrumentId, maker: AccountId, taker: AccountId) {
        for account in [maker, taker] {
            if let Some(slot) = self.find(account, instrument) {
                self.revalue(slot);
            }
            self.look_at(account, instrument);
            if maker == taker {
                break;
            }
        }
    }

    /// Moves the base and the price of a spot fill, or a premium, from one side to the other: what is paid is rounded up,
    /// what comes down, and the payer's difference goes to the rounding account.
    fn deliver(&mut self, fill: &Fill, raw: i128, is_spot: bool, is_back: bool, trade_id: ExecId) {
        let Some(contract) = self.contracts.get(fill.instrument.index()) else { return };
        let (buyer, seller) = match fill.taker_side {
            Side::Buy => (fill.taker, fill.maker),
            Side::Sell => (fill.maker, fill.taker),
        };
        // A premium below zero cannot be: its price is above zero.
        let paid = (contract.cash(raw, Rounding::Floor), contract.cash(raw, Rounding::Ceil));
        let given = (contract.lots(fill.qty, Rounding::Floor), contract.lots(fill.qty, Rounding::Ceil));
        let (base, settle) = (contract.base(), contract.settle());
        let why = match (is_back, is_spot) {
            (true, _) => PostingKind::Correction,
            (false, true) => PostingKind::Delivery,
            (false, false) => PostingKind::Premium,
        };
        let sign = if is_back { -1 } else { 1 };
        let mut hand = |from: AccountId, to: AccountId, asset, (floor, ceil): (i128, i128)| {
            let (floor, ceil) = (floor.saturating_mul(sign), ceil.saturating_mul(sign));
            let (debit, credit) = (LedgerAccount::Trading(from), LedgerAccount::Trading(to));
            self.ledger.post(debit, credit, (asset, floor), why, trade_id.0);
            let rounding = LedgerAccount::House(House::Rounding);
            let left = (asset, ceil.saturating_sub(floor));
            self.ledger.post(debit, rounding, left, PostingKind::Rounding, trade_id.0);
        };
        hand(buyer, seller, settle, paid);
        if is_spot {
            hand(seller, buyer, base, given);
        }
    }

    /// A trade that still stands.
    #[must_use]
    pub fn trade(&self, trade_id: ExecId) -> Option<&TradeRecord> {
        let back = self.traded.checked_sub(trade_id.0)?;
        let at = self.trades.len().checked_sub(1)?.checked_sub(usize::try_from(back).ok()?)?;
        self.trades.get(at).filter(|record| record.fill.qty > Qty::ZERO)
    }

    /// Undoes a trade.
    ///
    /// # Errors
    /// [`Reason::UnknownTrade`]; [`Reason::InstrumentExpired`] once its instrument is settled.
    pub fn bust(&mut self, trade_id: ExecId) -> Result<TradeRecord, Refusal> {
        self.correct(trade_id, None)
    }

    /// Moves a trade to another price.
    ///
    /// # Errors
    /// As [`Self::bust`]; [`Reason::OverLimit`] where the price is too large.
    pub fn adjust(&mut self, trade_id: ExecId, price: Price) -> Result<TradeRecord, Refusal> {
        self.correct(trade_id, Some(price))
    }

    fn correct(&mut self, trade_id: ExecId, price: Option<Price>) -> Result<TradeRecord, Refusal> {
        let unknown = Refusal::new(Reason::UnknownTrade, i128::from(trade_id.0), 0);
        let mut record = *self.trade(trade_id).ok_or(unknown)?;
        let instrument = record.fill.instrument;
        if self.markets.get(instrument.index()).is_none_or(|market| market.is_settled) {
            return Err(Refusal::new(Reason::InstrumentExpired, instrument.0, 0));
        }
        if let Some(price) = price
            && !self.check_instrument(instrument)?.fits(record.fill.qty, price)
        {
            return Err(Refusal::new(Reason::OverLimit, price.get(), 0));
        }
        self.unbook(&record, trade_id);
        match price {
            Some(price) => {
                record.fill.price = price;
                self.book(&mut record, trade_id, true);
            }
            None => {
                record.fill.qty = Qty::ZERO;
                self.settle_pair(instrument, record.fill.maker, record.fill.taker);
            }
        }
        let back = usize::try_from(self.traded.saturating_sub(trade_id.0)).unwrap_or(usize::MAX);
        let at = self.trades.len().saturating_sub(1).saturating_sub(back);
        if let Some(kept) = self.trades.get_mut(at) {
            *kept = record;
        }
        Ok(record)
    }

    /// Undoes what a trade moved. A position that is flat then keeps no cost: what is left of it becomes cash.
    fn unbook(&mut self, record: &TradeRecord, trade_id: ExecId) {
        let Fill { instrument, maker, taker, taker_side, price, qty, .. } = record.fill;
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let raw = contract.raw(qty, price);
        let value = contract.signed(raw, taker_side);
        let (settle, is_spot, is_premium) = (contract.settle(), contract.is_spot(), contract.is_premium());
        if maker != taker && (is_spot || is_premium) {
            self.deliver(&record.fill, raw, is_spot, true, trade_id);
        }
        let sides = [
            (maker, taker_side.opposite(), value.saturating_neg(), record.of_maker),
            (taker, taker_side, value, record.of_taker),
        ];
        for (account, side, value, booked) in sides {
            if maker != taker {
                let cost = value.saturating_add(booked.profit);
                let cash = self.unmove(account, instrument, side, qty, (cost, booked.cash));
                if !is_spot && !is_premium {
                    self.pay_profit(instrument, account, (settle, cash), PostingKind::Correction, trade_id.0);
                }
            }
            self.pay(House::Fees, account, (settle, booked.fee), PostingKind::Correction, trade_id.0);
        }
        self.return_liquidation(record, trade_id);
    }

    /// Takes a fill out of a position; returns the cash that goes back.
    fn unmove(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        qty: Qty,
        (cost, cash): (i128, i128),
    ) -> i128 {
        let Some(slot) = self.slot(account, instrument) else { return 0 };
        self.pay_continuous(slot);
        let Some(contract) = self.contracts.get(instrument.index()) else { return 0 };
        let Some(position) = self.positions.get_mut(slot) else { return 0 };
        position.qty = position.qty.saturating_sub(qty.get().saturating_mul(side.sign()));
        let left = position.cost.saturating_sub(cost);
        let (kept, gone) = if position.qty == 0 { (0, left) } else { (left, 0) };
        position.restate(kept);
        let cash = cash.saturating_neg().saturating_add(contract.cash(gone.saturating_neg(), Rounding::Floor));
        position.realized = position.realized.saturating_add(cash);
        cash
    }
}

impl Booked {
    fn put(&self, out: &mut Vec<u8>) {
        self.fee.put(out);
        self.profit.put(out);
        self.cash.put(out);
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { fee: Field::take(bytes)?, profit: Field::take(bytes)?, cash: Field::take(bytes)? })
    }
}

impl TradeRecord {
    /// A trade that moved nothing yet.
    pub(crate) fn of(fill: Fill) -> Self {
        Self { fill, of_maker: Booked::default(), of_taker: Booked::default(), liquidation_fee: 0 }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let Fill { instrument, maker, taker, taker_side, price, qty, maker_fee, taker_fee, kind } = self.fill;
        instrument.put(out);
        maker.put(out);
        taker.put(out);
        taker_side.put(out);
        price.put(out);
        qty.put(out);
        maker_fee.put(out);
        taker_fee.put(out);
        kind.put(out);
        self.of_maker.put(out);
        self.of_taker.put(out);
        self.liquidation_fee.put(out);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let fill = Fill {
            instrument: Field::take(bytes)?,
            maker: Field::take(bytes)?,
            taker: Field::take(bytes)?,
            taker_side: Field::take(bytes)?,
            price: Field::take(bytes)?,
            qty: Field::take(bytes)?,
            maker_fee: Field::take(bytes)?,
            taker_fee: Field::take(bytes)?,
            kind: Field::take(bytes)?,
        };
        let (of_maker, of_taker) = (Booked::take(bytes)?, Booked::take(bytes)?);
        Ok(Self { fill, of_maker, of_taker, liquidation_fee: Field::take(bytes)? })
    }
}

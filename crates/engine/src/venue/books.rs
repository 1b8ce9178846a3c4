//! Holdings, cash and the day's trades: what each fill moves, and how an operator undoes it.

use std::collections::VecDeque;

use tiderace_types::{AccountId, AssetId, DecodeError, ExecId, Field, InstrumentId, Price, Qty, Rounding, Side, Ts};

use super::config::{Fees, VenueConfig};
use super::money::{Holding, Money};
use super::orders::account_index;
use super::snapshot::{put_len, take_into, take_list};
use super::volumes::Volumes;

/// Trades that can be busted or adjusted: the last so many.
pub(super) const TRADES_KEPT: usize = 1 << 18;

/// What a fill moved for one account, so that it can be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Booked {
    /// > 0 was paid, in base units.
    pub(super) fee: i128,
    /// Profit in raw units.
    profit: i128,
    /// Profit that became cash.
    cash: i128,
    /// The account's fee tier then; a trade that is adjusted stays in it.
    tier: u8,
}

/// A trade of the last [`TRADES_KEPT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TradeRecord {
    pub(super) ts: Ts,
    pub(super) instrument: InstrumentId,
    pub(super) maker: AccountId,
    pub(super) taker: AccountId,
    pub(super) taker_side: Side,
    pub(super) price: Price,
    /// Zero once busted.
    pub(super) qty: Qty,
    pub(super) of_maker: Booked,
    pub(super) of_taker: Booked,
}

/// What accounts hold.
#[derive(Debug)]
pub(super) struct Books {
    money: Vec<Money>,
    volumes: Volumes,
    holdings: Vec<Holding>,
    cash: Vec<i128>,
    /// The other side of fees, of realized profit and of roundings, by asset.
    house: Vec<i128>,
    instruments: usize,
    assets: usize,
    trades: VecDeque<TradeRecord>,
    /// Trades so far: the last one's id.
    traded: u64,
}

impl Books {
    /// Balances as the genesis says. None where an instrument's steps do not fit.
    pub(super) fn new(config: &VenueConfig) -> Option<Self> {
        let (instruments, assets, accounts) = (config.instruments.len(), config.assets.len(), config.accounts.len());
        let money = config.instruments.iter().map(|listing| Money::new(config, listing));
        let mut books = Self {
            money: money.collect::<Option<_>>()?,
            volumes: Volumes::new(config)?,
            holdings: vec![Holding::default(); accounts.checked_mul(instruments)?],
            cash: vec![0; accounts.checked_mul(assets)?],
            house: vec![0; assets],
            instruments,
            assets,
            trades: VecDeque::new(),
            traded: 0,
        };
        for (account, row) in (0u32..).zip(&config.accounts) {
            for (asset, amount) in &row.balances {
                books.add_cash(AccountId(account), *asset, amount.get());
            }
        }
        Some(books)
    }

    pub(super) fn money(&self, instrument: InstrumentId) -> Option<&Money> {
        self.money.get(instrument.index())
    }

    pub(super) fn holding(&self, account: AccountId, instrument: InstrumentId) -> Holding {
        self.at(account, instrument).and_then(|at| self.holdings.get(at)).copied().unwrap_or_default()
    }

    pub(super) fn holding_mut(&mut self, account: AccountId, instrument: InstrumentId) -> Option<&mut Holding> {
        let at = self.at(account, instrument)?;
        self.holdings.get_mut(at)
    }

    fn at(&self, account: AccountId, instrument: InstrumentId) -> Option<usize> {
        if instrument.index() >= self.instruments {
            return None;
        }
        account_index(account).checked_mul(self.instruments)?.checked_add(instrument.index())
    }

    fn cash_at(&self, account: AccountId, asset: AssetId) -> Option<usize> {
        if asset.index() >= self.assets {
            return None;
        }
        account_index(account).checked_mul(self.assets)?.checked_add(asset.index())
    }

    /// Cash of an account; none where one of the two is unknown.
    pub(super) fn cash(&self, account: AccountId, asset: AssetId) -> Option<i128> {
        self.cash.get(self.cash_at(account, asset)?).copied()
    }

    /// What the house has of an asset.
    pub(super) fn house(&self, asset: AssetId) -> Option<i128> {
        self.house.get(asset.index()).copied()
    }

    /// Moves cash in or out.
    pub(super) fn add_cash(&mut self, account: AccountId, asset: AssetId, amount: i128) {
        if let Some(cash) = self.cash_at(account, asset).and_then(|at| self.cash.get_mut(at)) {
            *cash = cash.saturating_add(amount);
        }
    }

    /// Moves cash between an account and the house.
    fn pay(&mut self, account: AccountId, asset: AssetId, amount: i128) {
        self.add_cash(account, asset, amount);
        if let Some(house) = self.house.get_mut(asset.index()) {
            *house = house.saturating_sub(amount);
        }
    }

    /// What an account's next trade would pay at `ts`.
    pub(super) fn fees(&self, ts: Ts, account: AccountId, instrument: InstrumentId) -> Option<Fees> {
        self.money(instrument).map(|money| money.fees(self.tier(ts, account, money)))
    }

    fn tier(&self, ts: Ts, account: AccountId, money: &Money) -> u8 {
        if money.has_tiers() { money.tier(self.volumes.of(ts, account, money.quote)) } else { 0 }
    }

    /// Counts a trade for fee tiers, or takes it back.
    fn count(&mut self, now: Ts, record: &TradeRecord, is_back: bool) {
        let TradeRecord { ts, instrument, maker, taker, price, qty, .. } = *record;
        let Some(money) = self.money.get(instrument.index()).filter(|_| maker != taker) else { return };
        let notional = money.notional(qty, money.raw(qty, price));
        let (quote, amount) = (money.quote, if is_back { notional.saturating_neg() } else { notional });
        for account in [maker, taker] {
            self.volumes.add(now, ts, account, quote, amount);
        }
    }

    /// Books a trade for both accounts and keeps it. Where both are one, only fees move.
    pub(super) fn trade(&mut self, mut record: TradeRecord) -> (ExecId, Booked, Booked) {
        if let Some(money) = self.money(record.instrument) {
            let tier = |account| self.tier(record.ts, account, money);
            (record.of_maker.tier, record.of_taker.tier) = (tier(record.maker), tier(record.taker));
        }
        self.book(&mut record);
        self.count(record.ts, &record, false);
        self.traded = self.traded.saturating_add(1);
        if self.trades.len() >= TRADES_KEPT {
            self.trades.pop_front();
        }
        self.trades.push_back(record);
        (ExecId(self.traded), record.of_maker, record.of_taker)
    }

    fn book(&mut self, record: &mut TradeRecord) {
        let TradeRecord { instrument, maker, taker, taker_side, price, qty, .. } = *record;
        let is_move = maker != taker;
        let (as_maker, as_taker) = ((true, record.of_maker.tier), (false, record.of_taker.tier));
        record.of_maker = self.book_one(maker, instrument, taker_side.opposite(), price, qty, as_maker, is_move);
        record.of_taker = self.book_one(taker, instrument, taker_side, price, qty, as_taker, is_move);
    }

    #[expect(clippy::too_many_arguments, reason = "one side of a trade, called twice just above")]
    fn book_one(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        (is_maker, tier): (bool, u8),
        is_move: bool,
    ) -> Booked {
        let Some(money) = self.money.get(instrument.index()) else { return Booked::default() };
        let raw = money.raw(qty, price);
        let (base, settle, is_spot) = (money.base, money.settle, money.is_spot);
        let mut booked = Booked { fee: money.fee(raw, is_maker, tier), tier, ..Booked::default() };
        if is_move {
            let value = money.signed(raw, side);
            booked.profit = match self.holding_mut(account, instrument) {
                Some(holding) => holding.fill(side, qty, value),
                None => 0,
            };
            if is_spot {
                let (lots, cash) = self.spot_amounts(instrument, side, raw, qty);
                self.pay(account, base, lots);
                self.pay(account, settle, cash);
            } else if booked.profit != 0 {
                booked.cash = self.money(instrument).map_or(0, |money| money.cash(booked.profit, Rounding::Floor));
                self.pay(account, settle, booked.cash);
                if let Some(holding) = self.holding_mut(account, instrument) {
                    holding.realized = holding.realized.saturating_add(booked.cash);
                }
            }
        }
        if booked.fee != 0 {
            self.pay(account, settle, booked.fee.saturating_neg());
        }
        booked
    }

    /// Base and quote that a spot fill moves: what comes is rounded down, what goes up.
    fn spot_amounts(&self, instrument: InstrumentId, side: Side, raw: i128, qty: Qty) -> (i128, i128) {
        let Some(money) = self.money(instrument) else { return (0, 0) };
        match side {
            Side::Buy => (money.lots(qty, Rounding::Floor), money.cash(raw, Rounding::Ceil).saturating_neg()),
            Side::Sell => (money.lots(qty, Rounding::Ceil).saturating_neg(), money.cash(raw, Rounding::Floor)),
        }
    }

    /// Undoes what a trade moved. A position that is flat then keeps no cost: what is left of it becomes cash.
    fn unbook(&mut self, record: &TradeRecord) {
        let TradeRecord { instrument, maker, taker, taker_side, price, qty, .. } = *record;
        let sides = [(maker, taker_side.opposite(), record.of_maker), (taker, taker_side, record.of_taker)];
        for (account, side, booked) in sides {
            let Some(money) = self.money.get(instrument.index()) else { return };
            let raw = money.raw(qty, price);
            let (base, settle, is_spot) = (money.base, money.settle, money.is_spot);
            if maker != taker {
                let cost = money.signed(raw, side).saturating_add(booked.profit);
                let mut cash = booked.cash.saturating_neg();
                if is_spot {
                    let (lots, quote) = self.spot_amounts(instrument, side, raw, qty);
                    self.pay(account, base, lots.saturating_neg());
                    self.pay(account, settle, quote.saturating_neg());
                }
                let left = self.holding_mut(account, instrument).map_or(0, |holding| {
                    holding.qty = holding.qty.saturating_sub(qty.get().saturating_mul(side.sign()));
                    holding.cost = holding.cost.saturating_sub(cost);
                    if holding.qty == 0 { core::mem::take(&mut holding.cost) } else { 0 }
                });
                if !is_spot {
                    let left = self.money(instrument).map_or(0, |m| m.cash(left.saturating_neg(), Rounding::Floor));
                    cash = cash.saturating_add(left);
                    self.pay(account, settle, cash);
                    if let Some(holding) = self.holding_mut(account, instrument) {
                        holding.realized = holding.realized.saturating_add(cash);
                    }
                }
            }
            self.pay(account, settle, booked.fee);
        }
    }

    fn record_mut(&mut self, trade_id: ExecId) -> Option<&mut TradeRecord> {
        let back = self.traded.checked_sub(trade_id.0)?;
        let at = self.trades.len().checked_sub(1)?.checked_sub(usize::try_from(back).ok()?)?;
        self.trades.get_mut(at).filter(|record| record.qty > Qty::ZERO)
    }

    /// A trade that still stands.
    pub(super) fn record(&mut self, trade_id: ExecId) -> Option<TradeRecord> {
        self.record_mut(trade_id).map(|record| *record)
    }

    /// Undoes a trade, and books it again at another price where one is given.
    pub(super) fn correct(&mut self, now: Ts, trade_id: ExecId, price: Option<Price>) {
        let Some(mut record) = self.record(trade_id) else { return };
        self.unbook(&record);
        self.count(now, &record, true);
        match price {
            Some(price) => {
                record.price = price;
                self.book(&mut record);
                self.count(now, &record, false);
            }
            None => record.qty = Qty::ZERO,
        }
        if let Some(kept) = self.record_mut(trade_id) {
            *kept = record;
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(self.holdings.len(), out);
        for holding in &self.holdings {
            holding.qty.put(out);
            holding.cost.put(out);
            holding.realized.put(out);
        }
        for table in [&self.cash, &self.house] {
            put_len(table.len(), out);
            table.iter().for_each(|amount| amount.put(out));
        }
        self.volumes.encode(out);
        self.traded.put(out);
        put_len(self.trades.len(), out);
        for record in &self.trades {
            record.put(out);
        }
    }

    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        take_into(&mut self.holdings, bytes, |bytes| {
            Ok(Holding { qty: Field::take(bytes)?, cost: Field::take(bytes)?, realized: Field::take(bytes)? })
        })?;
        take_into(&mut self.cash, bytes, Field::take)?;
        take_into(&mut self.house, bytes, Field::take)?;
        self.volumes.restore(bytes)?;
        self.traded = Field::take(bytes)?;
        self.trades = take_list(bytes, TradeRecord::take)?.into();
        Ok(())
    }
}

impl Booked {
    fn put(&self, out: &mut Vec<u8>) {
        self.fee.put(out);
        self.profit.put(out);
        self.cash.put(out);
        self.tier.put(out);
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (fee, profit, cash) = (Field::take(bytes)?, Field::take(bytes)?, Field::take(bytes)?);
        Ok(Self { fee, profit, cash, tier: Field::take(bytes)? })
    }
}

impl TradeRecord {
    fn put(&self, out: &mut Vec<u8>) {
        self.ts.put(out);
        self.instrument.put(out);
        self.maker.put(out);
        self.taker.put(out);
        self.taker_side.put(out);
        self.price.put(out);
        self.qty.put(out);
        self.of_maker.put(out);
        self.of_taker.put(out);
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            ts: Field::take(bytes)?,
            instrument: Field::take(bytes)?,
            maker: Field::take(bytes)?,
            taker: Field::take(bytes)?,
            taker_side: Field::take(bytes)?,
            price: Field::take(bytes)?,
            qty: Field::take(bytes)?,
            of_maker: Booked::take(bytes)?,
            of_taker: Booked::take(bytes)?,
        })
    }
}

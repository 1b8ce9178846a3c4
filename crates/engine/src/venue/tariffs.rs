//! What trades pay: each instrument's fees, and its tiers by what an account traded before.

use std::collections::VecDeque;

use tiderace_margin::exact;
use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::{
    AccountId, AssetId, DecodeError, ExecId, Field, InstrumentId, InstrumentKind, Price, Qty, Rounding, Style, Ts,
};

use super::config::{FeeTier, Fees, Listing, VenueConfig};
use super::snapshot::{put_len, take_list};
use super::terms::TRADES_KEPT;
use super::volumes::Volumes;

/// One instrument's.
#[derive(Debug)]
struct Tariff {
    /// What trades are counted in for tiers.
    quote: AssetId,
    fees: Fees,
    tiers: Vec<FeeTier>,
    /// Whether a lot is worth the same at every price.
    is_by_lot: bool,
    /// Base units of the quote asset in a lot x tick, or in a lot: `num` over `den`.
    num: i128,
    den: i128,
}

/// Everyone's.
#[derive(Debug)]
pub(super) struct Tariffs {
    rows: Vec<Tariff>,
    volumes: Volumes,
    /// When each of the last trades that counted was: a correction takes its volume from its own day.
    times: VecDeque<(ExecId, Ts)>,
}

/// A trade, as volumes count it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) instrument: InstrumentId,
    pub(super) accounts: [AccountId; 2],
    pub(super) price: Price,
    pub(super) qty: Qty,
}

impl Tariff {
    /// None where the steps of the instrument do not fit.
    fn new(config: &VenueConfig, listing: &Listing) -> Option<Self> {
        let of = &listing.instrument;
        let scale = pow10(config.assets.get(of.quote.index())?.decimals)?;
        let steps = pow10(STEP_DECIMALS)?;
        let lot = i128::from(of.lot_size).checked_mul(i128::from(of.contract_multiplier))?.checked_div(steps)?;
        let is_dated = matches!(of.kind, InstrumentKind::Perpetual | InstrumentKind::Future);
        let is_by_lot = is_dated && of.style == Style::Inverse;
        let (tick, tick_den) = if is_by_lot { (1, 1) } else { (i128::from(of.tick_size), steps) };
        // Steps of ten leave common factors: without them the products fit.
        let (lot, lot_den) = reduced(lot, steps);
        let (tick, tick_den) = reduced(tick, tick_den);
        let (scale, tick_den) = reduced(scale, tick_den);
        let (num, den) = reduced(lot.checked_mul(tick)?.checked_mul(scale)?, lot_den.checked_mul(tick_den)?);
        let (quote, fees, tiers) = (of.quote, listing.fees, listing.fee_tiers.clone());
        Some(Self { quote, fees, tiers, is_by_lot, num, den })
    }

    /// What an account that traded so much pays.
    fn fees(&self, volume: i128) -> Fees {
        let reached = self.tiers.partition_point(|tier| tier.volume.get() <= volume);
        reached.checked_sub(1).and_then(|row| self.tiers.get(row)).map_or(self.fees, FeeTier::fees)
    }

    /// What a trade counts for tiers, in base units of the quote asset, rounded down.
    fn notional(&self, price: Price, qty: Qty) -> i128 {
        let lots = i128::from(qty.get());
        let steps = if self.is_by_lot { lots } else { lots.saturating_mul(price.get().into()).saturating_abs() };
        exact::mul_div(steps, self.num, self.den, Rounding::Floor).unwrap_or(i128::MAX)
    }
}

fn reduced(num: i128, den: i128) -> (i128, i128) {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    let divisor = a.max(1);
    (num.checked_div(divisor).unwrap_or(num), den.checked_div(divisor).unwrap_or(den))
}

impl Tariffs {
    /// Nothing traded yet. None where an instrument's steps do not fit.
    pub(super) fn new(config: &VenueConfig) -> Option<Self> {
        let rows = config.instruments.iter().map(|listing| Tariff::new(config, listing));
        Some(Self { rows: rows.collect::<Option<_>>()?, volumes: Volumes::new(config)?, times: VecDeque::new() })
    }

    /// What an account's next trade would pay at `ts`.
    pub(super) fn fees(&self, ts: Ts, account: AccountId, instrument: InstrumentId) -> Fees {
        let Some(row) = self.rows.get(instrument.index()) else { return Fees::default() };
        if row.tiers.is_empty() { row.fees } else { row.fees(self.volumes.of(ts, account, row.quote)) }
    }

    /// Counts a trade; an account that meets itself adds nothing.
    pub(super) fn on_trade(&mut self, ts: Ts, trade_id: ExecId, trade: &Counted) {
        if self.volumes.is_empty() {
            return;
        }
        if self.times.len() >= TRADES_KEPT {
            self.times.pop_front();
        }
        self.times.push_back((trade_id, ts));
        self.add(ts, ts, trade, false);
    }

    /// Counts a trade at another price, or not at all, in place of as it was.
    pub(super) fn on_correction(&mut self, now: Ts, trade_id: ExecId, before: &Counted, price: Option<Price>) {
        let Ok(at) = self.times.binary_search_by_key(&trade_id, |(id, _)| *id) else { return };
        let Some((_, ts)) = self.times.get(at).copied() else { return };
        self.add(now, ts, before, true);
        if let Some(price) = price {
            self.add(now, ts, &Counted { price, ..*before }, false);
        }
    }

    fn add(&mut self, now: Ts, ts: Ts, trade: &Counted, is_back: bool) {
        let [one, other] = trade.accounts;
        let Some(row) = self.rows.get(trade.instrument.index()).filter(|_| one != other) else { return };
        let notional = row.notional(trade.price, trade.qty);
        let amount = if is_back { notional.saturating_neg() } else { notional };
        for account in trade.accounts {
            self.volumes.add(now, ts, account, row.quote, amount);
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.volumes.encode(out);
        put_len(self.times.len(), out);
        for (trade_id, ts) in &self.times {
            trade_id.put(out);
            ts.put(out);
        }
    }

    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.volumes.restore(bytes)?;
        self.times = take_list(bytes, |bytes| Ok((ExecId::take(bytes)?, Ts::take(bytes)?)))?.into();
        Ok(())
    }
}

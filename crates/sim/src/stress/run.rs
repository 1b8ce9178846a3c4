//! The venue of a day with all that goes into it and comes out of it: recorded, so that it can be done again.

use std::collections::BTreeSet;

use tiderace_engine::venue::{Posting, Venue, VenueConfig};
use tiderace_types::venue::{Command, Event, Trade};
use tiderace_types::{AccountId, AssetId, ExecType, Qty, TradeKind, Ts};

use super::layers::Watch;
use super::scene::Prices;
use crate::rng::float;

/// Row of the last layer whose payments are postings from its purse.
const ASSESSMENT: usize = 4;
/// Nobody, where an event names an account.
const NOBODY: u32 = u32::MAX;

/// What happened since the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) warned: u64,
    pub(super) called: u64,
    pub(super) liquidations: u64,
    pub(super) liquidated_usd: f64,
    pub(super) auctions: u64,
    pub(super) auctions_won: u64,
    pub(super) auctions_without_bid: u64,
    pub(super) deleveraged: u64,
    pub(super) deleveraged_usd: f64,
    /// By layer.
    pub(super) layers_usd: [f64; 7],
    pub(super) refused: u64,
}

/// A venue that is watched.
pub(super) struct Run {
    pub(super) venue: Venue,
    pub(super) watch: Watch,
    /// Time, kind and bytes of each command.
    pub(super) commands: Vec<(Ts, u16, Vec<u8>)>,
    pub(super) tally: Tally,
    pub(super) trades: Vec<(Ts, Trade)>,
    pub(super) postings: Vec<Posting>,
    /// Accounts that were ever called below their margin.
    pub(super) below: BTreeSet<AccountId>,
    /// Accounts for which a layer, or who was deleveraged, had to pay.
    pub(super) failed: BTreeSet<AccountId>,
    /// Portfolios that are up for auction, since the last look.
    pub(super) opened: Vec<AccountId>,
    /// Base units that each layer paid, by asset, as events say it.
    pub(super) told: [[i128; 2]; 7],
    events: Vec<Event>,
    outputs: blake3::Hasher,
    seen: usize,
}

impl Run {
    pub(super) fn new(config: VenueConfig, members: u32) -> Result<Self, String> {
        let mut venue = Venue::new(config).map_err(|error| error.to_string())?;
        venue.enable_postings();
        let watch = Watch::new(venue.clearing(), members);
        Ok(Self {
            venue,
            watch,
            commands: Vec::new(),
            tally: Tally::default(),
            trades: Vec::new(),
            postings: Vec::new(),
            below: BTreeSet::new(),
            failed: BTreeSet::new(),
            opened: Vec::new(),
            told: [[0; 2]; 7],
            events: Vec::new(),
            outputs: blake3::Hasher::new(),
            seen: 0,
        })
    }

    /// Does a command and counts what follows, valued at `prices`.
    pub(super) fn send(&mut self, ts: Ts, command: impl Into<Command>, prices: &Prices) {
        let command = command.into();
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        self.commands.push((ts, command.kind(), bytes));
        self.venue.apply(ts, &command, &mut self.events);
        self.venue.drain_postings(&mut self.postings);
        for posting in self.postings.get(self.seen..).unwrap_or_default() {
            let layer = self.watch.follow(self.venue.clearing(), posting);
            if let Some(sum) = layer.and_then(|layer| self.tally.layers_usd.get_mut(layer)) {
                *sum += usd(posting.asset, posting.amount, prices);
            }
        }
        self.seen = self.postings.len();
        digest_events(&self.events, &mut self.outputs);
        let events = core::mem::take(&mut self.events);
        for event in &events {
            self.count(event, prices);
        }
        self.events = events;
        self.events.clear();
    }

    fn count(&mut self, event: &Event, prices: &Prices) {
        let tally = &mut self.tally;
        let add = |count: &mut u64| *count = count.saturating_add(1);
        match event {
            Event::Report(report) if report.exec_type == ExecType::Rejected => add(&mut tally.refused),
            Event::Trade(trade) => {
                self.trades.push((self.venue.now(), *trade));
                if trade.kind == TradeKind::Liquidation {
                    add(&mut tally.liquidations);
                    tally.liquidated_usd += prices.notional_usd(trade.instrument, trade.qty.get());
                }
            }
            Event::CommandRefused(_) => add(&mut tally.refused),
            Event::MarginCalled(of) if of.is_liquidation => {
                add(&mut tally.called);
                self.below.insert(of.account);
            }
            Event::MarginCalled(_) => add(&mut tally.warned),
            Event::AuctionOpened(of) => {
                add(&mut tally.auctions);
                self.opened.push(of.account);
            }
            Event::AuctionClosed(of) => {
                let is_won = of.winner.0 != NOBODY;
                add(if is_won { &mut tally.auctions_won } else { &mut tally.auctions_without_bid });
            }
            Event::LayerUsed(of) => {
                self.failed.insert(of.account);
                let layer = usize::from(of.layer).saturating_sub(1);
                // The others are counted by their postings.
                if let Some(sum) = tally.layers_usd.get_mut(layer).filter(|_| layer > ASSESSMENT) {
                    *sum += usd(of.asset, of.amount.get(), prices);
                }
                if let Some(sum) = self.told.get_mut(layer).and_then(|of_layer| of_layer.get_mut(of.asset.index())) {
                    *sum = sum.saturating_add(of.amount.get());
                }
            }
            Event::Deleveraged(of) => {
                self.failed.insert(of.defaulter);
                add(&mut tally.deleveraged);
                tally.deleveraged_usd += prices.notional_usd(of.instrument, of.qty.get());
            }
            Event::Report(_)
            | Event::StateChanged(_)
            | Event::Indication(_)
            | Event::MmpChanged(_)
            | Event::VenueKillChanged(_)
            | Event::TradeCorrected(_)
            | Event::BalanceChanged(_)
            | Event::LimitChanged(_)
            | Event::FundingPaid(_)
            | Event::InstrumentSettled(_)
            | Event::ClearingStalled(_)
            | Event::PayoffListed(_)
            | Event::PayoffObserved(_)
            | Event::PayoffPaid(_)
            | Event::PayoffTrapped(_)
            | Event::ConditionChanged(_) => {}
        }
    }

    /// Digest of all events so far.
    pub(super) fn outputs(&self) -> String {
        self.outputs.finalize().to_hex().to_string()
    }

    /// Whether the recorded commands, read from their bytes, give another venue the same state and the same events.
    pub(super) fn is_repeated(&self, config: VenueConfig) -> Result<bool, String> {
        let mut venue = Venue::new(config).map_err(|error| error.to_string())?;
        let (mut events, mut outputs) = (Vec::new(), blake3::Hasher::new());
        for (ts, kind, bytes) in &self.commands {
            let command = Command::decode(*kind, bytes).map_err(|error| error.to_string())?;
            venue.apply(*ts, &command, &mut events);
            digest_events(&events, &mut outputs);
            events.clear();
        }
        Ok(venue.digest() == self.venue.digest() && outputs.finalize() == self.outputs.finalize())
    }
}

fn digest_events(events: &[Event], into: &mut blake3::Hasher) {
    let mut bytes = Vec::new();
    for event in events {
        event.kind().to_le_bytes().iter().for_each(|byte| bytes.push(*byte));
        event.encode(&mut bytes);
    }
    into.update(&bytes);
}

/// Base units of an asset in the quote currency.
pub(super) fn usd(asset: AssetId, amount: i128, prices: &Prices) -> f64 {
    let amount = float(i64::try_from(amount).unwrap_or(i64::MAX));
    if asset == super::scene::BTC { amount * 1e-8 * prices.index } else { amount * 1e-6 }
}

/// Lots as an order has them; nothing below zero.
pub(super) fn lots(count: i64) -> Qty {
    Qty::new(count.max(0)).unwrap_or(Qty::ZERO)
}

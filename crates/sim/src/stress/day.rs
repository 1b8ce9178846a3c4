//! A day of crash: positions are opened, the price falls step by step, and what follows goes its way through the venue.
//!
//! All of it is commands: quotes of makers, orders of customers, index, marks, bids, the clock. In a step makers move
//! their quotes first; then the marks move, and liquidation orders meet those quotes; members bid for what is put up.

use serde::Serialize;
use tiderace_engine::venue::{Fund, House, LedgerAccount, Posting, Venue};
use tiderace_types::venue::{AuctionBid, Clock, IndexSet, MarkSet, MassQuote, NewOrder, QuoteEntry, Trade};
use tiderace_types::{AccountId, Amount, AssetId, ClOrdId, InstrumentId, Price, TimeInForce, Ts};

use super::chain::Chain;
use super::config::{Config, Policy};
use super::genesis::Start;
use super::layers::{GAINS, NAMES};
use super::run::{Run, Tally, lots, usd};
use super::scene::{BTC, FIRST_OPTION, INVERSE, INVERSE_USD, LINEAR, LINEAR_LOT, OPTION_LOT, Prices, Scene, USDC};
use crate::rng::{Rng, float, floor};

const SECOND_NS: i64 = 1_000_000_000;
/// Steps without a move after the fall: auctions end, the last orders find their way.
const CALM_STEPS: u32 = 3;
/// Distances from the mark at which makers quote perpetuals and options, on a calm day.
const PERPETUAL_LEVELS: [f64; 5] = [0.0005, 0.002, 0.006, 0.015, 0.04];
const OPTION_LEVELS: [f64; 2] = [0.06, 0.3];
/// The group that makers' quotes are in: they have no protection.
const GROUP: u16 = 0;

/// A moment of the day.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// From 1; those after the fall count on.
    pub step: u32,
    /// When.
    pub ts_ns: i64,
    /// The index.
    pub index: f64,
    /// What every vol is multiplied by.
    pub vol: f64,
    /// Accounts warned.
    pub warned: u64,
    /// Accounts called below their margin.
    pub called: u64,
    /// Liquidation trades in the books.
    pub liquidations: u64,
    /// Underlying of them, in the quote currency.
    pub liquidated_usd: f64,
    /// Portfolios put up.
    pub auctions: u64,
    /// Of those that ended: taken by a member.
    pub auctions_won: u64,
    /// Of those that ended: without a bid.
    pub auctions_without_bid: u64,
    /// Positions closed against a defaulter's.
    pub deleveraged: u64,
    /// Underlying of them.
    pub deleveraged_usd: f64,
    /// What each layer paid, in the quote currency at the index then.
    pub layers_usd: [f64; 7],
    /// The insurance fund, in the quote currency.
    pub insurance_usd: f64,
    /// The house's capital.
    pub house_usd: f64,
    /// The mutual fund.
    pub mutual_usd: f64,
}

/// A layer of the waterfall.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Which.
    pub layer: &'static str,
    /// Base units paid, by asset.
    pub used: Vec<Used>,
    /// In the quote currency, each at the index of its moment.
    pub usd: f64,
}

/// Money of one asset.
#[derive(Clone, Debug, Serialize)]
pub struct Used {
    /// Which.
    pub asset: &'static str,
    /// In base units, as text.
    pub amount: String,
}

/// An asset over the day.
#[derive(Clone, Debug, Serialize)]
pub struct Total {
    /// Which.
    pub asset: &'static str,
    /// What all accounts and funds held together at the start, in base units.
    pub before: String,
    /// At the end.
    pub after: String,
}

/// What a day came to.
#[derive(Clone, Debug, Serialize)]
pub struct Day {
    /// How losses were met.
    pub policy: Policy,
    /// Where the options are from.
    pub source: String,
    /// Of every draw.
    pub seed: u64,
    /// The index before the first step.
    pub index_start: f64,
    /// Commands that the venue was given.
    pub commands: usize,
    /// Trades, liquidations among them.
    pub trades: usize,
    /// Positions that customers wanted at the start, and could not have.
    pub wishes: usize,
    /// Orders and quotes refused: makers without margin, customers too.
    pub refused: u64,
    /// Positions open at the start.
    pub positions: usize,
    /// Accounts that were ever below their margin.
    pub accounts_below: usize,
    /// Accounts whose losses somebody else bore.
    pub accounts_failed: usize,
    /// What others bore, by layer.
    pub layers: Vec<Layer>,
    /// Sum of it in the quote currency.
    pub shortfall_usd: f64,
    /// Fees of liquidations, and what defaulters had left, that the insurance fund took: in the quote currency at the
    /// last index, as the next.
    pub fees_usd: f64,
    /// What positions that the house took over have come to, open ones at their marks.
    pub taken_over_usd: f64,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What there is of each asset.
    pub totals: Vec<Total>,
    /// Whether the events that name layers say the same amounts as the ledger.
    pub is_told: bool,
    /// Whether debits equal credits and there is as much long as short.
    pub is_balanced: bool,
    /// Postings of a layer while one above it had money: zero.
    pub out_of_order: u64,
    /// Digest of the venue's state.
    pub state: String,
    /// Digest of its events.
    pub outputs: String,
    /// Whether the recorded commands gave the same digests again.
    pub is_repeated: bool,
}

/// A day with what it left.
pub struct Outcome {
    /// What it came to.
    pub day: Day,
    /// The venue at its end.
    pub venue: Venue,
    /// Its trades.
    pub trades: Vec<(Ts, Trade)>,
    /// Its postings.
    pub postings: Vec<Posting>,
}

/// A day under way.
struct Driver<'a> {
    config: &'a Config,
    policy: Policy,
    scene: &'a Scene,
    run: Run,
    rng: Rng,
    next_id: u64,
    /// Of the last surface.
    version: u64,
    /// Between 0 and 1: how far the fall is.
    progress: f64,
}

/// The index at each step, as a factor, and what every vol is multiplied by: steps of drawn sizes, some far larger than
/// others, that together are the fall.
fn path(config: &Config) -> Vec<(f64, f64)> {
    let mut rng = Rng::new(config.seed, 12);
    let sizes: Vec<f64> = (0..config.steps).map(|_| rng.exponential().powi(2)).collect();
    let whole: f64 = sizes.iter().sum();
    let mut so_far = 0.0;
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(sizes.len());
    for size in &sizes {
        so_far += size;
        let part = if whole > 0.0 { so_far / whole } else { 1.0 };
        points.push((libm::exp(part * libm::log(1.0 - config.fall)), 1.0 + config.vol_rise * part));
    }
    points
}

/// Opens the positions of a day in a new venue.
pub(super) fn open(config: &Config, policy: Policy, scene: &Scene) -> Result<(Run, usize), String> {
    let prices = scene.prices(scene.ts_ns, 1.0, 1.0);
    let start = Start::new(config, policy, scene, &prices)?;
    let run = Run::new(start.venue.clone(), config.members)?;
    let rng = Rng::new(config.seed, 13);
    let mut driver = Driver { config, policy, scene, run, rng, next_id: 1, version: 0, progress: 0.0 };
    let ts = Ts::new(scene.ts_ns);
    driver.mark(ts, &prices, (1.0, 1.0));
    for (wish, at) in start.wishes.iter().zip(0u32..) {
        let maker = AccountId(at.checked_rem(config.makers).unwrap_or(0));
        let (price, qty) = (prices.mark(wish.instrument), lots(wish.lots));
        let customer = AccountId(config.members.saturating_add(wish.customer));
        let id = driver.id();
        let order = NewOrder::limit(maker, wish.instrument, id, wish.side.opposite(), price, qty);
        driver.run.send(ts, order, &prices);
        let id = driver.id();
        let order = NewOrder::limit(customer, wish.instrument, id, wish.side, price, qty);
        driver.run.send(ts, NewOrder { time_in_force: TimeInForce::Ioc, ..order }, &prices);
    }
    let all = tiderace_types::venue::CancelAll {
        account: AccountId(0),
        instrument: tiderace_types::venue::ANY_INSTRUMENT,
        side: tiderace_types::venue::ANY,
        kind: tiderace_types::venue::ANY,
    };
    for maker in 0..config.makers {
        driver.run.send(ts, tiderace_types::venue::CancelAll { account: AccountId(maker), ..all }, &prices);
    }
    Ok((driver.run, start.wishes.len()))
}

/// Lets the day of a configuration happen.
///
/// # Errors
/// What of the configuration is out of range, or what the venue refuses of its genesis.
pub fn day(config: &Config, chain: &Chain, policy: Policy) -> Result<Outcome, String> {
    config.check()?;
    let steps = i64::from(config.steps.saturating_add(CALM_STEPS).saturating_add(1));
    let until = chain.ts_ns.saturating_add(config.step_ns.saturating_mul(steps));
    let scene = Scene::new(chain, config.options, until);
    if scene.quotes.is_empty() {
        return Err("options: the chain has none that outlives the day".to_owned());
    }
    let (run, wishes) = open(config, policy, &scene)?;
    let before = totals(&run.venue);
    let positions = open_positions(&run.venue);
    let next_id = u64::try_from(wishes).unwrap_or(0).saturating_mul(2).saturating_add(1);
    let mut driver = Driver {
        config,
        policy,
        scene: &scene,
        run,
        rng: Rng::new(config.seed, 14),
        next_id,
        version: 1,
        progress: 0.0,
    };
    let refused = driver.run.tally.refused;
    let mut rows = Vec::new();
    let points = path(config);
    let calm = points.last().copied().into_iter().cycle().take(usize::try_from(CALM_STEPS).unwrap_or(0));
    for ((spot, vol), step) in points.iter().copied().chain(calm).zip(1u32..) {
        driver.progress = (float(i64::from(step)) / float(i64::from(config.steps))).min(1.0);
        rows.push(driver.step(step, spot, vol));
    }
    let last = rows.last().map_or(1.0, |row| row.index / scene.index);
    let prices = scene.prices(until, last, 1.0);
    let run = driver.run;
    let genesis = run.venue.config().clone();
    let is_repeated = run.is_repeated(genesis)?;
    let (fees, taken) = (run.watch.fees, run.watch.taken_over);
    let told = |layer: usize, asset: usize| run.told.get(layer).and_then(|of| of.get(asset)).copied().unwrap_or(0);
    let paid =
        |layer: usize, asset: usize| run.watch.paid.get(layer).and_then(|of| of.get(asset)).copied().unwrap_or(0);
    let layers = NAMES.iter().enumerate().map(|(row, layer)| {
        let used = [("BTC", 0), ("USDC", 1)].map(|(asset, at)| {
            // What deleveraging costs is postings only, what nobody pays events only; cuts of gains come as events.
            let both = if row < GAINS { paid(row, at) } else { paid(row, at).saturating_add(told(row, at)) };
            Used { asset, amount: both.to_string() }
        });
        Layer { layer, used: used.into(), usd: rows.iter().filter_map(|step| step.layers_usd.get(row)).sum() }
    });
    let layers: Vec<Layer> = layers.collect();
    let totals = [("BTC", BTC), ("USDC", USDC)].map(|(asset, id)| {
        let then = before.get(id.index()).copied().unwrap_or(0);
        let now = self::totals(&run.venue).get(id.index()).copied().unwrap_or(0);
        Total { asset, before: then.to_string(), after: now.to_string() }
    });
    let day = Day {
        policy,
        source: scene.source.clone(),
        seed: config.seed,
        index_start: scene.index,
        commands: run.commands.len(),
        trades: run.trades.len(),
        wishes,
        refused,
        positions,
        accounts_below: run.below.len(),
        accounts_failed: run.failed.len(),
        shortfall_usd: layers.iter().map(|layer| layer.usd).sum(),
        layers,
        steps: rows,
        totals: totals.into(),
        fees_usd: usd(BTC, fees[0], &prices) + usd(USDC, fees[1], &prices),
        taken_over_usd: usd(BTC, taken[0], &prices) + usd(USDC, taken[1], &prices) + open_usd(&run.venue, &prices),
        is_told: (0..GAINS).all(|row| (0..2).all(|asset| told(row, asset) == paid(row, asset))),
        is_balanced: run.venue.clearing().is_balanced(),
        out_of_order: run.watch.out_of_order,
        state: hex(run.venue.digest()),
        outputs: run.outputs(),
        is_repeated,
    };
    Ok(Outcome { day, venue: run.venue, trades: run.trades, postings: run.postings })
}

/// What the positions of the house are worth beyond its cash.
fn open_usd(venue: &Venue, prices: &Prices) -> f64 {
    let (clearing, house) = (venue.clearing(), venue.clearing().house_account());
    let open = |asset: AssetId| {
        let cash = clearing.fund(Fund::Insurance, asset).get();
        usd(asset, clearing.standing(house, asset).equity.get().saturating_sub(cash), prices)
    };
    open(BTC) + open(USDC)
}

fn hex(digest: [u8; 32]) -> String {
    blake3::Hash::from_bytes(digest).to_hex().to_string()
}

/// What accounts and funds hold together, by asset.
fn totals(venue: &Venue) -> Vec<i128> {
    let mut sums = vec![0i128; venue.config().assets.len()];
    for row in venue.clearing().trial_balance() {
        if row.account != LedgerAccount::House(House::Custody)
            && let Some(sum) = sums.get_mut(row.asset.index())
        {
            *sum = sum.saturating_add(row.total);
        }
    }
    sums
}

fn open_positions(venue: &Venue) -> usize {
    let accounts = 0..u32::try_from(venue.config().accounts.len()).unwrap_or(0);
    accounts.map(|id| venue.clearing().positions(AccountId(id)).count()).sum()
}

impl Driver<'_> {
    fn id(&mut self) -> ClOrdId {
        let id = ClOrdId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    /// Index, marks of the perpetuals, the surface, and marks of the options.
    fn mark(&mut self, ts: Ts, prices: &Prices, (spot, vol): (f64, f64)) {
        self.run.send(ts, IndexSet { base: BTC, price: prices.index_amount() }, prices);
        for instrument in self.scene.ids() {
            if instrument == FIRST_OPTION && self.config.portfolio > 0.0 {
                self.version = self.version.saturating_add(1);
                self.run.send(ts, self.scene.surface(self.version, spot, vol), prices);
            }
            self.run.send(ts, MarkSet { instrument, price: prices.mark(instrument) }, prices);
        }
    }

    fn step(&mut self, step: u32, spot: f64, vol: f64) -> Step {
        let at = self.scene.ts_ns.saturating_add(self.config.step_ns.saturating_mul(i64::from(step)));
        let prices = self.scene.prices(at, spot, vol);
        self.run.tally = Tally::default();
        self.quote(Ts::new(at), &prices);
        self.mark(Ts::new(at), &prices, (spot, vol));
        self.bid(Ts::new(at.saturating_add(10 * SECOND_NS)), &prices);
        let later = Ts::new(at.saturating_add(75 * SECOND_NS));
        self.run.send(later, Clock { ts_now: later }, &prices);
        let fund = |layer| {
            let clearing = self.run.venue.clearing();
            [BTC, USDC].iter().map(|asset| usd(*asset, clearing.fund(layer, *asset).get(), &prices)).sum()
        };
        let tally = &self.run.tally;
        Step {
            step,
            ts_ns: at,
            index: prices.index,
            vol,
            warned: tally.warned,
            called: tally.called,
            liquidations: tally.liquidations,
            liquidated_usd: tally.liquidated_usd,
            auctions: tally.auctions,
            auctions_won: tally.auctions_won,
            auctions_without_bid: tally.auctions_without_bid,
            deleveraged: tally.deleveraged,
            deleveraged_usd: tally.deleveraged_usd,
            layers_usd: tally.layers_usd,
            insurance_usd: fund(Fund::Insurance),
            house_usd: fund(Fund::House),
            mutual_usd: fund(Fund::Mutual),
        }
    }

    /// Makers take their quotes out, all of them, before the first of them quotes anew: nobody trades on an old price.
    fn quote(&mut self, ts: Ts, prices: &Prices) {
        for is_out in [true, false] {
            for maker in 0..self.config.makers {
                let entries = if is_out { Vec::new() } else { self.entries(prices) };
                let quote_id = self.id();
                let quote = MassQuote { account: AccountId(maker), quote_id, mmp_group: GROUP, entries };
                self.run.send(ts, quote, prices);
            }
        }
    }

    /// Quotes around the marks: wider and thinner as the day goes on.
    fn entries(&self, prices: &Prices) -> Vec<QuoteEntry> {
        let (wide, thin) = (1.0 + 3.0 * self.progress, 1.0 - 0.8 * self.progress);
        let mut entries = Vec::new();
        for instrument in self.scene.ids() {
            let mark = float(prices.mark(instrument).get());
            let (levels, lots_each): (&[f64], f64) = match instrument {
                INVERSE => (&PERPETUAL_LEVELS, self.config.depth_usd / INVERSE_USD),
                LINEAR => (&PERPETUAL_LEVELS, self.config.depth_usd / (LINEAR_LOT * prices.index)),
                _ => (&OPTION_LEVELS, self.config.depth_contracts / OPTION_LOT),
            };
            let qty = lots(floor(lots_each * thin).max(1));
            for level in levels {
                let bid = floor(mark * (1.0 - (level * wide).min(0.9))).saturating_sub(1);
                let ask = floor(mark * (1.0 + level * wide)).saturating_add(2);
                let bid_qty = if bid > 0 { qty } else { lots(0) };
                entries.push(QuoteEntry {
                    instrument,
                    bid_px: Price::new(bid.max(1)),
                    bid_qty,
                    ask_px: Price::new(ask),
                    ask_qty: qty,
                });
            }
        }
        entries
    }

    /// Members bid for what is up for auction: they want to be paid for the risk, more as the day goes on.
    fn bid(&mut self, ts: Ts, prices: &Prices) {
        let opened = core::mem::take(&mut self.run.opened);
        if self.policy == Policy::Immediate {
            return;
        }
        let appetite = self.config.appetite * (1.0 - 0.6 * self.progress);
        for defaulter in opened {
            for member in 0..self.config.members {
                let (draw, dearness) = (self.rng.unit(), self.rng.unit());
                let asset = self.run.venue.clearing().auctions().iter().find(|of| of.account == defaulter);
                let Some(asset) = asset.map(|of| of.asset) else { continue };
                if draw >= appetite || AccountId(member) == defaulter {
                    continue;
                }
                let premium = self.premium_usd(defaulter, prices) * (1.0 + dearness) * (1.0 + self.progress);
                let price = base_units(asset, premium, prices).saturating_neg();
                let bid = AuctionBid { account: AccountId(member), defaulter, price: Amount::new(price) };
                self.run.send(ts, bid, prices);
            }
        }
    }

    /// What taking over an account's portfolio is worth to a member on a calm day: 0.5 % of the underlying of
    /// perpetuals, 0.2 % of that of options and a twentieth of their price.
    fn premium_usd(&self, account: AccountId, prices: &Prices) -> f64 {
        let positions = self.run.venue.clearing().positions(account);
        let each = positions.map(|position| {
            let (at, size): (InstrumentId, i64) = (position.instrument, position.qty.saturating_abs());
            let notional = prices.notional_usd(at, size);
            let is_option = self.scene.quote(at).is_some();
            if is_option { 0.002 * notional + 0.05 * prices.worth_usd(at, size) } else { 0.005 * notional }
        });
        each.sum()
    }
}

fn base_units(asset: AssetId, value_usd: f64, prices: &Prices) -> i128 {
    let units = if asset == BTC { value_usd / prices.index * 1e8 } else { value_usd * 1e6 };
    i128::from(floor(units))
}

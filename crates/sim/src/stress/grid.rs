//! What moves of spot and vol would do to the house as it stands: a grid of them, days that were, and whether the funds
//! bear the two members whose default would cost most.
//!
//! Every account stands by itself: in each asset what it has (cash, open profit, options at their marks) and what its
//! positions gain or lose, revalued in full at the moved prices and vols, nothing liquidated on the way. What is left
//! below zero is shortfall. Research, in floats; no money moves by it.

use serde::Serialize;
use tiderace_engine::venue::{Fund, LedgerAccount, Venue};
use tiderace_types::{AccountId, AssetId, InstrumentId};

use super::chain::Chain;
use super::config::{Config, Move, Policy};
use super::genesis::member_name;
use super::run::usd;
use super::scene::{BTC, INVERSE, INVERSE_USD, LINEAR, LINEAR_LOT, OPTION_LOT, Prices, Scene, USDC};
use crate::rng::float;

/// What one move does to everybody.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// What it is called; empty in the grid.
    pub name: String,
    /// Of the price.
    pub spot: f64,
    /// Of every vol.
    pub vol: f64,
    /// Profit of all customers, in the quote currency at the moved index, as all that follows.
    pub customers_usd: f64,
    /// Profit of the members themselves.
    pub members_usd: f64,
    /// What accounts lack.
    pub shortfall_usd: f64,
    /// How many lack something.
    pub accounts: usize,
}

/// A member's default.
#[derive(Clone, Debug, Serialize)]
pub struct MemberLoss {
    /// Which.
    pub member: String,
    /// What it and its customers lack.
    pub shortfall_usd: f64,
    /// What its own share of the mutual fund bears of that.
    pub own_usd: f64,
}

/// Whether the funds bear two defaults at once.
#[derive(Clone, Debug, Serialize)]
pub struct Cover {
    /// Of which move.
    pub name: String,
    /// Of the price.
    pub spot: f64,
    /// Of every vol.
    pub vol: f64,
    /// The two that cost most, beyond their own shares.
    pub members: Vec<MemberLoss>,
    /// What the others have to bear for them.
    pub needed_usd: f64,
    /// Insurance fund, house capital and the other members' shares.
    pub funded_usd: f64,
    /// Most that the others can be assessed.
    pub assessable_usd: f64,
    /// Whether the funds are enough by themselves.
    pub is_covered: bool,
    /// Whether they are with assessments.
    pub is_covered_with_assessments: bool,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    /// Where the options are from.
    pub source: String,
    /// Of every draw.
    pub seed: u64,
    /// Open positions.
    pub positions: usize,
    /// Spot by vol.
    pub cells: Vec<Cell>,
    /// Days that were.
    pub days: Vec<Cell>,
    /// Two members by each of them, and by the corners of the grid.
    pub cover: Vec<Cover>,
    /// The worst of them.
    pub worst: Option<Cover>,
}

/// An account as it stands.
struct Holder {
    member: usize,
    is_house: bool,
    equity: [f64; 2],
    positions: Vec<(InstrumentId, i64)>,
}

/// Stresses the house at the start of the day.
///
/// # Errors
/// As [`super::day()`].
pub fn grid(config: &Config, chain: &Chain) -> Result<Grid, String> {
    config.check()?;
    let scene = Scene::new(chain, config.options, chain.ts_ns);
    if scene.quotes.is_empty() {
        return Err("options: the chain has none".to_owned());
    }
    let (run, _) = super::day::open(config, Policy::Staged, &scene)?;
    let venue = run.venue;
    let holders = holders(&venue, config);
    let base = scene.prices(scene.ts_ns, 1.0, 1.0);
    let move_of = |name: &str, spot: f64, vol: f64| Move { name: name.to_owned(), spot, vol };
    let spots = config.grid_spot.iter();
    let cells: Vec<Move> =
        spots.flat_map(|spot| config.grid_vol.iter().map(move |vol| move_of("", *spot, *vol))).collect();
    let seen = |of: &Move| cell(&scene, &base, &holders, of);
    let corners = cells.iter().map(|of| Move { name: "grid".to_owned(), ..of.clone() });
    let all = config.moves.iter().cloned().chain(corners);
    let covers: Vec<Cover> = all.map(|of| cover(&venue, config, &scene, &base, &holders, &of)).collect();
    let lack = |of: &Cover| of.needed_usd - of.funded_usd;
    let worst = covers.iter().max_by(|a, b| lack(a).total_cmp(&lack(b))).cloned();
    Ok(Grid {
        source: scene.source.clone(),
        seed: config.seed,
        positions: holders.iter().map(|of| of.positions.len()).sum(),
        days: config.moves.iter().map(seen).collect(),
        cells: cells.iter().map(seen).collect(),
        cover: covers.into_iter().take(config.moves.len()).collect(),
        worst,
    })
}

fn holders(venue: &Venue, config: &Config) -> Vec<Holder> {
    let clearing = venue.clearing();
    let accounts = (0u32..).zip(&venue.config().accounts);
    let holder = |(id, row): (u32, &tiderace_engine::venue::AccountConfig)| {
        let account = AccountId(id);
        let equity = |asset: AssetId, scale: f64| {
            float(i64::try_from(clearing.standing(account, asset).equity.get()).unwrap_or(i64::MAX)) / scale
        };
        let member = (0..config.members).position(|of| row.member.as_deref() == Some(member_name(of).as_str()));
        Holder {
            member: member.unwrap_or(0),
            is_house: row.clearing.is_house,
            equity: [equity(BTC, 1e8), equity(USDC, 1e6)],
            positions: clearing.positions(account).map(|of| (of.instrument, of.qty)).collect(),
        }
    };
    accounts.map(holder).collect()
}

/// The index and what a lot of each instrument gains, in its settlement asset.
fn gains(scene: &Scene, base: &Prices, of: &Move) -> (f64, Vec<f64>) {
    let (spot, vol) = (1.0 + of.spot, 1.0 + of.vol);
    let moved = base.index * spot;
    let gain = |at: InstrumentId| match at {
        INVERSE => INVERSE_USD / base.index - INVERSE_USD / moved,
        LINEAR => LINEAR_LOT * (moved - base.index),
        _ => scene.quote(at).map_or(0.0, |quote| {
            let price = |spot, vol| scene.coin_price(quote, scene.ts_ns, spot, vol);
            OPTION_LOT * (price(spot, vol) - price(1.0, 1.0))
        }),
    };
    (moved, scene.ids().map(gain).collect())
}

/// Profit and shortfall of an account, in the quote currency.
fn outcome(holder: &Holder, index: f64, gains: &[f64]) -> (f64, f64) {
    let mut profit = [0.0; 2];
    for (at, qty) in &holder.positions {
        let gain = gains.get(at.index()).copied().unwrap_or(0.0) * float(*qty);
        let [btc, usdc] = &mut profit;
        *(if *at == LINEAR { usdc } else { btc }) += gain;
    }
    let ([btc, usdc], [has_btc, has_usdc]) = (profit, holder.equity);
    let lack = |has: f64| (-has).max(0.0);
    (btc * index + usdc, lack(has_btc + btc) * index + lack(has_usdc + usdc))
}

fn cell(scene: &Scene, base: &Prices, holders: &[Holder], of: &Move) -> Cell {
    let (index, gains) = gains(scene, base, of);
    let name = of.name.clone();
    let mut cell = Cell {
        name,
        spot: of.spot,
        vol: of.vol,
        customers_usd: 0.0,
        members_usd: 0.0,
        shortfall_usd: 0.0,
        accounts: 0,
    };
    for holder in holders {
        let (profit, lack) = outcome(holder, index, &gains);
        *(if holder.is_house { &mut cell.members_usd } else { &mut cell.customers_usd }) += profit;
        cell.shortfall_usd += lack;
        cell.accounts = cell.accounts.saturating_add(usize::from(lack > 0.0));
    }
    cell
}

fn cover(venue: &Venue, config: &Config, scene: &Scene, base: &Prices, holders: &[Holder], of: &Move) -> Cover {
    let (index, gains) = gains(scene, base, of);
    let clearing = venue.clearing();
    let moved = Prices { index, marks: Vec::new() };
    let both =
        |each: &dyn Fn(AssetId) -> i128| [BTC, USDC].iter().map(|asset| usd(*asset, each(*asset), &moved)).sum::<f64>();
    let share = |member: u32| both(&|asset| clearing.total(LedgerAccount::Mutual(member), asset).get());
    let mut lacks = vec![0.0; usize::try_from(config.members).unwrap_or(0)];
    for holder in holders {
        if let Some(lack) = lacks.get_mut(holder.member) {
            *lack += outcome(holder, index, &gains).1;
        }
    }
    let mut members: Vec<(u32, MemberLoss)> = (0u32..)
        .zip(lacks)
        .map(|(row, shortfall_usd)| {
            let own_usd = share(row).min(shortfall_usd);
            (row, MemberLoss { member: member_name(row), shortfall_usd, own_usd })
        })
        .collect();
    members.sort_by(|(_, a), (_, b)| (b.shortfall_usd - b.own_usd).total_cmp(&(a.shortfall_usd - a.own_usd)));
    let rest: f64 = members.iter().skip(2).map(|(row, _)| share(*row)).sum();
    members.truncate(2);
    let needed_usd = members.iter().map(|(_, of)| of.shortfall_usd - of.own_usd).sum();
    let fund = |layer: Fund| both(&|asset| clearing.fund(layer, asset).get());
    let funded_usd = fund(Fund::Insurance) + fund(Fund::House) + rest;
    let assessable_usd = rest * config.assessment_cap;
    Cover {
        name: of.name.clone(),
        spot: of.spot,
        vol: of.vol,
        members: members.into_iter().map(|(_, of)| of).collect(),
        needed_usd,
        funded_usd,
        assessable_usd,
        is_covered: needed_usd <= funded_usd,
        is_covered_with_assessments: needed_usd <= funded_usd + assessable_usd,
    }
}

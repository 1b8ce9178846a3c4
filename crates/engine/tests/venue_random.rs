//! Any commands in any order: the venue panics on none, keeps its sums, and a twin read back from its bytes in the
//! middle goes on alike. A failure prints its seed.

mod venue_draw;
mod venue_world;

use tiderace_engine::venue::{Funding, FundingKind, House, LedgerAccount, MarginTerms, Venue, VenueConfig};
use tiderace_margin::Factor;
use tiderace_types::venue::{Clock, Command, Event, IndexSet, KillSet, MarkSet};
use tiderace_types::{
    AccountId, Amount, Fraction, InstrumentId, InstrumentKind, KillScope, Price, Side, TradeKind, Ts,
};
use venue_draw::Draw;
use venue_world::{BTC, USDC, config};

const HOUR_NS: i64 = 3_600_000_000_000;

fn checked(venue: &Venue, start: [i128; 2]) {
    let accounts = [AccountId(0), AccountId(1), AccountId(2), venue.clearing().house_account()];
    assert!(venue.clearing().is_balanced());
    let custody = LedgerAccount::House(House::Custody);
    assert_eq!([USDC, BTC].map(|asset| -venue.clearing().total(custody, asset).get()), start);
    for at in [0, 1, 2, 3].map(InstrumentId) {
        assert_eq!(accounts.iter().map(|account| venue.position(*account, at).qty).sum::<i64>(), 0);
    }
}

/// Margin on everything, funding on the perpetuals, and so little cash that accounts fall and are closed out.
fn margined() -> VenueConfig {
    let mut config = config();
    for listing in &mut config.instruments {
        let [initial, maintenance] = ["0.1", "0.05"].map(|text| Factor::parse(text).unwrap());
        listing.clearing.margin = Some(MarginTerms::Tiered { initial, maintenance, per_unit: Factor::default() });
        listing.clearing.liquidation_fee = Fraction::new(1_000_000);
        if listing.instrument.kind == InstrumentKind::Perpetual {
            let [clamp, cap, interest] = [500_000, 7_500_000, 100_000].map(Fraction::new);
            let interval_ns = 8 * HOUR_NS;
            listing.clearing.funding = Some(Funding { kind: FundingKind::Periodic, interval_ns, interest, clamp, cap });
        }
    }
    for account in &mut config.accounts {
        account.balances = vec![(USDC, Amount::new(500_000_000)), (BTC, Amount::new(10_000_000))];
    }
    config.fund = vec![(USDC, Amount::new(50_000_000)), (BTC, Amount::new(1_000_000))];
    config
}

/// Prices far apart and hours that pass, between the other commands.
fn shaken(draw: &mut Draw, id: u64, now: Ts) -> (Ts, Command) {
    match id % 40 {
        0 => (now.plus_ns(draw.small(HOUR_NS)), Command::from(Clock { ts_now: now })),
        1 | 11 | 21 => {
            let price = Price::new(80 + draw.small(41));
            (now, MarkSet { instrument: draw.instrument(), price }.into())
        }
        31 => (
            now,
            IndexSet { base: BTC, price: Amount::new(i128::from(80 + draw.small(41)) * 1_000_000_000_000) }.into(),
        ),
        _ => {
            let ts = now.plus_ns(draw.small(20));
            (ts, draw.command(id, ts))
        }
    }
}

/// Runs so many commands; gives how many trades they made, how many of them were liquidations, and how often an account
/// was closed out beyond the book.
fn run(seed: u64, commands: u64, config: VenueConfig, is_shaken: bool) -> [usize; 3] {
    let mut draw = Draw(seed);
    let mut venue = Venue::new(config).unwrap();
    let custody = LedgerAccount::House(House::Custody);
    let start = [USDC, BTC].map(|asset| -venue.clearing().total(custody, asset).get());
    let mut twin: Option<Venue> = None;
    let (mut events, mut of_twin, mut trades) = (Vec::new(), Vec::new(), 0);
    let (mut liquidations, mut falls) = (0, 0);
    for id in 1..=commands {
        let (ts, command) = if is_shaken {
            shaken(&mut draw, id, venue.now())
        } else {
            let ts = venue.now().plus_ns(draw.small(20));
            (ts, draw.command(id, ts))
        };
        events.clear();
        venue.apply(ts, &command, &mut events);
        let kinds =
            events.iter().filter_map(|event| if let Event::Trade(trade) = event { Some(trade.kind) } else { None });
        let kinds: Vec<_> = kinds.collect();
        trades += kinds.len();
        liquidations += kinds.iter().filter(|kind| **kind == TradeKind::Liquidation).count();
        let is_fall =
            |event: &&Event| matches!(event, Event::AuctionClosed(_) | Event::Deleveraged(_) | Event::LayerUsed(_));
        falls += events.iter().filter(is_fall).count();
        if let Some(twin) = &mut twin {
            of_twin.clear();
            twin.apply(ts, &command, &mut of_twin);
            assert_eq!(of_twin, events, "seed {seed}, command {id}: {command:?}");
        }
        if id % 500 == 0 {
            checked(&venue, start);
            let mut bytes = Vec::new();
            venue.encode(&mut bytes);
            if let Some(twin) = &twin {
                assert_eq!(twin.digest(), venue.digest(), "seed {seed}, command {id}");
            }
            twin = Some(Venue::decode(venue.config().clone(), &bytes).unwrap());
        }
    }
    // What the venue lists and no market knows could not be canceled.
    let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
    venue.apply(venue.now(), &kill.into(), &mut events);
    assert!([0, 1, 2].map(AccountId).iter().all(|account| venue.open_orders(*account) == 0), "seed {seed}");
    let held = |account| [USDC, BTC].map(|asset| venue.balance(account, asset).held.get());
    assert!([0, 1, 2].map(AccountId).into_iter().all(|account| held(account) == [0, 0]), "seed {seed}");
    for at in [0, 1, 2, 3].map(InstrumentId) {
        let book = venue.market(at).unwrap().book();
        assert!(Side::ALL.iter().all(|side| book.levels(*side).next().is_none()), "seed {seed}");
    }
    [trades, liquidations, falls]
}

#[test]
fn any_commands_keep_the_sums_and_a_twin_goes_on_alike() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (200, 20_000) } else { (8, 5_000) };
    let trades: usize = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands, config(), false)[0]).sum();
    println!("{} commands, {trades} trades", seeds * commands);
    assert!(trades > 1_000);
}

#[test]
fn margined_accounts_fall_and_the_books_still_balance() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (200, 20_000) } else { (8, 5_000) };
    let all = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands, margined(), true));
    let [trades, liquidations, falls] = all.fold([0; 3], |sum, of| [sum[0] + of[0], sum[1] + of[1], sum[2] + of[2]]);
    println!("{} commands, {trades} trades, {liquidations} liquidations, {falls} beyond the book", seeds * commands);
    assert!(trades > 1_000 && liquidations > 0 && falls > 5);
}

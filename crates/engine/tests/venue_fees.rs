//! Fee tiers: what an account traded in 30 days decides what its next trade pays.

mod venue_world;

use tiderace_engine::venue::{ConfigError, FeeTier, Fees, Venue, VenueConfig};
use tiderace_types::venue::{AdjustTrade, BustTrade, Event, NewOrder};
use tiderace_types::{AccountId, Amount, ExecId, Fraction, InstrumentId, Price, Side, TimeInForce, Ts};
use venue_world::{ALICE, BOB, CAROL, apply, config, order};

const DAY_NS: i64 = 86_400_000_000_000;

fn tier(volume: i128, maker: i64, taker: i64) -> FeeTier {
    let [maker, taker] = [maker, taker].map(Fraction::new);
    FeeTier { volume: Amount::new(volume), maker, taker }
}

/// Every instrument has tiers from 1,000 and 2,000 USDC on.
fn with_tiers() -> VenueConfig {
    let mut config = config();
    for listing in &mut config.instruments {
        listing.fee_tiers = vec![tier(1_000_000_000, 0, 400_000), tier(2_000_000_000, -200_000, 300_000)];
    }
    config
}

fn trade_at(venue: &mut Venue, ts: Ts, at: u16, ids: u64, accounts: [AccountId; 2], price: i64, lots: i64) {
    let [seller, buyer] = accounts;
    let instrument = InstrumentId(at);
    let maker = NewOrder { instrument, ..order(seller, ids, Side::Sell, price, lots) };
    let taker = NewOrder { instrument, ..order(buyer, ids + 1, Side::Buy, price, lots) };
    let taker = NewOrder { time_in_force: TimeInForce::Ioc, ..taker };
    let mut events = Vec::new();
    venue.apply(ts, &maker.into(), &mut events);
    venue.apply(ts, &taker.into(), &mut events);
    assert!(events.iter().any(|event| matches!(event, Event::Trade(_))), "{events:?}");
}

fn taker_fee(venue: &Venue, account: AccountId) -> i64 {
    venue.fees(account, InstrumentId(0)).taker.get()
}

#[test]
fn volumes_add_up_over_instruments_of_one_quote() {
    let mut venue = Venue::new(with_tiers()).unwrap();
    let ts = Ts::new(2_000);
    assert_eq!(taker_fee(&venue, BOB), 500_000);
    // 400 on the perpetual; 10 contracts of 1 USDC on the inverse one, whatever their price; 590 on the spot.
    trade_at(&mut venue, ts, 0, 1, [ALICE, BOB], 100, 4);
    trade_at(&mut venue, ts, 1, 3, [ALICE, BOB], 50, 10);
    trade_at(&mut venue, ts, 3, 5, [ALICE, BOB], 59, 9);
    assert_eq!(taker_fee(&venue, BOB), 500_000);
    trade_at(&mut venue, ts, 3, 7, [ALICE, BOB], 59, 1);
    assert_eq!(
        (taker_fee(&venue, ALICE), taker_fee(&venue, BOB), taker_fee(&venue, CAROL)),
        (400_000, 400_000, 500_000)
    );
}

#[test]
fn a_bust_takes_its_volume_back_and_an_adjustment_stays_in_its_tier() {
    let mut venue = Venue::new(with_tiers()).unwrap();
    let ts = Ts::new(2_000);
    trade_at(&mut venue, ts, 0, 1, [ALICE, BOB], 100, 10);
    trade_at(&mut venue, ts, 0, 3, [ALICE, BOB], 100, 10);
    assert_eq!(taker_fee(&venue, BOB), 300_000);
    apply(&mut venue, AdjustTrade { trade_id: ExecId(2), price: Price::new(50), operator: 1 });
    assert_eq!(taker_fee(&venue, BOB), 400_000);
    apply(&mut venue, BustTrade { trade_id: ExecId(1), operator: 1 });
    assert_eq!(taker_fee(&venue, BOB), 500_000);
    // What is left is the second trade at 50: in the tier of its time Bob pays 0.0004 of 500, Alice nothing.
    let usdc = |venue: &Venue, account| venue.balance(account, venue_world::USDC).total.get();
    assert_eq!(1_000_000_000_000 - usdc(&venue, BOB), 200_000);
    assert_eq!(usdc(&venue, ALICE), 1_000_000_000_000);
}

#[test]
fn volumes_are_part_of_the_snapshot() {
    let mut venue = Venue::new(with_tiers()).unwrap();
    for day in 0..40i64 {
        let id = u64::try_from(day).unwrap() * 2 + 1;
        trade_at(&mut venue, Ts::new(2_000 + day * DAY_NS), 0, id, [ALICE, BOB], 10 + day % 3, 5);
    }
    let mut bytes = Vec::new();
    venue.encode(&mut bytes);
    let mut restored = Venue::decode(with_tiers(), &bytes).unwrap();
    assert_eq!(restored.digest(), venue.digest());
    for day in 40..75i64 {
        let id = u64::try_from(day).unwrap() * 2 + 1;
        for venue in [&mut venue, &mut restored] {
            trade_at(venue, Ts::new(2_000 + day * DAY_NS), 0, id, [ALICE, BOB], 10, 5);
        }
        assert_eq!(restored.digest(), venue.digest());
        assert_eq!(venue.fees(BOB, InstrumentId(0)), restored.fees(BOB, InstrumentId(0)));
    }
    // 30 days of 50 are in the first tier; 30 days later nothing counts.
    assert_eq!(taker_fee(&venue, BOB), 400_000);
    venue.apply(Ts::new(2_000 + 104 * DAY_NS), &order(CAROL, 1, Side::Buy, 1, 1).into(), &mut Vec::new());
    assert_eq!(taker_fee(&venue, BOB), 500_000);
}

#[test]
fn a_table_of_tiers_rises_from_above_zero_and_is_short() {
    let mut config = with_tiers();
    assert_eq!(config.check(), Ok(()));
    let wrong = Err(ConfigError::OutOfRange { field: "fee_tiers", row: 2 });
    let many = (1..40).map(|volume| tier(volume, 0, 0)).collect();
    for tiers in [vec![tier(0, 0, 0)], vec![tier(5, 0, 0), tier(5, 0, 0)], vec![tier(1, 2 << 40, 0)], many] {
        config.instruments[2].fee_tiers = tiers;
        assert_eq!(config.check(), wrong);
    }
    config.instruments[2].fee_tiers.clear();
    let venue = Venue::new(config).unwrap();
    assert_eq!(venue.fees(AccountId(99), InstrumentId(99)), Fees::default());
}

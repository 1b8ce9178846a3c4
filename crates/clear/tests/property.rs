//! Whatever happens, in whatever order: the books balance to the unit after each event, the figures kept by difference
//! are those taken anew, and the bytes bring the same state back.

mod world;

use tiderace_clear::config::{AccountTerms, ContractTerms, CostMethod, Funding, FundingKind, HOUR_NS, MemberTerms};
use tiderace_clear::{Action, Clearing, Fill, House, LedgerAccount, OrderAsk, OrderHold};
use tiderace_types::{
    AccountId, Amount, AssetId, ExecId, Fraction, InstrumentId, Price, PutOrCall, Qty, Side, TradeKind,
};
use world::*;

/// Chance with a seed, in tests only.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low).unwrap())).unwrap()
    }
}

const ACCOUNTS: u32 = 12;

fn venue() -> Clearing {
    let day = |n: i64| START.plus_ns(n * 24 * HOUR_NS);
    let funding = |kind| Funding {
        kind,
        interval_ns: 8 * HOUR_NS,
        interest: Fraction::new(100_000),
        clamp: Fraction::new(250_000),
        cap: Fraction::new(5_000_000),
    };
    let margin = tiered("0.02", "0.01");
    let fee = Fraction::new(1_000_000);
    let mut fine = spot(2);
    fine.lot_size = 1_000_000;
    let contracts = vec![
        ContractTerms {
            margin: margin.clone(),
            funding: Some(funding(FundingKind::Periodic)),
            liquidation_fee: fee,
            ..terms(perp(0))
        },
        ContractTerms { margin: margin.clone(), funding: Some(funding(FundingKind::Continuous)), ..terms(inverse(1)) },
        terms(fine),
        ContractTerms { margin: margin.clone(), ..terms(future(3, day(3))) },
        terms(option(4, day(2), 50_000, PutOrCall::Call)),
        terms(binary(5, day(2), 50_000, PutOrCall::Put)),
        ContractTerms { margin, ..terms(future(6, day(400))) },
    ];
    let accounts = (0..ACCOUNTS).map(|id| AccountTerms {
        member: Some(id % 3),
        cost: if id % 4 == 0 { CostMethod::Fifo } else { CostMethod::Average },
        ..with(&[(USDC, usdc(500)), (BTC, btc(3_000_000))])
    });
    let mut base = config(contracts, accounts.collect());
    let member = |id: u32| MemberTerms {
        name: String::new(),
        mutual: vec![(USDC, usdc(40)), (BTC, btc(70_001))],
        account: Some(AccountId(id)),
    };
    base.members = (0..3).map(member).collect();
    base.insurance = vec![(USDC, usdc(90)), (BTC, btc(50_000))];
    base.house_capital = vec![(USDC, usdc(25))];
    base.interest = Fraction::new(50_000_000);
    Clearing::new(base).unwrap()
}

/// A venue with the orders that work in it.
struct World {
    c: Clearing,
    holds: Vec<(AccountId, InstrumentId, Side, OrderHold)>,
    price: i64,
    trades: u64,
}

impl World {
    fn step(&mut self, chance: &mut Chance) {
        let id = |chance: &mut Chance| AccountId(u32::try_from(chance.below(ACCOUNTS.into())).unwrap());
        let instrument = InstrumentId(u16::try_from(chance.below(7)).unwrap());
        let near = (self.price + chance.between(-300, 300)).max(1);
        let price = if instrument.0 >= 4 && instrument.0 < 6 { chance.between(1, 200) } else { near };
        let mut out = Vec::new();
        match chance.below(16) {
            0..=6 => {
                let qty = if instrument.0 == 2 { chance.between(1, 9) } else { chance.between(1, 60) };
                let (maker, taker) = (id(chance), id(chance));
                let taker_side = if chance.below(2) == 0 { Side::Buy } else { Side::Sell };
                let fees = [(-100_000, 500_000), (0, 0), (333_333, 777_777)];
                let (maker_fee, taker_fee) = fees[usize::try_from(chance.below(3)).unwrap()];
                let fill = Fill {
                    instrument,
                    maker,
                    taker,
                    taker_side,
                    price: Price::new(price),
                    qty: Qty::new(qty).unwrap(),
                    maker_fee: Fraction::new(maker_fee),
                    taker_fee: Fraction::new(taker_fee),
                    kind: TradeKind::Continuous,
                };
                if self.c.fill(&fill).is_ok() {
                    self.trades += 1;
                }
            }
            7 => drop(self.c.set_mark(instrument, Price::new(price))),
            8 => {
                self.price = (self.price + chance.between(-2_500, 2_500)).clamp(20_000, 300_000);
                self.c.set_index(BTC, Amount::new(i128::from(self.price) * 500_000_000_000)).unwrap();
                for row in [0, 1, 3, 6] {
                    self.c.set_mark(InstrumentId(row), Price::new(self.price)).unwrap();
                }
            }
            9 => drop(self.c.deposit(id(chance), AssetId(1), Amount::new(i128::from(chance.between(1, 99_999_999))))),
            10 => drop(self.c.withdraw(id(chance), AssetId(0), Amount::new(i128::from(chance.between(1, 999_999))))),
            11 => {
                let back = ExecId(1 + chance.below(self.trades.max(1)));
                if chance.below(2) == 0 {
                    self.c.bust(back).ok();
                } else {
                    self.c.adjust(back, Price::new(price)).ok();
                }
            }
            12 | 13 => {
                let side = if chance.below(2) == 0 { Side::Buy } else { Side::Sell };
                let (account, qty) = (id(chance), Qty::new(chance.between(1, 50)).unwrap());
                let fee = Fraction::new(500_000);
                let ask = OrderAsk { account, instrument, side, qty, price: Some(Price::new(price)), fee };
                if let Ok(hold) = self.c.check_order(&ask, OrderHold::default()) {
                    self.c.order_in(account, instrument, side, hold);
                    self.holds.push((account, instrument, side, hold));
                }
            }
            14 => {
                if let Some((account, instrument, side, mut hold)) = self.holds.pop() {
                    let left = Qty::new(chance.between(0, 20)).unwrap();
                    self.c.order_changed(account, instrument, side, &mut hold, left);
                    self.c.order_out(account, instrument, side, hold);
                }
            }
            _ => self.c.advance(self.c.now().plus_ns(chance.between(0, HOUR_NS)), &mut out),
        }
        self.react(chance);
    }

    /// What the engine would do, with a book that has something half of the time.
    fn react(&mut self, chance: &mut Chance) {
        for _ in 0..200 {
            let mut out = Vec::new();
            self.c.review(&mut out);
            if out.is_empty() {
                return;
            }
            for action in out {
                match action {
                    Action::Liquidate { account, instrument, side, qty, limit } => {
                        let maker = AccountId((account.0 + 1) % ACCOUNTS);
                        let filled = if chance.below(2) == 0 { qty } else { Qty::ZERO };
                        if filled > Qty::ZERO {
                            let fill = Fill {
                                instrument,
                                maker,
                                taker: account,
                                taker_side: side,
                                price: limit,
                                qty,
                                maker_fee: Fraction::ZERO,
                                taker_fee: Fraction::ZERO,
                                kind: TradeKind::Liquidation,
                            };
                            self.c.fill(&fill).unwrap();
                            self.trades += 1;
                        }
                        self.c.liquidated(account, instrument, filled);
                    }
                    Action::AuctionOpened { account, .. } => {
                        let bidder = AccountId((account.0 + 5) % ACCOUNTS);
                        self.c
                            .bid(
                                bidder,
                                account,
                                Amount::new(-i128::from(chance.between(0, 50_000_000))),
                                &mut Vec::new(),
                            )
                            .ok();
                    }
                    _ => {}
                }
            }
        }
        panic!("a review that never ends");
    }

    fn check(&self) {
        assert!(self.c.is_balanced());
        assert_eq!(self.c.total(LedgerAccount::House(House::Default), BTC), Amount::ZERO);
        assert_eq!(self.c.total(LedgerAccount::House(House::Default), USDC), Amount::ZERO);
        // What bears losses never has less than nothing.
        let mutual = (0..3).map(LedgerAccount::Mutual);
        let houses = [House::Insurance, House::Capital].map(LedgerAccount::House);
        for purse in houses.into_iter().chain(mutual) {
            for asset in [BTC, USDC] {
                assert!(self.c.total(purse, asset) >= Amount::ZERO, "{purse:?}: {:?}", self.c.total(purse, asset));
            }
        }
    }

    /// The sums of an account, from its positions.
    fn check_sums(&self) {
        for id in 0..ACCOUNTS {
            for asset in [BTC, USDC] {
                let standing = self.c.standing(AccountId(id), asset);
                let all = (0..7).filter_map(|row| self.c.position(AccountId(id), InstrumentId(row)));
                let here = |row: InstrumentId| self.c.contract(row).unwrap().settle() == asset;
                let (mut open, mut initial, mut maintenance) = (0, 0, 0);
                for position in all.filter(|position| here(position.instrument)) {
                    open += position.open + position.value;
                    initial += position.initial;
                    maintenance += position.maintenance;
                }
                let cash = self.c.balance(AccountId(id), asset).total.get();
                assert_eq!(standing.equity.get(), cash + open);
                assert_eq!((standing.initial.get(), standing.maintenance.get()), (initial, maintenance));
            }
        }
    }
}

fn run(seed: u64, events: u64) -> u64 {
    let (mut world, mut chance) = (World { c: venue(), holds: Vec::new(), price: 100_000, trades: 0 }, Chance(seed));
    let every = (events / 20).max(1);
    for row in 0..events {
        world.step(&mut chance);
        world.check();
        if row % every == 0 {
            world.check_sums();
            let mut bytes = Vec::new();
            world.c.encode(&mut bytes);
            let back = Clearing::decode(world.c.config().clone(), &mut &bytes[..]).unwrap();
            assert_eq!(back.digest(), world.c.digest());
            world.c = back;
        }
    }
    world.trades
}

#[test]
fn the_books_balance_after_each_of_many_random_events() {
    let events = if std::env::var_os("TIDERACE_FULL").is_some() { 1_000_000 } else { 20_000 };
    let mut trades = 0;
    for seed in 1..=5 {
        trades += run(seed * 7_919, events / 5);
    }
    assert!(trades > events / 10, "{trades} trades of {events} events");
}

#[test]
fn the_same_events_give_the_same_digest() {
    let digest = |seed| {
        let (mut world, mut chance) =
            (World { c: venue(), holds: Vec::new(), price: 100_000, trades: 0 }, Chance(seed));
        (0..2_000).for_each(|_| world.step(&mut chance));
        world.c.digest()
    };
    assert_eq!(digest(5), digest(5));
    assert_ne!(digest(5), digest(6));
}

#[test]
fn variation_of_any_crowd_sums_to_zero_with_the_rounding() {
    let mut chance = Chance(11);
    for _ in 0..200 {
        let accounts = vec![with(&[(BTC, btc(1_000_000_000))]); 9];
        let mut c = Clearing::new(config(vec![terms(inverse(0))], accounts)).unwrap();
        for _ in 0..40 {
            let (buyer, seller) = (u32::try_from(chance.below(9)).unwrap(), u32::try_from(chance.below(9)).unwrap());
            c.fill(&fill(PERP, buyer, seller, chance.between(80_000, 120_000), chance.between(1, 500))).unwrap();
        }
        c.set_mark(PERP, Price::new(chance.between(80_000, 120_000))).unwrap();
        c.advance(START.plus_ns(8 * HOUR_NS), &mut Vec::new());
        let rest = c.total(LedgerAccount::House(House::Rounding), BTC).get();
        let sum: i128 = (0..9).map(|id| total(&c, id, BTC)).sum();
        assert_eq!(sum + rest, 9_000_000_000);
        assert_eq!(c.total(LedgerAccount::House(House::Novation), BTC), Amount::ZERO);
        // A unit for each posting at most.
        assert!((0..=90).contains(&rest), "{rest}");
    }
}

//! The state as bytes, layout 3: `tests/golden/clear_snapshot_v3.hex`, 32 bytes a line. Later builds read it or say that
//! they do not.

mod world;

use tiderace_clear::config::{AccountTerms, ContractTerms, CostMethod, MemberTerms};
use tiderace_clear::{Action, Clearing, Fill, OrderAsk, OrderHold, Stage};
use tiderace_types::{AccountId, DecodeError, Fraction, InstrumentId, Price, Qty, Side, TradeKind};
use world::*;

const NS: i64 = 1_000_000_000;

/// One of everything: lots of two prices, a fee of a liquidation, a working order, an auction with a bid, an account on
/// its way down, one that is still to be looked at, and a bilateral trade that one side affirmed.
fn sample() -> Clearing {
    let margin = tiered("0.02", "0.01");
    let with_fee =
        ContractTerms { margin: margin.clone(), liquidation_fee: Fraction::new(1_000_000), ..terms(perp(0)) };
    let coin = ContractTerms { margin, ..terms(inverse(1)) };
    let of = |usd, member| AccountTerms { member, ..with(&[(USDC, usdc(usd)), (BTC, btc(7_000_000))]) };
    let fifo = AccountTerms { cost: CostMethod::Fifo, ..of(50_000, Some(1)) };
    let accounts = vec![of(1_000, Some(0)), of(100_000, Some(0)), fifo, of(1_010, None), of(1_020, None)];
    let mut base = config(vec![with_fee, coin], accounts);
    base.members = [(10, 1), (30, 2)]
        .map(|(amount, account)| MemberTerms {
            name: format!("member {account}"),
            mutual: vec![(USDC, usdc(amount))],
            account: Some(AccountId(account)),
        })
        .into();
    base.insurance = vec![(USDC, usdc(50)), (BTC, btc(3))];
    base.house_capital = vec![(USDC, usdc(20))];

    let mut c = Clearing::new(base).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    c.set_mark(InstrumentId(1), Price::new(100_000)).unwrap();
    c.fill(&fill(InstrumentId(1), 2, 1, 99_999, 7)).unwrap();
    for (price, qty) in [(100_000, 1_001), (100_003, 999)] {
        c.fill(&Fill { maker_fee: Fraction::new(-12_345), ..fill(PERP, 2, 1, price, qty) }).unwrap();
    }
    for short in [0, 3, 4] {
        c.fill(&fill(PERP, short, 1, 100_000, 1_000)).unwrap();
    }
    c.fill(&Fill { kind: TradeKind::Liquidation, taker_side: Side::Sell, ..fill(PERP, 4, 1, 99_990, 100) }).unwrap();
    let ask = OrderAsk {
        account: account(2),
        instrument: PERP,
        side: Side::Buy,
        qty: Qty::new(25).unwrap(),
        price: Some(Price::new(100_100)),
        fee: Fraction::new(500_000),
    };
    let hold = c.check_order(&ask, OrderHold::default()).unwrap();
    c.order_in(ask.account, ask.instrument, ask.side, hold);
    let trade = fill(PERP, 1, 2, 100_050, 3);
    let key = c.book_bilateral(&trade).unwrap();
    c.affirm(key, account(1), &trade).unwrap();

    c.advance(START.plus_ns(NS), &mut Vec::new());
    c.set_mark(PERP, Price::new(98_900)).unwrap();
    let mut actions = Vec::new();
    c.review(&mut actions);
    // The book has nothing for the first; the second is asked and not answered yet.
    let Some(Action::Liquidate { account: first, .. }) = actions.last().cloned() else { panic!("{actions:?}") };
    c.liquidated(first, PERP, Qty::ZERO);
    c.review(&mut actions);
    c.bid(account(1), first, usdc(-3), &mut Vec::new()).unwrap();
    c
}

fn hex(bytes: &[u8]) -> String {
    let line = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    bytes.chunks(32).map(line).collect()
}

fn golden() -> (String, Vec<u8>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/clear_snapshot_v3.hex");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let digits: String = text.split_whitespace().collect();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    (text, bytes.collect())
}

fn bytes_of(c: &Clearing) -> Vec<u8> {
    let mut bytes = Vec::new();
    c.encode(&mut bytes);
    bytes
}

#[test]
fn the_state_encodes_to_its_golden_bytes() {
    let c = sample();
    let in_stage = |wanted| (0..5).filter(|id| c.stage(account(*id)) == wanted).count();
    assert_eq!((in_stage(Stage::Auction), in_stage(Stage::Reducing { is_dry: false })), (1, 1));
    assert!(!c.bilaterals().is_empty() && c.is_balanced());
    assert_eq!(hex(&bytes_of(&c)), golden().0);
}

#[test]
fn the_golden_bytes_decode_to_their_state() {
    let (sample, (_, bytes)) = (sample(), golden());
    let mut rest = &bytes[..];
    let back = Clearing::decode(sample.config().clone(), &mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(bytes_of(&back), bytes);
    // They go on alike.
    let [mut one, mut other] = [sample, back];
    let after = |c: &mut Clearing| {
        let mut out = Vec::new();
        c.review(&mut out);
        c.advance(START.plus_ns(100 * NS), &mut out);
        c.review(&mut out);
        (format!("{out:?}"), c.digest())
    };
    assert_eq!(after(&mut one), after(&mut other));
}

#[test]
fn the_bytes_of_another_layout_are_refused_and_say_so() {
    let (config, (_, bytes)) = (sample().config().clone(), golden());
    assert_eq!(bytes[..2], 3u16.to_le_bytes());
    // Layout 2 kept no fee of a liquidation.
    for version in [0u16, 1, 2, 4, u16::MAX] {
        let mut other = bytes.clone();
        other[..2].copy_from_slice(&version.to_le_bytes());
        let refused = Clearing::decode(config.clone(), &mut &other[..]).unwrap_err();
        assert_eq!(refused, DecodeError::BadValue { field: "version of clearing (3 here)" });
    }
}

#[test]
fn bytes_that_end_early_are_no_state() {
    let (config, (_, bytes)) = (sample().config().clone(), golden());
    for len in 0..bytes.len() {
        assert!(Clearing::decode(config.clone(), &mut &bytes[..len]).is_err(), "{len}");
    }
}

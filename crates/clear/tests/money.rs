//! Cash, positions and holds: what moves, what is refused, and that nothing is lost.

mod world;

use tiderace_clear::config::{AccountTerms, ContractTerms, CostMethod};
use tiderace_clear::{
    ClearConfig, Clearing, ConfigError, Fill, House, LedgerAccount, OrderAsk, OrderHold, PostingKind, statement,
};
use tiderace_types::{Amount, AssetId, Fraction, InstrumentId, Price, Qty, Reason, Side, Ts};
use world::*;

fn ask(id: u32, side: Side, price: i64, qty: i64) -> OrderAsk {
    let (price, qty) = (Some(Price::new(price)), Qty::new(qty).unwrap());
    OrderAsk { account: account(id), instrument: PERP, side, qty, price, fee: Fraction::ZERO }
}

#[test]
fn a_reduced_position_pays_its_profit_at_the_mean_cost() {
    let mut c = perps(3);
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 0, 1, 102_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 2, 0, 104_000, 1_000)).unwrap();
    // Mean 50,500; sold at 52,000: 1,500 USDC.
    assert_eq!(total(&c, 0, USDC), 11_500_000_000);
    assert_eq!(c.qty(account(0), PERP), 1_000);
    assert!(c.is_balanced());
}

#[test]
fn fifo_takes_the_oldest_lots_first() {
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    let fifo = AccountTerms { cost: CostMethod::Fifo, ..with(&[(USDC, usdc(10_000))]) };
    let mut c = Clearing::new(config(vec![contract], vec![fifo, with(&[]), with(&[])])).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 0, 1, 102_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 2, 0, 104_000, 1_500)).unwrap();
    // 1 at 50,000 and half at 51,000: 2,000 + 500.
    assert_eq!(total(&c, 0, USDC), 12_500_000_000);
    assert!(c.is_balanced());
}

#[test]
fn fees_round_up_for_who_pays_and_rebates_down() {
    let mut c = perps(2);
    let of =
        Fill { maker_fee: Fraction::new(-100_000), taker_fee: Fraction::new(500_000), ..fill(PERP, 0, 1, 100_001, 1) };
    let filled = c.fill(&of).unwrap();
    // Notional 50.0005 USDC.
    assert_eq!((filled.taker_fee, filled.maker_fee), (25_001, -5_000));
    assert_eq!(c.total(LedgerAccount::House(House::Fees), USDC), Amount::new(20_001));
    assert!(c.is_balanced());
}

#[test]
fn spot_hands_over_base_and_quote_and_posts_what_is_not_even() {
    let mut spot = spot(0);
    spot.lot_size = 1_000_000;
    let accounts = vec![with(&[(USDC, usdc(10))]), with(&[(BTC, btc(1_000_000))])];
    let mut c = Clearing::new(config(vec![terms(spot)], accounts)).unwrap();
    // 3 lots of 10^-6 BTC at 0.5: 1.5 micro-USDC.
    c.fill(&fill(PERP, 0, 1, 1, 3)).unwrap();
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (9_999_998, 1));
    assert_eq!((total(&c, 0, BTC), total(&c, 1, BTC)), (300, 999_700));
    assert_eq!(c.total(LedgerAccount::House(House::Rounding), USDC), Amount::new(1));
    assert!(c.is_balanced());
}

#[test]
fn a_premium_is_cash_at_the_trade_and_its_value_is_equity() {
    let call = option(0, START.plus_ns(1 << 50), 50_000, tiderace_types::PutOrCall::Call);
    let accounts = vec![with(&[(USDC, usdc(1_000))]); 2];
    let mut c = Clearing::new(config(vec![terms(call)], accounts)).unwrap();
    c.fill(&fill(PERP, 0, 1, 200, 1_000)).unwrap();
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (900_000_000, 1_100_000_000));
    c.set_mark(PERP, Price::new(300)).unwrap();
    assert_eq!(c.standing(account(0), USDC).equity, usdc(1_050));
    assert_eq!(c.standing(account(1), USDC).equity, usdc(950));
    assert_eq!(c.balance(account(0), USDC).available, usdc(900));
}

#[test]
fn an_inverse_profit_is_paid_in_coin() {
    let accounts = vec![with(&[(BTC, btc(100_000_000))]); 2];
    let mut c = Clearing::new(config(vec![terms(inverse(0))], accounts)).unwrap();
    // 1,000 contracts of 10 USD from 50,000 to 40,000: 0.2 BTC becomes 0.25.
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 1, 0, 80_000, 1_000)).unwrap();
    assert_eq!((total(&c, 0, BTC), total(&c, 1, BTC)), (95_000_000, 105_000_000));
    assert!(c.is_balanced());
}

#[test]
fn a_busted_trade_leaves_no_trace_but_its_postings() {
    let mut c = perps(2);
    c.enable_postings();
    let of = Fill { taker_fee: Fraction::new(500_000), ..fill(PERP, 0, 1, 100_000, 10) };
    let first = c.fill(&of).unwrap();
    let second = c.fill(&fill(PERP, 1, 0, 101_000, 4)).unwrap();
    c.adjust(second.trade_id, Price::new(100_500)).unwrap();
    assert_eq!(total(&c, 0, USDC), 10_000_000_000 - 250_000 + 1_000_000);
    c.bust(second.trade_id).unwrap();
    c.bust(first.trade_id).unwrap();
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (10_000_000_000, 10_000_000_000));
    assert_eq!(c.qty(account(0), PERP), 0);
    assert_eq!(c.bust(first.trade_id).unwrap_err().reason, Reason::UnknownTrade);
    let mut postings = Vec::new();
    c.drain_postings(&mut postings);
    assert!(postings.iter().any(|posting| posting.kind == PostingKind::Correction));
    let rows = statement(&postings, LedgerAccount::Trading(account(0)), USDC, 10_000_000_000);
    assert_eq!(rows.last().unwrap().total, 10_000_000_000);
}

#[test]
fn what_is_not_there_is_refused_and_nothing_is_posted() {
    let mut c = perps(2);
    let before = c.digest();
    let refused = |of: Fill, c: &mut Clearing| c.fill(&of).unwrap_err().reason;
    assert_eq!(refused(fill(PERP, 0, 9, 1, 1), &mut c), Reason::UnknownAccount);
    assert_eq!(refused(fill(InstrumentId(7), 0, 1, 1, 1), &mut c), Reason::UnknownSymbol);
    assert_eq!(refused(fill(PERP, 0, 1, 1, 0), &mut c), Reason::BadQty);
    assert_eq!(refused(fill(PERP, 0, 1, i64::MAX, i64::MAX), &mut c), Reason::OverLimit);
    assert_eq!(c.deposit(account(0), AssetId(9), usdc(1)).unwrap_err().reason, Reason::UnknownAsset);
    assert_eq!(c.deposit(account(0), USDC, Amount::ZERO).unwrap_err().reason, Reason::BadAmount);
    assert_eq!(c.withdraw(account(0), USDC, usdc(10_001)).unwrap_err().reason, Reason::InsufficientBalance);
    assert_eq!(c.contribute_mutual(9, USDC, usdc(1)).unwrap_err().reason, Reason::UnknownMember);
    assert_eq!(c.set_mark(PERP, Price::ZERO).unwrap_err().reason, Reason::BadPrice);
    assert_eq!(c.digest(), before);
}

#[test]
fn an_order_holds_the_worse_side_and_gives_it_back() {
    let mut c = perps(2);
    c.set_mark(PERP, Price::new(100_000)).unwrap();
    // 2 % of 50,000 = 1,000 USDC a BTC.
    let buy = c.check_order(&ask(0, Side::Buy, 100_000, 6_000), OrderHold::default()).unwrap();
    c.order_in(account(0), PERP, Side::Buy, buy);
    assert_eq!(c.balance(account(0), USDC).held, usdc(6_000));
    let sell = c.check_order(&ask(0, Side::Sell, 100_000, 6_000), OrderHold::default()).unwrap();
    c.order_in(account(0), PERP, Side::Sell, sell);
    assert_eq!(c.balance(account(0), USDC).held, usdc(6_000));
    let refused = c.check_order(&ask(0, Side::Buy, 100_000, 5_000), OrderHold::default()).unwrap_err();
    assert_eq!((refused.reason, refused.value, refused.limit), (Reason::InsufficientMargin, usdc(5_000), usdc(4_000)));
    assert_eq!(c.withdraw(account(0), USDC, usdc(4_001)).unwrap_err().reason, Reason::InsufficientBalance);
    c.order_out(account(0), PERP, Side::Sell, sell);
    let mut left = buy;
    c.order_changed(account(0), PERP, Side::Buy, &mut left, Qty::new(1_000).unwrap());
    assert_eq!(c.balance(account(0), USDC).held, usdc(1_000));
    c.order_out(account(0), PERP, Side::Buy, left);
    assert_eq!(c.balance(account(0), USDC).held, Amount::ZERO);
    assert_eq!(c.balance(account(0), USDC).available, usdc(10_000));
}

#[test]
fn an_order_that_reduces_needs_nothing_even_from_who_has_nothing_left() {
    let mut c = perps(2);
    c.fill(&fill(PERP, 0, 1, 100_000, 10_000)).unwrap();
    c.set_mark(PERP, Price::new(98_200)).unwrap();
    assert!(c.balance(account(0), USDC).available < Amount::ZERO);
    c.check_order(&ask(0, Side::Sell, 98_200, 10_000), OrderHold::default()).unwrap();
    assert_eq!(
        c.check_order(&ask(0, Side::Buy, 98_200, 1), OrderHold::default()).unwrap_err().reason,
        Reason::InsufficientMargin
    );
}

#[test]
fn a_maker_that_can_no_longer_pay_is_not_filled() {
    let mut c = perps(2);
    c.set_mark(PERP, Price::new(100_000)).unwrap();
    let may = |c: &Clearing, side, qty| c.may_fill(&ask(0, side, 100_000, qty)).map_err(|of| of.reason);
    assert_eq!(may(&c, Side::Buy, 10_000), Ok(()));
    assert_eq!(may(&c, Side::Buy, 10_001), Err(Reason::InsufficientMargin));
    c.fill(&fill(PERP, 0, 1, 100_000, 10_000)).unwrap();
    c.set_mark(PERP, Price::new(98_200)).unwrap();
    assert_eq!(may(&c, Side::Sell, 10_000), Ok(()));
    assert_eq!(may(&c, Side::Buy, 1), Err(Reason::InsufficientMargin));
}

#[test]
fn a_maker_that_can_pay_the_margin_and_not_its_fee_is_not_filled() {
    let mut c = perps(2);
    c.set_mark(PERP, Price::new(100_000)).unwrap();
    // Of 10,000: a lot needs 1, and pays 0.05 at a thousandth.
    let fee = Fraction::new(1_000_000);
    let may = |qty, fee| {
        c.may_fill(&OrderAsk { fee, ..ask(0, Side::Buy, 100_000, qty) }).map_err(|of| (of.reason, of.value, of.limit))
    };
    assert_eq!(may(10_000, Fraction::ZERO), Ok(()));
    assert_eq!(may(9_523, fee), Ok(()));
    let needs = Amount::new(usdc(9_524).get() + 476_200_000);
    assert_eq!(may(9_524, fee), Err((Reason::InsufficientMargin, needs, usdc(10_000))));
    // A rebate brings nothing before it is paid.
    assert!(may(10_001, Fraction::new(-100_000_000)).is_err());
}

#[test]
fn without_a_price_margin_refuses() {
    let c = perps(1);
    let of = OrderAsk { price: None, ..ask(0, Side::Buy, 1, 1) };
    assert_eq!(c.check_order(&of, OrderHold::default()).unwrap_err().reason, Reason::NoReferencePrice);
}

#[test]
fn money_moves_within_a_tree_only() {
    let child = AccountTerms { parent: Some(account(0)), ..AccountTerms::default() };
    let accounts = vec![with(&[(USDC, usdc(100))]), child, with(&[])];
    let mut c = Clearing::new(config(vec![terms(perp(0))], accounts)).unwrap();
    c.transfer(account(0), account(1), USDC, usdc(60)).unwrap();
    assert_eq!((total(&c, 0, USDC), total(&c, 1, USDC)), (40_000_000, 60_000_000));
    assert_eq!(c.transfer(account(0), account(2), USDC, usdc(1)).unwrap_err().reason, Reason::UnknownAccount);
    assert_eq!(c.transfer(account(0), account(1), USDC, usdc(41)).unwrap_err().reason, Reason::InsufficientBalance);
}

#[test]
fn pooled_collateral_counts_after_its_haircut() {
    use tiderace_clear::config::CollateralTerms;
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    let pooled = AccountTerms { is_pooled: true, ..with(&[(BTC, btc(100_000_000))]) };
    let mut base = config(vec![contract], vec![pooled, with(&[(USDC, usdc(100_000))])]);
    base.assets[0].collateral =
        Some(CollateralTerms { haircut: Fraction::new(100_000_000), limit: Some(btc(50_000_000)) });
    let mut c = Clearing::new(ClearConfig { ..base }).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    // Half a coin counts, less a tenth: 22,500.
    assert_eq!(c.margin(account(0)).collateral, usdc(22_500));
    assert_eq!(c.margin(account(0)).equity, usdc(50_000));
    c.fill(&fill(PERP, 0, 1, 100_000, 20_000)).unwrap();
    assert_eq!(c.margin(account(0)).initial, usdc(20_000));
    let refused = c.check_order(&ask(0, Side::Buy, 100_000, 3_000), OrderHold::default()).unwrap_err();
    assert_eq!(refused.reason, Reason::InsufficientMargin);
}

#[test]
fn the_state_comes_back_from_its_bytes() {
    let mut c = perps(3);
    let mut out = Vec::new();
    c.advance(Ts::new(START.get() + 5), &mut out);
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    let mut bytes = Vec::new();
    c.encode(&mut bytes);
    let rest = &mut &bytes[..];
    let back = Clearing::decode(c.config().clone(), rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(back.digest(), c.digest());
    for len in 0..bytes.len() {
        assert!(Clearing::decode(c.config().clone(), &mut &bytes[..len]).is_err());
    }
}

#[test]
fn a_bilateral_trade_is_novated_once_both_sides_affirmed_the_same_terms() {
    let mut c = perps(3);
    let terms = fill(PERP, 0, 1, 100_000, 1_000);
    assert_eq!(c.book_bilateral(&fill(PERP, 0, 0, 1, 1)).unwrap_err().reason, Reason::Affirmation);
    let key = c.book_bilateral(&terms).unwrap();
    let other = fill(PERP, 0, 1, 100_001, 1_000);
    assert_eq!(c.affirm(key, account(0), &other).unwrap_err().reason, Reason::Affirmation);
    assert_eq!(c.affirm(key, account(2), &terms).unwrap_err().reason, Reason::Affirmation);
    assert_eq!(c.affirm(key + 1, account(0), &terms).unwrap_err().reason, Reason::UnknownTrade);
    assert_eq!(c.affirm(key, account(0), &terms).unwrap(), None);
    assert_eq!(c.affirm(key, account(0), &terms).unwrap_err().reason, Reason::Affirmation);
    assert!(c.affirm(key, account(1), &terms).unwrap().is_some());
    assert_eq!((c.qty(account(0), PERP), c.bilaterals().len()), (1_000, 0));
    let large = fill(PERP, 0, 1, 100_000, 100_000);
    let key = c.book_bilateral(&large).unwrap();
    c.affirm(key, account(0), &large).unwrap();
    assert_eq!(c.affirm(key, account(1), &large).unwrap_err().reason, Reason::InsufficientMargin);
    c.decline(key, account(1)).unwrap();
    assert_eq!(c.qty(account(0), PERP), 1_000);
}

#[test]
fn a_pooled_account_takes_only_what_counts() {
    let pooled = AccountTerms { is_pooled: true, ..with(&[]) };
    let mut c = Clearing::new(config(vec![terms(perp(0))], vec![pooled, with(&[])])).unwrap();
    assert_eq!(c.deposit(account(0), BTC, btc(1)).unwrap_err().reason, Reason::NotCollateral);
    c.deposit(account(0), USDC, usdc(1)).unwrap();
    c.deposit(account(1), BTC, btc(1)).unwrap();
}

#[test]
fn without_a_mark_the_last_trade_is_it() {
    let mut c = perps(3);
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 2, 1, 101_000, 1)).unwrap();
    assert_eq!(c.standing(account(0), USDC).equity, usdc(10_500));
    c.set_mark(PERP, Price::new(99_000)).unwrap();
    c.fill(&fill(PERP, 2, 1, 101_000, 1)).unwrap();
    assert_eq!(c.standing(account(0), USDC).equity, usdc(9_500));
}

#[test]
fn a_margin_model_below_zero_is_no_configuration() {
    for (initial, maintenance, field) in [("-0.02", "0.01", "initial"), ("0.02", "-0.01", "maintenance")] {
        let contract = ContractTerms { margin: tiered(initial, maintenance), ..terms(perp(0)) };
        let refused = Clearing::new(config(vec![contract], Vec::new())).map(|_| ());
        assert_eq!(refused, Err(ConfigError::OutOfRange { field, row: 0 }));
    }
}

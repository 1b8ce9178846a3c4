//! Down the stairs: warned, reduced in the book, auctioned, the waterfall, deleveraged.

mod world;

use tiderace_clear::config::{AccountTerms, AuctionKind, ContractTerms, MemberTerms};
use tiderace_clear::{Action, ClearConfig, Clearing, Fund, Layer, Stage};
use tiderace_margin::{Factor, Model};
use tiderace_types::{AccountId, Amount, InstrumentId, Price, PutOrCall, Qty, Reason, Side};
use world::*;

const SECOND: i64 = 1_000_000_000;

fn review(c: &mut Clearing) -> Vec<Action> {
    let mut out = Vec::new();
    c.review(&mut out);
    out
}

/// Plays the book: no order of a liquidation finds anything.
fn dry(c: &mut Clearing) -> Vec<Action> {
    let mut all = Vec::new();
    loop {
        let actions = review(c);
        if actions.is_empty() {
            return all;
        }
        for action in &actions {
            if let Action::Liquidate { account, instrument, .. } = *action {
                c.liquidated(account, instrument, Qty::ZERO);
            }
        }
        all.extend(actions);
    }
}

fn base() -> ClearConfig {
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    let of = |amount, member| AccountTerms { member: Some(member), ..with(&[(USDC, usdc(amount))]) };
    let accounts = vec![of(1_000, 0), of(100_000, 1), of(100_000, 1), of(100_000, 2)];
    let mut base = config(vec![contract], accounts);
    let member = |amount, account: u32| MemberTerms {
        name: String::new(),
        mutual: vec![(USDC, usdc(amount))],
        account: Some(AccountId(account)),
    };
    base.members = vec![member(10, 0), member(30, 2), member(10, 3)];
    base.insurance = vec![(USDC, usdc(50))];
    base.house_capital = vec![(USDC, usdc(20))];
    base
}

/// Account 0 is long one coin at 50,000 from account 1.
fn long(base: ClearConfig) -> Clearing {
    let mut c = Clearing::new(base).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    c
}

#[test]
fn an_account_is_warned_then_reduced_by_what_brings_it_back() {
    let mut c = long(base());
    c.set_mark(PERP, Price::new(99_200)).unwrap();
    // 600 left, 496 needed: above four fifths.
    assert_eq!(review(&mut c), [Action::Warn { account: account(0) }]);
    assert_eq!(c.stage(account(0)), Stage::Warned);
    c.set_mark(PERP, Price::new(98_900)).unwrap();
    let actions = review(&mut c);
    // 450 left, 494.5 needed: 9 % would do, a quarter is the step; limit 0.91 % off (of 5 %): what equity and layers bear.
    assert_eq!(actions[0], Action::CancelRiskAdding { account: account(0) });
    let Action::Liquidate { side: Side::Sell, qty, limit, .. } = actions[1] else { panic!("{actions:?}") };
    assert_eq!(qty.get(), 250);
    assert!(limit < Price::new(98_900) && limit > Price::new(97_500), "{limit:?}");
    let of = tiderace_clear::Fill { kind: tiderace_types::TradeKind::Liquidation, ..fill(PERP, 1, 0, 98_900, 250) };
    c.fill(&of).unwrap();
    c.liquidated(account(0), PERP, Qty::new(250).unwrap());
    assert_eq!(review(&mut c), []);
    assert_eq!(c.stage(account(0)), Stage::Warned);
    assert!(c.is_balanced());
}

#[test]
fn the_best_sealed_bid_wins_the_portfolio_at_the_mark() {
    let mut c = long(base());
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    let actions = dry(&mut c);
    let ends = START.plus_ns(60 * SECOND);
    assert_eq!(*actions.last().unwrap(), Action::AuctionOpened { account: account(0), ends });
    let mut out = Vec::new();
    let bid = |c: &mut Clearing, by, price, out: &mut Vec<Action>| c.bid(account(by), account(0), usdc(price), out);
    assert_eq!(bid(&mut c, 0, 0, &mut out).unwrap_err().reason, Reason::UnknownAuction);
    assert_eq!(c.bid(account(1), account(3), usdc(0), &mut out).unwrap_err().reason, Reason::UnknownAuction);
    assert_eq!(bid(&mut c, 1, -1_000_000, &mut out).unwrap_err().reason, Reason::BidTooLow);
    assert_eq!(bid(&mut c, 1, 100_000, &mut out).unwrap_err().reason, Reason::InsufficientMargin);
    bid(&mut c, 2, -100, &mut out).unwrap();
    bid(&mut c, 3, -50, &mut out).unwrap();
    bid(&mut c, 1, -50, &mut out).unwrap();
    assert_eq!(c.withdraw(account(0), USDC, usdc(1)).unwrap_err().reason, Reason::InDefault);
    c.advance(ends, &mut out);
    assert_eq!(out, [Action::AuctionClosed { account: account(0), winner: Some(account(3)), price: usdc(-50) }]);
    assert_eq!((c.qty(account(3), PERP), c.qty(account(0), PERP)), (1_000, 0));
    // 1,000 - 600 at the mark - 50.
    assert_eq!((total(&c, 0, USDC), total(&c, 3, USDC)), (350_000_000, 100_050_000_000));
    assert!(c.is_balanced());
}

#[test]
fn a_dutch_auction_ends_with_the_first_that_takes_its_price() {
    let mut of = base();
    of.default_rules.auction = AuctionKind::Dutch;
    let mut c = long(of);
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    dry(&mut c);
    let mut out = Vec::new();
    c.advance(START.plus_ns(30 * SECOND), &mut out);
    // Floor: 400 + 10 + 50 + 20 + 40 + assessments of 40; half way.
    assert_eq!(c.bid(account(1), account(0), usdc(-300), &mut out).unwrap_err().reason, Reason::BidTooLow);
    c.bid(account(1), account(0), usdc(-200), &mut out).unwrap();
    assert_eq!(out, [Action::AuctionClosed { account: account(0), winner: Some(account(1)), price: usdc(-280) }]);
    assert!(c.is_balanced());
}

#[test]
fn layers_pay_in_order_and_who_gained_most_is_deleveraged_last_of_all() {
    let mut c = long(base());
    // 1,200 lost of 1,000: 200 short; 10 + 50 + 20 + 40 + 40 = 160 in the layers; 40 uncovered.
    c.set_mark(PERP, Price::new(97_600)).unwrap();
    dry(&mut c);
    let mut out = Vec::new();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    let layers: Vec<_> = out
        .iter()
        .filter_map(|action| match action {
            Action::LayerUsed { layer, member, amount, .. } => Some((*layer, *member, *amount)),
            _ => None,
        })
        .collect();
    assert_eq!(
        layers,
        [
            (Layer::DefaulterShare, Some(0), usdc(10)),
            (Layer::Insurance, None, usdc(50)),
            (Layer::House, None, usdc(20)),
            (Layer::Mutual, Some(1), usdc(30)),
            (Layer::Mutual, Some(2), usdc(10)),
            (Layer::Assessment, Some(1), usdc(30)),
            (Layer::Assessment, Some(2), usdc(10)),
        ]
    );
    assert!(out.iter().any(|action| matches!(action, Action::Deleveraged { account: AccountId(1), .. })));
    assert_eq!(total(&c, 0, USDC), 0);
    // 1,200 gained at the mark, less the 40 that nobody had.
    assert_eq!(total(&c, 1, USDC), 101_160_000_000);
    assert_eq!((c.qty(account(0), PERP), c.qty(account(1), PERP)), (0, 0));
    for fund in [Fund::Insurance, Fund::House, Fund::Mutual] {
        assert_eq!(c.fund(fund, USDC), Amount::ZERO);
    }
    assert!(c.is_balanced());
}

#[test]
fn the_house_takes_over_what_its_fund_can_carry() {
    let mut of = base();
    of.insurance = vec![(USDC, usdc(10_000))];
    let mut c = long(of);
    c.set_mark(PERP, Price::new(97_600)).unwrap();
    dry(&mut c);
    let mut out = Vec::new();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    assert_eq!(c.qty(c.house_account(), PERP), 1_000);
    // The defaulter's member loses its share first: 10 of 200.
    assert_eq!(c.fund(Fund::Insurance, USDC), usdc(9_810));
    assert_eq!((total(&c, 0, USDC), c.fund(Fund::Mutual, USDC)), (0, usdc(40)));
    assert!(c.is_balanced());
}

/// Accounts 0 and 4, of one member, are each long one coin at 50,000 from account 1; both are up for auction at a mark.
fn two_defaulters(mut of: ClearConfig, mark: i64) -> Clearing {
    of.accounts.push(AccountTerms { member: Some(0), ..with(&[(USDC, usdc(1_000))]) });
    let mut c = long(of);
    c.fill(&fill(PERP, 4, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(mark)).unwrap();
    dry(&mut c);
    assert_eq!(c.auctions().len(), 2);
    c
}

fn is_lost(out: &[Action]) -> bool {
    out.iter().any(|action| matches!(action, Action::LayerUsed { layer: Layer::Nobody, .. }))
}

fn closed(out: &[Action], of: u32) -> Option<(Option<AccountId>, Amount)> {
    out.iter().find_map(|action| match action {
        Action::AuctionClosed { account, winner, price } if account.0 == of => Some((*winner, *price)),
        _ => None,
    })
}

#[test]
fn a_bid_that_the_layers_can_no_longer_bear_loses_at_the_close() {
    // Each lacks 50 of 160 in the layers: a bid of -100 for the first leaves nothing for the second.
    for (price, winner) in [(-100, None), (50, Some(account(3)))] {
        let mut c = two_defaulters(base(), 97_900);
        let mut out = Vec::new();
        c.bid(account(2), account(0), usdc(-100), &mut out).unwrap();
        c.bid(account(3), account(4), usdc(price), &mut out).unwrap();
        c.advance(START.plus_ns(60 * SECOND), &mut out);
        assert_eq!(closed(&out, 0), Some((Some(account(2)), usdc(-100))));
        assert_eq!(closed(&out, 4).map(|of| of.0), Some(winner));
        assert!(!is_lost(&out), "{out:?}");
        assert_eq!(out.iter().any(|action| matches!(action, Action::Deleveraged { .. })), winner.is_none());
        assert_eq!((total(&c, 4, USDC), c.qty(account(4), PERP)), (0, 0));
        assert!(c.is_balanced());
    }
}

#[test]
fn a_dutch_auction_asks_no_less_than_the_layers_can_still_bear() {
    let mut of = base();
    of.default_rules.auction = AuctionKind::Dutch;
    let mut c = two_defaulters(of, 97_900);
    let mut out = Vec::new();
    c.advance(START.plus_ns(59 * SECOND), &mut out);
    c.bid(account(2), account(0), usdc(-105), &mut out).unwrap();
    let refused = c.bid(account(3), account(4), usdc(-105), &mut out).unwrap_err();
    assert_eq!((refused.reason, refused.limit), (Reason::BidTooLow, usdc(50)));
    c.bid(account(3), account(4), usdc(50), &mut out).unwrap();
    assert_eq!(closed(&out, 4), Some((Some(account(3)), usdc(50))));
    assert!(!is_lost(&out), "{out:?}");
}

#[test]
fn a_bidder_that_the_portfolio_leaves_nothing_to_be_assessed_for_loses_to_the_next_bid() {
    let mut of = base();
    of.accounts[2] = AccountTerms { member: Some(1), ..with(&[(USDC, usdc(890))]) };
    let mut c = long(of);
    c.set_mark(PERP, Price::new(97_900)).unwrap();
    dry(&mut c);
    let mut out = Vec::new();
    c.bid(account(2), account(0), usdc(-100), &mut out).unwrap();
    c.bid(account(3), account(0), usdc(-105), &mut out).unwrap();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    assert_eq!(closed(&out, 0), Some((Some(account(3)), usdc(-105))));
    assert!(!is_lost(&out), "{out:?}");
}

#[test]
fn what_is_owed_beyond_the_layers_in_another_asset_is_no_bidders() {
    let inverse_id = InstrumentId(1);
    let mut of = base();
    of.contracts.push(ContractTerms { margin: tiered("0.02", "0.01"), ..terms(inverse(1)) });
    for (row, amount) in [(0, 2_300_000), (1, 100_000_000), (3, 100_000_000)] {
        of.accounts[row].balances.push((BTC, btc(amount)));
    }
    let mut c = long(of);
    c.fill(&fill(inverse_id, 0, 1, 100_000, 1_000)).unwrap();
    for instrument in [PERP, inverse_id] {
        c.set_mark(instrument, Price::new(90_000)).unwrap();
    }
    dry(&mut c);
    // 77,778 of coin are left where 222,223 are needed; of USDC it lacks 4,000.
    assert_eq!(c.auctions()[0].asset, BTC);
    let mut out = Vec::new();
    c.bid(account(3), account(0), Amount::ZERO, &mut out).unwrap();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    assert_eq!(closed(&out, 0), Some((None, Amount::ZERO)));
    assert!(!is_lost(&out), "{out:?}");
    assert_eq!((total(&c, 0, BTC), total(&c, 0, USDC)), (0, 0));
    assert!(c.is_balanced());
}

#[test]
fn the_house_takes_over_no_more_than_its_equity_carries_with_what_it_holds() {
    let mut of = base();
    of.insurance = vec![(USDC, usdc(800))];
    // Each has 100 left and needs 491: the house has 900 after the first.
    let mut c = two_defaulters(of, 98_200);
    let mut out = Vec::new();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    assert_eq!(c.qty(c.house_account(), PERP), 1_000);
    assert_eq!(c.fund(Fund::Insurance, USDC), usdc(900));
    assert!(out.iter().any(|action| matches!(action, Action::Deleveraged { bankrupt: AccountId(4), .. })));
    assert!(c.is_balanced());
}

#[test]
fn premiums_of_options_that_the_house_is_short_of_carry_nothing() {
    let call = InstrumentId(1);
    let of = |text| Factor::parse(text).unwrap();
    let margin = Model::Option {
        rate: of("0.15"),
        floor: of("0.1"),
        maintenance: of("0.075"),
        put_maintenance_of_mark: Factor::ZERO,
        initial_at_least_maintenance: Default::default(),
        factor: of("1"),
        unit: Default::default(),
        otm_of: Default::default(),
    };
    let mut of = base();
    let instrument = option(1, START.plus_ns(30 * 24 * 3_600 * SECOND), 50_000, PutOrCall::Call);
    of.contracts.push(ContractTerms { margin: Some(margin), ..terms(instrument) });
    of.accounts[0] = AccountTerms { member: Some(0), ..with(&[(USDC, usdc(5_000))]) };
    of.accounts.push(of.accounts[0].clone());
    of.insurance = vec![(USDC, usdc(8_000))];
    let mut c = Clearing::new(of).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    for seller in [0, 4] {
        c.fill(&fill(call, 1, seller, 2_000, 1_000)).unwrap();
    }
    // 5,000 and a premium of 1,000, less 3,000: each needs 3,000 + 3,750.
    c.set_mark(call, Price::new(6_000)).unwrap();
    dry(&mut c);
    let mut out = Vec::new();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    // The fund's cash is 14,000 after the first, 3,000 of it the option's: 11,000 do not carry two of 6,750.
    assert_eq!(c.fund(Fund::Insurance, USDC), usdc(14_000));
    assert_eq!(c.qty(c.house_account(), call), -1_000);
    assert!(out.iter().any(|action| matches!(action, Action::Deleveraged { bankrupt: AccountId(4), .. })));
    assert!(c.is_balanced());
}

#[test]
fn an_auction_ends_without_a_sale_when_the_account_is_good_again() {
    let mut c = long(base());
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    dry(&mut c);
    c.deposit(account(0), USDC, usdc(1_000)).unwrap();
    let mut out = Vec::new();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    assert_eq!(out, [Action::AuctionClosed { account: account(0), winner: None, price: Amount::ZERO }]);
    assert_eq!(c.qty(account(0), PERP), 1_000);
}

#[test]
fn money_in_time_takes_an_account_off_the_list() {
    let mut c = long(base());
    c.set_mark(PERP, Price::new(98_900)).unwrap();
    review(&mut c);
    c.deposit(account(0), USDC, usdc(1_000)).unwrap();
    assert_eq!(review(&mut c), []);
    assert_eq!(c.stage(account(0)), Stage::Healthy);
}

#[test]
fn customers_move_with_their_positions() {
    let mut c = long(base());
    assert_eq!(c.port(1, 2).unwrap(), 2);
    assert_eq!((c.member(account(1)), c.qty(account(1), PERP)), (Some(2), -1_000));
    assert_eq!(c.port(1, 9).unwrap_err().reason, Reason::UnknownMember);
}

#[test]
fn a_pooled_defaulter_pays_with_its_other_assets_before_any_layer() {
    use tiderace_clear::config::CollateralTerms;
    let mut of = base();
    of.accounts[0] = AccountTerms { is_pooled: true, ..with(&[(BTC, btc(4_000_000))]) };
    of.assets[0].collateral = Some(CollateralTerms { haircut: tiderace_types::Fraction::ZERO, limit: None });
    of.insurance = vec![(USDC, usdc(5_000))];
    let mut c = Clearing::new(of).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    c.fill(&fill(PERP, 0, 1, 100_000, 1_000)).unwrap();
    // 2,000 of collateral, 1,900 lost: the book takes all of it at the mark.
    c.set_mark(PERP, Price::new(96_200)).unwrap();
    let liquidate = |action: &Action| matches!(action, Action::Liquidate { .. });
    assert!(review(&mut c).iter().any(liquidate));
    c.fill(&fill(PERP, 1, 0, 95_000, 1_000)).unwrap();
    c.liquidated(account(0), PERP, Qty::new(1_000).unwrap());
    // 2,500 owed, 2,000 paid in coin; the insurance fund bears 500.
    dry(&mut c);
    assert_eq!((total(&c, 0, USDC), total(&c, 0, BTC)), (0, 0));
    assert_eq!(c.fund(Fund::Insurance, USDC), usdc(2_500));
    assert_eq!(c.fund(Fund::Insurance, BTC), btc(4_000_000));
    assert!(c.is_balanced());
}

#[test]
fn nobody_pays_for_a_portfolio_that_expired_while_it_was_up() {
    let mut of = base();
    let contract = terms(future(0, START.plus_ns(30 * SECOND)));
    of.contracts = vec![ContractTerms { margin: tiered("0.02", "0.01"), ..contract }];
    let mut c = long(of);
    c.set_mark(PERP, Price::new(97_600)).unwrap();
    // Nine tenths sold at 48,800: 80 owed in cash, a tenth still open.
    c.fill(&fill(PERP, 1, 0, 97_600, 900)).unwrap();
    let opened = dry(&mut c);
    assert!(matches!(opened.last(), Some(Action::AuctionOpened { .. })), "{opened:?}");
    let mut out = Vec::new();
    c.bid(account(3), account(0), usdc(100), &mut out).unwrap();
    c.set_settlement(PERP, Price::new(101_000)).unwrap();
    c.advance(START.plus_ns(60 * SECOND), &mut out);
    let closed = Action::AuctionClosed { account: account(0), winner: None, price: Amount::ZERO };
    assert!(out.contains(&closed), "{out:?}");
    assert_eq!((total(&c, 0, USDC), total(&c, 3, USDC)), (0, usdc(100_000).get()));
    assert!(c.is_balanced());
}

//! Nothing is drawn twice: what liquidations, takeovers, bidders and corrections may count on when their turn comes.

mod world;

use tiderace_clear::config::{AccountTerms, ContractTerms, MemberTerms};
use tiderace_clear::{Action, ClearConfig, Clearing, Fill, Fund, Layer, Stage};
use tiderace_margin::{Factor, Model};
use tiderace_types::{AccountId, Amount, Fraction, InstrumentId, Price, PutOrCall, Reason, Side, TradeKind};
use world::*;

const MINUTE: i64 = 60_000_000_000;
const NS: i64 = 1_000_000_000;

/// Account 1 is the other side of all that is traded; 0 and 4 have 1,000 each, 2 and 3 are members beside.
fn base() -> ClearConfig {
    let contract = ContractTerms { margin: tiered("0.02", "0.01"), ..terms(perp(0)) };
    let of = |amount, member| AccountTerms { member: Some(member), ..with(&[(USDC, usdc(amount))]) };
    let accounts = vec![of(1_000, 0), of(100_000, 1), of(100_000, 1), of(100_000, 2), of(1_000, 0)];
    let member = |amount, account: u32| MemberTerms {
        name: String::new(),
        mutual: vec![(USDC, usdc(amount))],
        account: Some(AccountId(account)),
    };
    let mut base = config(vec![contract], accounts);
    base.members = vec![member(10, 0), member(30, 2), member(10, 3)];
    base.insurance = vec![(USDC, usdc(50))];
    base.house_capital = vec![(USDC, usdc(20))];
    base
}

/// These accounts are each long one coin at 50,000.
fn long(base: ClearConfig, of: &[u32]) -> Clearing {
    let mut c = Clearing::new(base).unwrap();
    for id in of {
        c.fill(&fill(PERP, *id, 1, 100_000, 1_000)).unwrap();
    }
    c
}

/// Plays the book: every order of a liquidation finds all of it at its limit, or nothing.
fn play(c: &mut Clearing, is_found: bool) -> Vec<Action> {
    let mut all = Vec::new();
    loop {
        let mut actions = Vec::new();
        c.review(&mut actions);
        if actions.is_empty() {
            return all;
        }
        for action in &actions {
            let Action::Liquidate { account, instrument, side, qty, limit } = *action else { continue };
            if is_found {
                let of =
                    Fill { kind: TradeKind::Liquidation, ..fill(instrument, 1, account.0, limit.get(), qty.get()) };
                c.fill(&Fill { maker: AccountId(1), taker: account, taker_side: side, ..of }).unwrap();
            }
            c.liquidated(account, instrument, if is_found { qty } else { tiderace_types::Qty::ZERO });
        }
        all.extend(actions);
    }
}

fn end_auctions(c: &mut Clearing) -> Vec<Action> {
    let mut out = Vec::new();
    c.advance(c.now().plus_ns(MINUTE), &mut out);
    out
}

fn used(out: &[Action], of: Layer) -> i128 {
    let amounts = out.iter().filter_map(|action| match action {
        Action::LayerUsed { layer, amount, .. } if *layer == of => Some(amount.get()),
        _ => None,
    });
    amounts.sum()
}

fn winner(out: &[Action], of: u32) -> Option<AccountId> {
    out.iter().find_map(|action| match action {
        Action::AuctionClosed { account, winner, .. } if account.0 == of => *winner,
        _ => None,
    })
}

#[test]
fn a_second_liquidation_counts_on_what_the_first_left_in_the_layers() {
    // Each lacks 50 at the mark; the layers have 160, which the first order may use up.
    let mut c = long(base(), &[0, 4]);
    c.set_mark(PERP, Price::new(97_900)).unwrap();
    let mut out = play(&mut c, true);
    assert_eq!(c.qty(account(0), PERP), 0);
    assert!(used(&out, Layer::Assessment) > 0, "{out:?}");
    assert_eq!(c.stage(account(4)), Stage::Auction, "the book is not asked for what nobody could bear");
    out.extend(end_auctions(&mut c));
    assert_eq!(used(&out, Layer::Nobody), 0, "{out:?}");
    assert_eq!(used(&out, Layer::Insurance), usdc(50).get());
    assert_eq!((total(&c, 4, USDC), c.qty(account(4), PERP)), (0, 0));
    assert!(out.iter().any(|action| matches!(action, Action::Deleveraged { bankrupt: AccountId(4), .. })));
    assert!(c.is_balanced());
}

#[test]
fn an_account_is_brought_to_its_end_before_the_next_is_asked_for_anything() {
    let mut c = long(base(), &[0, 4]);
    c.set_mark(PERP, Price::new(98_900)).unwrap();
    let out = play(&mut c, true);
    let order = out.iter().filter_map(|action| match action {
        Action::Liquidate { account, .. } => Some(account.0),
        _ => None,
    });
    let order: Vec<_> = order.collect();
    assert!(order.is_sorted() && order.first() == Some(&0) && order.last() == Some(&4), "{order:?}");
}

#[test]
fn a_coin_settled_order_loses_no_more_than_the_layers_bear() {
    let inverse_id = InstrumentId(0);
    let mut of = base();
    of.contracts = vec![ContractTerms { margin: tiered("0.02", "0.01"), ..terms(inverse(0)) }];
    for (row, amount) in [(0, 10_000_000), (1, 1_000_000_000)] {
        of.accounts[row].balances = vec![(BTC, btc(amount))];
    }
    of.insurance = vec![(BTC, btc(2_000_000))];
    let mut c = Clearing::new(of).unwrap();
    // 100,000 USD long at 50,000 are two coins; a tenth of one is there, and 0.02 in the fund.
    c.fill(&fill(inverse_id, 0, 1, 100_000, 10_000)).unwrap();
    c.set_mark(inverse_id, Price::new(95_000)).unwrap();
    let out = play(&mut c, true);
    assert_eq!(c.qty(account(0), inverse_id), 0);
    assert_eq!(used(&out, Layer::Nobody), 0, "{out:?}");
    assert!(c.is_balanced());
}

/// The house holds one coin long at 48,800 with 9,810 in the fund.
fn carrying() -> Clearing {
    let mut of = base();
    of.insurance = vec![(USDC, usdc(10_000))];
    let mut c = long(of, &[0]);
    c.set_mark(PERP, Price::new(97_600)).unwrap();
    play(&mut c, false);
    end_auctions(&mut c);
    assert_eq!((c.qty(c.house_account(), PERP), c.fund(Fund::Insurance, USDC)), (1_000, usdc(9_810)));
    c
}

#[test]
fn the_house_lets_go_of_what_its_equity_carries_no_longer() {
    let mut c = carrying();
    // 9,424 lost of 9,810 would leave 386 where 393.76 are needed.
    c.set_mark(PERP, Price::new(78_752)).unwrap();
    let out = play(&mut c, false);
    let of = out.iter().filter(|action| matches!(action, Action::Deleveraged { account: AccountId(1), .. }));
    assert_eq!(of.count(), 1, "{out:?}");
    assert_eq!((c.qty(c.house_account(), PERP), c.fund(Fund::Insurance, USDC)), (0, usdc(386)));
    assert_eq!(used(&out, Layer::House), 0);
    // At the mark: who is closed loses nothing by it.
    assert_eq!(total(&c, 1, USDC), usdc(100_000 + 10_624).get());
    assert!(c.is_balanced());
}

#[test]
fn what_the_fund_has_not_of_a_carried_loss_the_layers_below_bear_and_last_who_is_closed() {
    let mut c = carrying();
    // 10,800 lost of 9,810: 990 short; 20 + 40 + 40 in the layers below, 890 uncovered.
    c.set_mark(PERP, Price::new(76_000)).unwrap();
    let out = play(&mut c, false);
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    let below = [Layer::House, Layer::Mutual, Layer::Assessment].map(|layer| used(&out, layer));
    assert_eq!(below, [20, 40, 40].map(|of| usdc(of).get()));
    assert_eq!((used(&out, Layer::Insurance), used(&out, Layer::Nobody)), (0, 0));
    assert_eq!(total(&c, 1, USDC), usdc(100_000 + 12_000 - 890).get());
    assert_eq!(c.qty(c.house_account(), PERP), 0);
    assert!(c.is_balanced());
}

#[test]
fn the_house_that_is_closed_against_a_defaulter_bears_no_more_than_its_fund() {
    let mut c = carrying();
    // Two coins sold at 48,800 with 1,000 behind them: the house is long one, account 1 the other.
    c.fill(&fill(PERP, 1, 4, 97_600, 2_000)).unwrap();
    play(&mut c, false);
    // 100,000 lost, of them 99,000 not there. The fund has 9,810 and 50,000 of profit; 100 stand beside it.
    c.set_mark(PERP, Price::new(197_600)).unwrap();
    let mut out = play(&mut c, false);
    out.extend(end_auctions(&mut c));
    out.extend(play(&mut c, false));
    assert_eq!((used(&out, Layer::Insurance), used(&out, Layer::Nobody)), (usdc(59_810).get(), 0), "{out:?}");
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    assert_eq!((total(&c, 4, USDC), c.qty(c.house_account(), PERP), c.qty(account(1), PERP)), (0, 0, 0));
    // 1,200 and 50,000 gained, and all of the 39,090 that no layer had.
    assert_eq!(total(&c, 1, USDC), usdc(100_000 + 51_200 - 39_090).get());
    assert!(c.is_balanced());
}

#[test]
fn the_fund_is_never_below_zero_after_a_settlement_of_what_it_carries() {
    let mut c = carrying();
    c.set_mark(PERP, Price::new(76_000)).unwrap();
    let mut out = Vec::new();
    // The daily settlement comes first here, before anyone was looked at.
    c.advance(START.plus_ns(8 * 60 * MINUTE), &mut out);
    out.extend(play(&mut c, false));
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    assert_eq!(c.qty(c.house_account(), PERP), 0);
    assert!(c.is_balanced());
}

#[test]
fn the_house_takes_over_no_premium_that_its_cash_does_not_pay() {
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
    let mut base = base();
    let instrument = option(1, START.plus_ns(30 * 1_440 * MINUTE), 50_000, PutOrCall::Call);
    base.contracts.push(ContractTerms { margin: Some(margin), ..terms(instrument) });
    base.accounts[0] = AccountTerms { member: Some(0), ..with(&[(USDC, usdc(7_000))]) };
    base.insurance = vec![(USDC, usdc(5_000))];
    let mut c = Clearing::new(base).unwrap();
    c.set_index(BTC, index(50_000)).unwrap();
    // A call for 6,000, and a coin short at 50,000.
    c.fill(&fill(call, 0, 1, 12_000, 1_000)).unwrap();
    c.fill(&fill(PERP, 1, 0, 100_000, 1_000)).unwrap();
    c.set_mark(call, Price::new(12_000)).unwrap();
    // 6,700 lost: 300 are left, 567 are needed.
    c.set_mark(PERP, Price::new(113_400)).unwrap();
    play(&mut c, false);
    let out = end_auctions(&mut c);
    assert!(c.fund(Fund::Insurance, USDC) >= Amount::ZERO, "{:?}", c.fund(Fund::Insurance, USDC));
    assert!(out.iter().any(|action| matches!(action, Action::Deleveraged { bankrupt: AccountId(0), .. })), "{out:?}");
    assert!(c.is_balanced());
}

#[test]
fn a_bidder_that_can_no_longer_carry_the_portfolio_loses_to_the_next_bid() {
    let mut c = long(base(), &[0]);
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    play(&mut c, false);
    let mut out = Vec::new();
    c.bid(account(2), account(0), usdc(-100), &mut out).unwrap();
    c.bid(account(3), account(0), usdc(-50), &mut out).unwrap();
    // 988 are needed, less 50.
    c.withdraw(account(3), USDC, usdc(99_100)).unwrap();
    let out = end_auctions(&mut c);
    assert_eq!(winner(&out, 0), Some(account(2)));
    assert_eq!(c.qty(account(3), PERP), 0);
    assert!(c.is_balanced());
}

#[test]
fn a_bidder_in_default_wins_nothing() {
    let mut of = base();
    of.accounts[3].balances = vec![(USDC, usdc(3_000))];
    let mut c = long(of, &[0, 3]);
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    play(&mut c, false);
    c.bid(account(3), account(0), usdc(-50), &mut Vec::new()).unwrap();
    // It lost 2,600 of 3,000 itself.
    c.advance(START.plus_ns(30 * NS), &mut Vec::new());
    c.set_mark(PERP, Price::new(94_800)).unwrap();
    play(&mut c, false);
    assert_eq!(c.stage(account(3)), Stage::Auction);
    let mut out = Vec::new();
    c.advance(START.plus_ns(MINUTE), &mut out);
    assert_eq!((winner(&out, 0), c.qty(account(0), PERP), c.qty(account(3), PERP)), (None, 0, 1_000));
    assert!(c.is_balanced());
}

#[test]
fn one_purse_wins_one_of_two_portfolios_that_it_can_carry_one_of() {
    let mut of = base();
    of.accounts[3].balances = vec![(USDC, usdc(1_500))];
    let mut c = long(of, &[0, 4]);
    c.set_mark(PERP, Price::new(98_800)).unwrap();
    play(&mut c, false);
    for defaulter in [0, 4] {
        c.bid(account(3), account(defaulter), usdc(10), &mut Vec::new()).unwrap();
    }
    c.bid(account(2), account(4), usdc(-10), &mut Vec::new()).unwrap();
    let out = end_auctions(&mut c);
    assert_eq!((winner(&out, 0), winner(&out, 4)), (Some(account(3)), Some(account(2))));
    assert!(c.is_balanced());
}

/// A perpetual whose liquidations cost one in a hundred; account 0 sold a coin in one.
fn with_fee() -> (Clearing, tiderace_types::ExecId) {
    let mut of = base();
    of.contracts[0].liquidation_fee = Fraction::new(10_000_000);
    let mut c = long(of, &[0]);
    let of = Fill { kind: TradeKind::Liquidation, taker_side: Side::Sell, ..fill(PERP, 0, 1, 100_000, 1_000) };
    let trade_id = c.fill(&of).unwrap().trade_id;
    // 500 of 50,000 in coin sold.
    assert_eq!((total(&c, 0, USDC), c.fund(Fund::Insurance, USDC)), (usdc(500).get(), usdc(550)));
    (c, trade_id)
}

#[test]
fn a_busted_liquidation_gives_its_fee_back() {
    let (mut c, trade_id) = with_fee();
    c.bust(trade_id).unwrap();
    assert_eq!((total(&c, 0, USDC), c.fund(Fund::Insurance, USDC)), (usdc(1_000).get(), usdc(50)));
    assert_eq!(c.bust(trade_id).unwrap_err().reason, Reason::UnknownTrade);
    assert!(c.is_balanced());
}

#[test]
fn an_adjusted_liquidation_pays_the_fee_of_its_new_price() {
    let (mut c, trade_id) = with_fee();
    c.adjust(trade_id, Price::new(99_800)).unwrap();
    // 100 lost, and 499 of fee.
    assert_eq!((total(&c, 0, USDC), c.fund(Fund::Insurance, USDC)), (usdc(401).get(), usdc(549)));
    c.bust(trade_id).unwrap();
    assert_eq!((total(&c, 0, USDC), c.fund(Fund::Insurance, USDC)), (usdc(1_000).get(), usdc(50)));
    assert!(c.is_balanced());
}

#[test]
fn a_fee_given_back_takes_no_more_than_the_fund_has() {
    let (mut c, trade_id) = with_fee();
    // Another default uses the fund up meanwhile.
    c.fill(&fill(PERP, 4, 1, 100_000, 1_000)).unwrap();
    c.set_mark(PERP, Price::new(96_700)).unwrap();
    play(&mut c, false);
    end_auctions(&mut c);
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    c.bust(trade_id).unwrap();
    assert_eq!(c.fund(Fund::Insurance, USDC), Amount::ZERO);
    // Of the venue's own income, then.
    let fees = tiderace_clear::LedgerAccount::House(tiderace_clear::House::Fees);
    assert_eq!(c.total(fees, USDC), usdc(-500));
    assert!(c.is_balanced());
}

#[test]
fn what_clearing_handed_over_cannot_be_busted_at_the_cost_of_who_paid_for_it() {
    // The first trade is the market's, the second the takeover by the house.
    let mut c = carrying();
    let before = c.digest();
    let takeover = tiderace_types::ExecId(2);
    assert_eq!(c.bust(takeover).unwrap_err().reason, Reason::UnknownTrade);
    assert_eq!(c.adjust(takeover, Price::new(1)).unwrap_err().reason, Reason::UnknownTrade);
    assert_eq!(c.digest(), before);
    assert!(c.trade(tiderace_types::ExecId(1)).is_some() && c.trade(tiderace_types::ExecId(3)).is_none());
}

#[test]
fn what_is_kept_of_a_liquidation_is_in_the_bytes() {
    let (c, trade_id) = with_fee();
    let mut bytes = Vec::new();
    c.encode(&mut bytes);
    let mut again = Clearing::decode(c.config().clone(), &mut &bytes[..]).unwrap();
    again.bust(trade_id).unwrap();
    assert_eq!(total(&again, 0, USDC), usdc(1_000).get());
}

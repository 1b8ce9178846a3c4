//! Proof and reconciliation over a venue's clearing.

mod world;

use tiderace_clear::{BreakKind, Fund, Reconciliation, is_included};
use tiderace_types::Amount;
use world::*;

#[test]
fn an_account_finds_itself_in_what_the_venue_owes() {
    let mut c = perps(5);
    c.deposit(account(3), USDC, usdc(77)).unwrap();
    let tree = c.liabilities(USDC, [9; 32]).unwrap();
    assert_eq!(tree.root().sum, usdc(50_077).get());
    let own = c.liability(account(3), USDC, [9; 32]);
    assert!(is_included(own, &tree.proof(3).unwrap(), tree.root()));
    assert!(!is_included(own, &tree.proof(2).unwrap(), tree.root()));
}

#[test]
fn a_break_keeps_its_age_and_owner_until_it_is_gone() {
    let mut c = perps(3);
    let fills = [fill(PERP, 0, 1, 100_000, 10), fill(PERP, 2, 0, 100_000, 4)];
    for fill in &fills {
        c.fill(fill).unwrap();
    }
    let mut recon = Reconciliation::default();
    recon.run(START, &c, Some(&fills), &[(USDC, usdc(30_000)), (BTC, Amount::ZERO)]);
    assert_eq!(recon.breaks().count(), 0);
    recon.run(START, &c, Some(&fills[..1]), &[(USDC, usdc(29_999))]);
    assert_eq!(recon.breaks().count(), 3);
    let custody = BreakKind::Custody { asset: USDC };
    assert!(recon.assign(custody, 7));
    recon.run(START.plus_ns(5), &c, None, &[(USDC, usdc(29_998))]);
    let left: Vec<_> = recon.breaks().collect();
    assert_eq!((left[0].kind, left[0].since, left[0].owner), (custody, START, 7));
    assert_eq!((left.len(), left[0].ours, left[0].theirs), (1, usdc(30_000).get(), usdc(29_998).get()));
    assert!(!recon.assign(BreakKind::Netting { instrument: PERP }, 1));
    assert_eq!(c.fund(Fund::Mutual, USDC), Amount::ZERO);
}

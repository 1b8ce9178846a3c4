//! A day's withdrawals through a custodian, reconciled; and the custodian's file.

mod support;
mod world;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use support::{CustodianError, FileCustodian};
use tiderace_clear::{BreakKind, Clearing, Custodian, Reconciliation};
use tiderace_types::{AccountId, Amount, Ts};
use world::*;

const CUSTODY: BreakKind = BreakKind::Custody { asset: USDC };
const OPERATIONS: u32 = 7;

/// Starts empty in a folder of this build.
fn path(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// Our books and the custodian's, which is another process: it knows nothing but its file.
struct Day {
    clearing: Clearing,
    recon: Reconciliation,
    path: PathBuf,
}

impl Day {
    fn custodian(&self) -> FileCustodian {
        FileCustodian::open(&self.path).unwrap()
    }

    /// Takes it from the account and asks the custodian to pay it out.
    fn withdraw(&mut self, key: u64, account: AccountId, whole: i64) -> Result<(), CustodianError> {
        self.clearing.withdraw(account, USDC, usdc(whole)).unwrap();
        self.custodian().instruct(key, USDC, usdc(whole))
    }

    /// What stands between both books: ours less theirs, since when, and whose it is.
    fn difference(&mut self, now: Ts) -> Option<(i128, Ts, u32)> {
        let held = self.custodian().balance(USDC).unwrap();
        self.recon.run(now, &self.clearing, None, &[(USDC, held)]);
        assert!(self.recon.breaks().all(|of| of.kind == CUSTODY), "nothing else may differ");
        self.recon.breaks().next().map(|of| (of.theirs - of.ours, of.since, of.owner))
    }
}

/// Four withdrawals: one paid at once, one late, one that never reached the custodian and is instructed again under its
/// key, and one refused, of money that was credited before the custodian had it: it is given back, and the credit undone.
#[test]
fn a_break_of_a_days_withdrawals_has_an_age_and_an_owner_until_the_last_is_paid() {
    let path = path("day.custody");
    let clearing = perps(4);
    FileCustodian::create(&path, &[(USDC, usdc(40_000))]).unwrap();
    let mut day = Day { clearing, recon: Reconciliation::default(), path };
    assert_eq!(day.difference(START), None);

    day.withdraw(1, account(0), 9_000).unwrap();
    day.custodian().confirm(1).unwrap();
    assert_eq!(day.difference(START), None);

    // Late: it is out of our books, and still at the custodian.
    day.withdraw(2, account(1), 8_000).unwrap();
    let seen = START.plus_ns(1);
    assert_eq!(day.difference(seen), Some((usdc(8_000).get(), seen, 0)));
    assert!(day.recon.assign(CUSTODY, OPERATIONS));

    // Lost: nobody complains, and nobody has it.
    let mut custodian = day.custodian();
    custodian.lose_next();
    day.clearing.withdraw(account(2), USDC, usdc(7_000)).unwrap();
    custodian.instruct(3, USDC, usdc(7_000)).unwrap();
    assert!(matches!(day.custodian().is_confirmed(3), Err(CustodianError::UnknownKey)));
    assert_eq!(day.difference(START.plus_ns(2)), Some((usdc(15_000).get(), seen, OPERATIONS)));

    // Refused: the custodian has 31,000, owes 8,000 of it, and has not seen the 20,000.
    day.clearing.deposit(account(3), USDC, usdc(20_000)).unwrap();
    let refused = day.withdraw(4, account(3), 25_000).unwrap_err();
    assert!(matches!(refused, CustodianError::InsufficientBalance { left } if left == usdc(23_000)));
    assert_eq!(day.difference(START.plus_ns(3)), Some((usdc(20_000).get(), seen, OPERATIONS)));
    day.clearing.deposit(account(3), USDC, usdc(25_000)).unwrap();
    day.clearing.withdraw(account(3), USDC, usdc(20_000)).unwrap();
    assert_eq!(day.difference(START.plus_ns(4)), Some((usdc(15_000).get(), seen, OPERATIONS)));

    // The late one is paid; the lost one is told again, twice, and paid once.
    assert!(!day.custodian().is_confirmed(2).unwrap());
    day.custodian().confirm(2).unwrap();
    assert_eq!(day.difference(START.plus_ns(5)), Some((usdc(7_000).get(), seen, OPERATIONS)));
    day.custodian().instruct(3, USDC, usdc(7_000)).unwrap();
    day.custodian().instruct(3, USDC, usdc(7_000)).unwrap();
    day.custodian().confirm(3).unwrap();
    assert_eq!(day.difference(START.plus_ns(6)), None);
    assert!(day.custodian().is_confirmed(3).unwrap());
    assert_eq!(day.custodian().balance(USDC).unwrap(), usdc(16_000));

    // A break that comes later is another one.
    day.withdraw(5, account(0), 500).unwrap();
    let later = START.plus_ns(7);
    assert_eq!(day.difference(later), Some((usdc(500).get(), later, 0)));
}

#[test]
fn a_key_is_one_instruction_and_pays_once() {
    let path = path("key.custody");
    let mut of = FileCustodian::create(&path, &[(USDC, usdc(100)), (BTC, btc(5))]).unwrap();
    for _ in 0..3 {
        of.instruct(1, USDC, usdc(60)).unwrap();
    }
    assert!(matches!(of.instruct(1, USDC, usdc(61)), Err(CustodianError::KeyReused)));
    assert!(matches!(of.instruct(1, BTC, usdc(60)), Err(CustodianError::KeyReused)));
    // What it has still to pay is nobody else's; and what it refused it refuses for good.
    for _ in 0..2 {
        assert!(matches!(of.instruct(2, USDC, usdc(41)), Err(CustodianError::InsufficientBalance { .. })));
    }
    assert!(matches!(of.confirm(2), Err(CustodianError::UnknownKey)));
    for _ in 0..3 {
        of.confirm(1).unwrap();
    }
    assert_eq!((of.balance(USDC).unwrap(), of.balance(BTC).unwrap()), (usdc(40), btc(5)));
    assert!(matches!(of.instruct(3, USDC, Amount::ZERO), Err(CustodianError::BadAmount)));
    assert!(matches!(of.confirm(9), Err(CustodianError::UnknownKey)));
}

#[test]
fn the_file_says_what_it_was_left_with_and_a_damaged_one_is_refused() {
    let path = path("file.custody");
    let mut of = FileCustodian::create(&path, &[(USDC, usdc(1)), (BTC, btc(7))]).unwrap();
    of.instruct(8, BTC, btc(3)).unwrap();
    of.instruct(9, BTC, btc(4)).unwrap();
    of.instruct(10, BTC, btc(1)).unwrap_err();
    of.confirm(8).unwrap();
    let said = "balance 0 4\nbalance 1 1000000\ninstruction 8 0 3 confirmed\ninstruction 9 0 4 instructed\n\
                instruction 10 0 1 refused\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), said);
    // What a crash before the rename leaves behind is not looked at.
    fs::write(path.with_extension("new"), "balance 0 ").unwrap();
    let mut again = FileCustodian::open(&path).unwrap();
    assert!(again.is_confirmed(8).unwrap() && !again.is_confirmed(9).unwrap());
    again.confirm(9).unwrap();
    assert_eq!(FileCustodian::open(&path).unwrap().balance(BTC).unwrap(), Amount::ZERO);
    let missing = FileCustodian::open(&path.with_extension("absent"));
    assert!(matches!(missing, Err(CustodianError::Io(error)) if error.kind() == ErrorKind::NotFound));
    for (row, line) in
        [(1, "balance 0"), (1, "balance 0 x"), (2, "balance 0 4\nbalance 0 4"), (1, "instruction 8 0 3 lost")]
    {
        fs::write(&path, line).unwrap();
        assert!(matches!(FileCustodian::open(&path), Err(CustodianError::Damaged(at)) if at == row), "{line}");
    }
}

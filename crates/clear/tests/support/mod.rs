//! A custodian that is a file.
//!
//! Owns one text file: a line `balance ASSET AMOUNT` for each asset it holds, and a line
//! `instruction KEY ASSET AMOUNT STATE` for each instruction that reached it. A change is written to a second file,
//! which then takes the first one's name, so that who opens it after a crash finds the state before or after, never
//! half of one. A key stands for one instruction for good. It refuses what is beyond its balance less what it has still
//! to pay, and a file that it did not write.

#![allow(unreachable_pub, reason = "a module of tests")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tiderace_clear::Custodian;
use tiderace_types::{Amount, AssetId};

/// How far an instruction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Taken, and not paid yet.
    Instructed,
    /// Paid.
    Confirmed,
    /// Beyond what was left.
    Refused,
}

impl State {
    const ALL: [Self; 3] = [Self::Instructed, Self::Confirmed, Self::Refused];

    fn word(self) -> &'static str {
        match self {
            Self::Instructed => "instructed",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

/// Why the custodian did not do as told.
#[derive(Debug)]
pub enum CustodianError {
    /// The amount is below one unit.
    BadAmount,
    /// More than the balance less what is still to be paid.
    InsufficientBalance {
        /// What was left.
        left: Amount,
    },
    /// The key stands for an instruction in other terms.
    KeyReused,
    /// No instruction of that key reached it, or it was refused.
    UnknownKey,
    /// The line of the file that is none of ours.
    Damaged(usize),
    /// The file could not be read or written.
    Io(io::Error),
}

impl From<io::Error> for CustodianError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An instruction as the custodian keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    asset: AssetId,
    amount: Amount,
    state: State,
}

/// See the module.
#[derive(Debug)]
pub struct FileCustodian {
    path: PathBuf,
    balances: BTreeMap<AssetId, i128>,
    instructions: BTreeMap<u64, Instruction>,
    loses_next: bool,
}

impl FileCustodian {
    /// Begins a file with these balances, over an old one where there is one.
    pub fn create(path: &Path, balances: &[(AssetId, Amount)]) -> Result<Self, CustodianError> {
        let balances = balances.iter().map(|(asset, amount)| (*asset, amount.get())).collect();
        let of = Self { path: path.to_owned(), balances, instructions: BTreeMap::new(), loses_next: false };
        of.write()?;
        Ok(of)
    }

    /// Reads what an earlier one wrote.
    pub fn open(path: &Path) -> Result<Self, CustodianError> {
        let mut of =
            Self { path: path.to_owned(), balances: BTreeMap::new(), instructions: BTreeMap::new(), loses_next: false };
        for (row, line) in fs::read_to_string(path)?.lines().enumerate() {
            of.take(line).ok_or(CustodianError::Damaged(row + 1))?;
        }
        Ok(of)
    }

    /// The next instruction is taken by nobody, though its sender hears no complaint.
    pub fn lose_next(&mut self) {
        self.loses_next = true;
    }

    /// Pays an instruction out: what a person at the custodian does, sooner or later.
    pub fn confirm(&mut self, key: u64) -> Result<(), CustodianError> {
        let of = self.instructions.get(&key).copied().ok_or(CustodianError::UnknownKey)?;
        match of.state {
            State::Instructed => {
                *self.balances.entry(of.asset).or_default() -= of.amount.get();
                self.instructions.insert(key, Instruction { state: State::Confirmed, ..of });
                self.write()
            }
            State::Confirmed => Ok(()),
            State::Refused => Err(CustodianError::UnknownKey),
        }
    }

    fn left(&self, asset: AssetId) -> i128 {
        let owed = self.instructions.values().filter(|of| of.asset == asset && of.state == State::Instructed);
        self.balances.get(&asset).copied().unwrap_or(0) - owed.map(|of| of.amount.get()).sum::<i128>()
    }

    /// `None` where a line is none of ours, or says again what an earlier one said.
    fn take(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let asset = |word: &str| word.parse().ok().map(AssetId);
        let is_new = match words[..] {
            ["balance", id, amount] => self.balances.insert(asset(id)?, amount.parse().ok()?).is_none(),
            ["instruction", key, id, amount, word] => {
                let state = State::ALL.into_iter().find(|state| state.word() == word)?;
                let of = Instruction { asset: asset(id)?, amount: Amount::new(amount.parse().ok()?), state };
                self.instructions.insert(key.parse().ok()?, of).is_none()
            }
            _ => false,
        };
        is_new.then_some(())
    }

    fn write(&self) -> Result<(), CustodianError> {
        let mut text = String::new();
        for (asset, amount) in &self.balances {
            text += &format!("balance {} {amount}\n", asset.0);
        }
        for (key, of) in &self.instructions {
            text += &format!("instruction {key} {} {} {}\n", of.asset.0, of.amount.get(), of.state.word());
        }
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        Ok(())
    }
}

impl Custodian for FileCustodian {
    type Error = CustodianError;

    fn instruct(&mut self, key: u64, asset: AssetId, amount: Amount) -> Result<(), CustodianError> {
        if core::mem::take(&mut self.loses_next) {
            return Ok(());
        }
        if amount.get() < 1 {
            return Err(CustodianError::BadAmount);
        }
        let left = self.left(asset);
        let known = self.instructions.get(&key);
        if known.is_some_and(|of| (of.asset, of.amount) != (asset, amount)) {
            return Err(CustodianError::KeyReused);
        }
        let is_refused = known.map_or(amount.get() > left, |of| of.state == State::Refused);
        if known.is_none() {
            let state = if is_refused { State::Refused } else { State::Instructed };
            self.instructions.insert(key, Instruction { asset, amount, state });
            self.write()?;
        }
        let refused = CustodianError::InsufficientBalance { left: Amount::new(left) };
        if is_refused { Err(refused) } else { Ok(()) }
    }

    fn is_confirmed(&mut self, key: u64) -> Result<bool, CustodianError> {
        match self.instructions.get(&key).map(|of| of.state) {
            Some(State::Confirmed) => Ok(true),
            Some(State::Instructed) => Ok(false),
            Some(State::Refused) | None => Err(CustodianError::UnknownKey),
        }
    }

    fn balance(&mut self, asset: AssetId) -> Result<Amount, CustodianError> {
        Ok(Amount::new(self.balances.get(&asset).copied().unwrap_or(0)))
    }
}

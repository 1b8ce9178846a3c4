//! Counts what came in and went out, to hold it against what the accounts have.

use tiderace_engine::venue::{Venue, VenueConfig};
use tiderace_types::venue::{Command, Event, Single};
use tiderace_types::{AccountId, ExecType, InstrumentId};

/// Money that the venue was given, less what it gave back and took as fees, by asset.
pub(super) struct Ledger {
    given: Vec<i128>,
    settles: Vec<usize>,
    accounts: u32,
}

impl Ledger {
    pub(super) fn new(config: &VenueConfig) -> Self {
        let mut given = vec![0_i128; config.assets.len()];
        for (asset, amount) in config.accounts.iter().flat_map(|account| &account.balances) {
            add(&mut given, asset.index(), amount.get());
        }
        let settles = config.instruments.iter().map(|listing| listing.instrument.settle.index()).collect();
        Self { given, settles, accounts: u32::try_from(config.accounts.len()).unwrap_or(u32::MAX) }
    }

    /// Notes a command and what followed.
    pub(super) fn note(&mut self, command: &Command, events: &[Event]) {
        let is_refused = events.iter().any(|event| matches!(event, Event::CommandRefused(_)));
        if !is_refused {
            match command {
                Command::Single(Single::Deposit(deposit)) => {
                    add(&mut self.given, deposit.asset.index(), deposit.amount.get());
                }
                Command::Single(Single::Withdraw(withdraw)) => {
                    add(&mut self.given, withdraw.asset.index(), withdraw.amount.get().saturating_neg());
                }
                _ => {}
            }
        }
        for event in events {
            if let Event::Report(report) = event
                && report.exec_type == ExecType::Trade
            {
                let settle = self.settles.get(report.instrument.index()).copied();
                add(&mut self.given, settle.unwrap_or(usize::MAX), report.fee.get().saturating_neg());
            }
        }
    }

    /// Whether the accounts together have what they were given and what they took from each other, and are as long as
    /// they are short.
    ///
    /// # Errors
    /// What is not so.
    pub(super) fn check(&self, venue: &Venue) -> Result<(), String> {
        let accounts = || (0..self.accounts).map(AccountId);
        let mut wanted = self.given.clone();
        for (row, settle) in self.settles.iter().enumerate() {
            let instrument = InstrumentId(u16::try_from(row).unwrap_or(u16::MAX));
            let mut lots = 0_i128;
            for account in accounts() {
                let position = venue.position(account, instrument);
                lots = lots.saturating_add(position.qty.into());
                add(&mut wanted, *settle, position.realized.get());
            }
            if lots != 0 {
                return Err(format!("positions of instrument {row} add up to {lots} lots"));
            }
        }
        for (row, wanted) in wanted.iter().enumerate() {
            let asset = tiderace_types::AssetId(u16::try_from(row).unwrap_or(u16::MAX));
            let total =
                accounts().fold(0_i128, |sum, account| sum.saturating_add(venue.balance(account, asset).total.get()));
            if total != *wanted {
                return Err(format!("asset {row}: accounts hold {total} base units in place of {wanted}"));
            }
        }
        Ok(())
    }
}

fn add(sums: &mut [i128], row: usize, amount: i128) {
    if let Some(sum) = sums.get_mut(row) {
        *sum = sum.saturating_add(amount);
    }
}

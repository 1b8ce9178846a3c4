//! Counts what came in and went out, to hold it against what is there.

use tiderace_engine::venue::{Venue, VenueConfig};
use tiderace_types::venue::{Command, Event, Single};
use tiderace_types::{AccountId, AssetId, InstrumentId};

/// Money that the accounts were given, less what they took out, by asset.
pub(super) struct Ledger {
    given: Vec<i128>,
    instruments: u16,
    accounts: u32,
}

impl Ledger {
    pub(super) fn new(config: &VenueConfig) -> Self {
        let mut given = vec![0_i128; config.assets.len()];
        for (asset, amount) in config.accounts.iter().flat_map(|account| &account.balances) {
            add(&mut given, *asset, amount.get());
        }
        let instruments = u16::try_from(config.instruments.len()).unwrap_or(u16::MAX);
        Self { given, instruments, accounts: u32::try_from(config.accounts.len()).unwrap_or(u32::MAX) }
    }

    /// Notes money that a command brought or took, where it was not refused.
    pub(super) fn note(&mut self, command: &Command, events: &[Event]) {
        if events.iter().any(|event| matches!(event, Event::CommandRefused(_))) {
            return;
        }
        if let Command::Single(Single::Deposit(deposit)) = command {
            add(&mut self.given, deposit.asset, deposit.amount.get());
        }
        if let Command::Single(Single::Withdraw(withdraw)) = command {
            add(&mut self.given, withdraw.asset, withdraw.amount.get().saturating_neg());
        }
    }

    /// Whether accounts and house together have what was given, and positions are as long as they are short.
    ///
    /// # Errors
    /// What is not so.
    pub(super) fn check(&self, venue: &Venue) -> Result<(), String> {
        let accounts = || (0..self.accounts).map(AccountId);
        for row in 0..self.instruments {
            let lots = |account| i128::from(venue.position(account, InstrumentId(row)).qty);
            let sum = accounts().map(lots).fold(0, i128::saturating_add);
            // What one account is long another is short; spot is held, not owed.
            if sum != 0 {
                return Err(format!("positions of instrument {row} add up to {sum} lots"));
            }
        }
        for (row, given) in (0..).zip(&self.given) {
            let cash = |account| venue.balance(account, AssetId(row)).total.get();
            let total = accounts().map(cash).fold(venue.house(AssetId(row)).get(), i128::saturating_add);
            if total != *given {
                return Err(format!("asset {row}: {total} base units are there in place of {given}"));
            }
        }
        Ok(())
    }
}

fn add(sums: &mut [i128], asset: AssetId, amount: i128) {
    if let Some(sum) = sums.get_mut(asset.index()) {
        *sum = sum.saturating_add(amount);
    }
}

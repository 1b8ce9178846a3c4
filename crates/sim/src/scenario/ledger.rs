//! Counts what came in from outside and went out, to hold it against what the books say.

use tiderace_engine::venue::{House, LedgerAccount, Venue, VenueConfig};
use tiderace_types::AssetId;
use tiderace_types::venue::{Command, Event, Single};

/// Money that accounts and funds were given, less what was taken out, by asset.
pub(super) struct Ledger {
    given: Vec<i128>,
}

impl Ledger {
    pub(super) fn new(config: &VenueConfig) -> Self {
        let mut given = vec![0_i128; config.assets.len()];
        let balances = config.accounts.iter().flat_map(|account| &account.balances);
        for (asset, amount) in balances.chain(&config.fund).chain(&config.clearing.house_capital) {
            add(&mut given, *asset, amount.get());
        }
        for share in &config.clearing.mutual {
            add(&mut given, share.asset, share.amount.get());
        }
        Self { given }
    }

    /// Notes money that a command brought or took, where it was not refused.
    pub(super) fn note(&mut self, command: &Command, events: &[Event]) {
        if events.iter().any(|event| matches!(event, Event::CommandRefused(_))) {
            return;
        }
        if let Command::Single(Single::Deposit(deposit)) = command {
            add(&mut self.given, deposit.asset, deposit.amount.get());
        }
        if let Command::Single(Single::FundContribution(contribution)) = command {
            add(&mut self.given, contribution.asset, contribution.amount.get());
        }
        if let Command::Single(Single::Withdraw(withdraw)) = command {
            add(&mut self.given, withdraw.asset, withdraw.amount.get().saturating_neg());
        }
    }

    /// Whether debits equal credits and positions are as long as they are short, and the books hold what came in.
    ///
    /// # Errors
    /// What is not so.
    pub(super) fn check(&self, venue: &Venue) -> Result<(), String> {
        let clearing = venue.clearing();
        if !clearing.is_balanced() {
            return Err("debits do not equal credits, or positions are not as long as they are short".to_owned());
        }
        for (row, given) in (0..).zip(&self.given) {
            let custody = clearing.total(LedgerAccount::House(House::Custody), AssetId(row)).get();
            if custody.checked_neg() != Some(*given) {
                return Err(format!("asset {row}: the outside stands at {custody} base units against {given}"));
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

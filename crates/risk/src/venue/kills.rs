//! Kill switches that are on.

use std::collections::BTreeMap;

use tiderace_types::{AccountId, InstrumentId, KillScope};

/// A kill switch that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// What `id` names.
    pub scope: KillScope,
    /// Account, strategy or instrument; zero for all.
    pub id: u32,
    /// Whether it admits orders no larger than the position that they reduce.
    pub reduce_only: bool,
}

/// All that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kills(BTreeMap<(KillScope, u32), bool>);

impl Kills {
    /// Switches one; gives whether that changed anything.
    pub(super) fn set(&mut self, scope: KillScope, id: u32, is_on: bool, reduce_only: bool) -> bool {
        let id = if scope == KillScope::All { 0 } else { id };
        if is_on {
            self.0.insert((scope, id), reduce_only) != Some(reduce_only)
        } else {
            self.0.remove(&(scope, id)).is_some()
        }
    }

    /// The strictest that covers: whole kills before reduce-only ones, then All, Account, Instrument, Strategy.
    pub(super) fn covering(
        &self,
        account: AccountId,
        instrument: Option<InstrumentId>,
        strategy: Option<u32>,
    ) -> Option<Kill> {
        if self.0.is_empty() {
            return None;
        }
        let keys = [
            Some((KillScope::All, 0)),
            Some((KillScope::Account, account.0)),
            instrument.map(|instrument| (KillScope::Instrument, instrument.0.into())),
            strategy.map(|strategy| (KillScope::Strategy, strategy)),
        ];
        let on = keys.into_iter().flatten().filter_map(|key| {
            let (scope, id) = key;
            self.0.get(&key).map(|reduce_only| Kill { scope, id, reduce_only: *reduce_only })
        });
        // The first of the least: a whole kill, where there is one.
        on.min_by_key(|kill| kill.reduce_only)
    }

    /// Those that are on, in order of scope and id.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Kill> {
        self.0.iter().map(|((scope, id), reduce_only)| Kill { scope: *scope, id: *id, reduce_only: *reduce_only })
    }
}

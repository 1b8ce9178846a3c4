//! The controls' state as bytes: layout version first, then what [`Controls::new`] does not know. Limits are of the
//! genesis and not in it; timers and the limits in force follow from the rest.

use std::collections::BTreeSet;

use tiderace_types::venue::ProposeOverride;
use tiderace_types::{AccountId, DecodeError, Field, KillScope, Layout, Ts};

use super::controls::{Account, Controls, Timer};
use super::mmp::{Greeks, Group};
use super::overrides::OVERRIDES_MAX;
use super::windows::Sums;

/// Version of the layout.
const VERSION: u16 = 1;

impl Controls {
    /// Appends the state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        put_count(self.accounts.len(), out);
        for account in &self.accounts {
            put_account(account, out);
        }
        put_count(self.greeks.len(), out);
        for greeks in &self.greeks {
            greeks.delta.put(out);
            greeks.vega.put(out);
        }
        put_count(self.kills.iter().len(), out);
        for kill in self.kills.iter() {
            kill.scope.put(out);
            kill.id.put(out);
            kill.reduce_only.put(out);
        }
        for list in [&self.overrides.proposed, &self.overrides.in_force] {
            put_count(list.len(), out);
            list.iter().for_each(|of| of.encode(out));
        }
        put_count(self.reached.len(), out);
        for (account, group) in &self.reached {
            account.put(out);
            group.put(out);
        }
    }

    /// These controls, as [`Controls::new`] made them from the same genesis, with the state taken from the front of
    /// `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are of another version or genesis, too few, or no state.
    pub fn restored(mut self, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        if u16::take(bytes)? != VERSION {
            return Err(bad("version of the controls"));
        }
        take_count_of(self.accounts.len(), bytes)?;
        for account in &mut self.accounts {
            take_account(account, bytes)?;
        }
        take_count_of(self.greeks.len(), bytes)?;
        for greeks in &mut self.greeks {
            *greeks = Greeks { delta: Field::take(bytes)?, vega: Field::take(bytes)? };
        }
        for _ in 0..u32::take(bytes)? {
            let (scope, id, reduce_only) = (KillScope::take(bytes)?, u32::take(bytes)?, bool::take(bytes)?);
            if !self.kills.set(scope, id, true, reduce_only) {
                return Err(bad("kill"));
            }
        }
        self.overrides.proposed = take_overrides(bytes)?;
        self.overrides.in_force = take_overrides(bytes)?;
        for of in self.overrides.in_force.clone() {
            self.set_limit(of);
        }
        for _ in 0..u32::take(bytes)? {
            self.reached.push((Field::take(bytes)?, Field::take(bytes)?));
        }
        self.timers = self.derived_timers()?;
        Ok(self)
    }

    fn derived_timers(&self) -> Result<BTreeSet<(Ts, Timer)>, DecodeError> {
        let mut timers = BTreeSet::new();
        for (row, account) in self.accounts.iter().enumerate() {
            let id = AccountId(u32::try_from(row).map_err(|_| bad("account"))?);
            timers.extend(account.ts_dead_man.map(|ts| (ts, Timer::DeadMan(id))));
            let frozen = account.groups.iter().filter_map(|group| Some((group.ts_until?, group.limits.group)));
            timers.extend(frozen.map(|(ts, group)| (ts, Timer::Unfreeze(id, group))));
        }
        timers.extend(self.overrides.all().map(|of| (of.expire_time, Timer::Override(of.override_id))));
        Ok(timers)
    }
}

fn put_account(account: &Account, out: &mut Vec<u8>) {
    put_sums(&account.messages, out);
    put_sums(&account.orders, out);
    account.open_orders.put(out);
    account.working.iter().flatten().for_each(|lots| lots.put(out));
    put_time(account.ts_dead_man, out);
    for group in &account.groups {
        put_sums(&group.fills, out);
        put_time(group.ts_reached, out);
        put_time(group.ts_until, out);
    }
}

fn take_account(account: &mut Account, bytes: &mut &[u8]) -> Result<(), DecodeError> {
    take_sums(&mut account.messages, bytes)?;
    take_sums(&mut account.orders, bytes)?;
    account.open_orders = Field::take(bytes)?;
    for lots in account.working.iter_mut().flatten() {
        *lots = Field::take(bytes)?;
    }
    account.ts_dead_man = take_time(bytes)?;
    account.groups.iter_mut().try_for_each(|group| take_group(group, bytes))
}

fn take_group(group: &mut Group, bytes: &mut &[u8]) -> Result<(), DecodeError> {
    take_sums(&mut group.fills, bytes)?;
    group.ts_reached = take_time(bytes)?;
    group.ts_until = take_time(bytes)?;
    Ok(())
}

fn put_sums<const N: usize>(sums: &Sums<N>, out: &mut Vec<u8>) {
    put_count(sums.entries().len(), out);
    for (ts, terms) in sums.entries() {
        ts.put(out);
        terms.iter().for_each(|term| term.put(out));
    }
}

fn take_sums<const N: usize>(sums: &mut Sums<N>, bytes: &mut &[u8]) -> Result<(), DecodeError> {
    for _ in 0..u32::take(bytes)? {
        let (ts, mut terms) = (Ts::take(bytes)?, [0; N]);
        for term in &mut terms {
            *term = Field::take(bytes)?;
        }
        if !sums.restore(ts, terms) {
            return Err(bad("window"));
        }
    }
    Ok(())
}

fn take_overrides(bytes: &mut &[u8]) -> Result<Vec<ProposeOverride>, DecodeError> {
    let count = usize::try_from(u32::take(bytes)?).unwrap_or(usize::MAX);
    if count > OVERRIDES_MAX {
        return Err(bad("count of overrides"));
    }
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let (head, rest) = bytes.split_at_checked(ProposeOverride::LEN).ok_or(bad("override"))?;
        list.push(ProposeOverride::decode(head)?);
        *bytes = rest;
    }
    Ok(list)
}

fn put_time(time: Option<Ts>, out: &mut Vec<u8>) {
    time.is_some().put(out);
    time.unwrap_or(Ts::ZERO).put(out);
}

fn take_time(bytes: &mut &[u8]) -> Result<Option<Ts>, DecodeError> {
    let (is_there, ts) = (bool::take(bytes)?, Ts::take(bytes)?);
    if !is_there && ts != Ts::ZERO {
        return Err(bad("time"));
    }
    Ok(is_there.then_some(ts))
}

/// Tables are far below 2^32 rows: ids are smaller.
fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).unwrap_or(u32::MAX).put(out);
}

fn take_count_of(wanted: usize, bytes: &mut &[u8]) -> Result<(), DecodeError> {
    let count = usize::try_from(u32::take(bytes)?).unwrap_or(usize::MAX);
    if count == wanted { Ok(()) } else { Err(bad("count of rows")) }
}

const fn bad(field: &'static str) -> DecodeError {
    DecodeError::BadValue { field }
}

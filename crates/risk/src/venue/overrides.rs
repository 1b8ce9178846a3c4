//! Limits lifted for a while by two persons: what was proposed, and what is in force.

use tiderace_types::venue::{ApproveOverride, ProposeOverride};
use tiderace_types::{Reason, Refusal, Ts};

/// Most overrides that are proposed or in force at a time.
pub(super) const OVERRIDES_MAX: usize = 256;

/// All that are proposed or in force, by when they were proposed and, once in force, approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) proposed: Vec<ProposeOverride>,
    pub(super) in_force: Vec<ProposeOverride>,
}

impl Overrides {
    pub(super) fn propose(&mut self, ts: Ts, proposal: &ProposeOverride) -> Result<(), Refusal> {
        if proposal.operator == 0 {
            return Err(Refusal::new(Reason::BadField, 0, 1));
        }
        if proposal.value.get() < 0 {
            return Err(Refusal::new(Reason::BadField, proposal.value.get(), 0));
        }
        if proposal.expire_time <= ts {
            return Err(Refusal::new(Reason::BadField, proposal.expire_time.get(), ts.get()));
        }
        if self.all().any(|known| known.override_id == proposal.override_id) {
            return Err(Refusal::new(Reason::DuplicateOverride, proposal.override_id, 1));
        }
        let count = self.all().count();
        if count >= OVERRIDES_MAX {
            let (value, limit) = (i128::try_from(count).unwrap_or(i128::MAX), 256);
            return Err(Refusal::new(Reason::TooManyOverrides, value.saturating_add(1), limit));
        }
        self.proposed.push(*proposal);
        Ok(())
    }

    /// Puts a proposal in force; gives it.
    pub(super) fn approve(&mut self, approval: &ApproveOverride) -> Result<ProposeOverride, Refusal> {
        let at = self.proposed.iter().position(|proposal| proposal.override_id == approval.override_id);
        let unknown = Refusal::new(Reason::UnknownOverride, approval.override_id, 0);
        let (at, proposal) = at.and_then(|at| Some((at, *self.proposed.get(at)?))).ok_or(unknown)?;
        if approval.operator == 0 {
            return Err(Refusal::new(Reason::BadField, 0, 1));
        }
        if approval.operator == proposal.operator {
            return Err(Refusal::new(Reason::SamePerson, approval.operator, proposal.operator));
        }
        self.proposed.remove(at);
        self.in_force.push(proposal);
        Ok(proposal)
    }

    /// Takes one out; gives it, and whether it was in force.
    pub(super) fn end(&mut self, override_id: u64) -> Option<(ProposeOverride, bool)> {
        if let Some(at) = self.in_force.iter().position(|of| of.override_id == override_id) {
            return Some((self.in_force.remove(at), true));
        }
        let at = self.proposed.iter().position(|of| of.override_id == override_id)?;
        Some((self.proposed.remove(at), false))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &ProposeOverride> {
        self.proposed.iter().chain(&self.in_force)
    }
}

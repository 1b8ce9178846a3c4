//! Ids. Those that a table gives out are small; those that the world sees are 64 bits and never reused.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[repr(transparent)]
        pub struct $name(pub $inner);
    };
}

id! {
    /// Row of an asset in the genesis table.
    AssetId(u16)
}
id! {
    /// Row of an instrument in the genesis table.
    InstrumentId(u16)
}
id! {
    /// Row of a venue in the genesis table.
    VenueId(u16)
}
id! {
    /// Row of an account in the genesis table.
    AccountId(u32)
}
id! {
    /// A parent order of the desk, given by who submits it.
    ParentId(u64)
}
id! {
    /// The desk's key of a child order (FIX 11), unique for the life of a journal. Zero is no order.
    ClOrdId(u64)
}
id! {
    /// A venue's key of one execution (FIX 17).
    ExecId(u64)
}

impl InstrumentId {
    /// This id as an index into tables in genesis order.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl VenueId {
    /// This id as an index into tables in genesis order.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl AssetId {
    /// This id as an index into tables in genesis order.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Who an order is for: rows of the genesis label table. Every order carries all four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tags {
    /// The person responsible.
    pub trader: u32,
    /// The algorithm that sends the child.
    pub algorithm: u32,
    /// The strategy that decided.
    pub strategy: u32,
    /// The client on whose behalf.
    pub client: u32,
}

impl crate::layout::Field for Tags {
    const LEN: usize = 16;
    const COLUMN: crate::layout::Column = crate::layout::Column::Tags;
    fn put(&self, out: &mut Vec<u8>) {
        for label in [self.trader, self.algorithm, self.strategy, self.client] {
            label.put(out);
        }
    }
    fn take(bytes: &mut &[u8]) -> Result<Self, crate::DecodeError> {
        Ok(Self {
            trader: u32::take(bytes)?,
            algorithm: u32::take(bytes)?,
            strategy: u32::take(bytes)?,
            client: u32::take(bytes)?,
        })
    }
}

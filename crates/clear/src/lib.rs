//! Clearing: the ledger, positions, funding, expiry, collateral and what happens when somebody cannot pay.

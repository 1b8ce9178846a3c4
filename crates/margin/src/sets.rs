//! Parameter sets that ship with the crate, as TOML: numbers with the place where each was published.

use crate::params::{Params, ParamsError};

/// Follows Deribit's portfolio margin (BTC).
pub const DERIBIT_PM: &str = include_str!("../sets/deribit_pm.toml");
/// Follows Derive's portfolio margin, PMRM 2.1 (BTC, ETH).
pub const DERIVE_PMRM: &str = include_str!("../sets/derive_pmrm.toml");

/// Names of the sets.
pub const NAMES: [&str; 2] = ["deribit_pm", "derive_pmrm"];

/// The TOML text of a set. `None` where there is no set of that name.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        "deribit_pm" => Some(DERIBIT_PM),
        "derive_pmrm" => Some(DERIVE_PMRM),
        _ => None,
    }
}

/// Reads and checks a set of parameters, as a shipped set or a user's own file.
///
/// # Errors
/// [`ParamsError`].
pub fn parse(text: &str) -> Result<Params, ParamsError> {
    let params: Params = toml::from_str(text).map_err(|error| ParamsError::Text(error.to_string()))?;
    params.check()?;
    Ok(params)
}

//! PyO3 bindings: `tiderace._core`. Conversions only; what they convert lives in the rooms below.

mod arrow;
mod bench;
mod clear;
mod clear_bench;
mod client;
mod errors;
mod journal;
mod model;
mod program;
mod program_bench;
mod program_fleet;
mod run;
mod scenario;
mod stress;
mod surface;
mod tape;
mod venue;
mod venue_bench;

/// The extension module. It needs the interpreter lock: what a strategy reads of the desk is guarded by nothing else.
#[pyo3::pymodule(gil_used = true)]
mod _core {
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;
    use tiderace_types::{Reason, decimal};

    #[pymodule_export]
    use crate::arrow::Table;
    #[pymodule_export]
    use crate::bench::{bench_orders, clock_ns, decode_bytes, inflate, is_optimised, level_flow};
    #[pymodule_export]
    use crate::clear::{
        clear_adl_queue, clear_adl_score, clear_order, clear_params, clear_portfolio, clear_sets, clear_standard,
        clear_waterfall,
    };
    #[pymodule_export]
    use crate::clear_bench::{bench_clear, bench_liquidate, bench_margin};
    #[pymodule_export]
    use crate::client::{BookView, MarketTrade, OwnFill, StrategyContext};
    #[pymodule_export]
    use crate::errors::{ConfigError, DataError, JournalError, ProgramFault, ReplayError};
    #[pymodule_export]
    use crate::journal::{journal_cat, journal_check, journal_prove, journal_repair, journal_stat, journal_verify};
    #[pymodule_export]
    use crate::model::{model_power_law, model_rows, model_series};
    #[pymodule_export]
    use crate::program::{PyProgram, program_math};
    #[pymodule_export]
    use crate::program_bench::{bench_program, bench_program_compile, bench_program_fuel};
    #[pymodule_export]
    use crate::program_fleet::bench_program_fleet;
    #[pymodule_export]
    use crate::run::{Run, first_difference, read_genesis, replay};
    #[pymodule_export]
    use crate::scenario::{run_scenario, scenario_files, venue_controls};
    #[pymodule_export]
    use crate::stress::{stress_day, stress_defaults, stress_grid};
    #[pymodule_export]
    use crate::surface::{
        PySurface, model_arbitrage, model_impact, svi_check, svi_fit, svi_from_jump_wings, svi_jump_wings, svi_rows,
    };
    #[pymodule_export]
    use crate::tape::{
        PyTape, Recording, check_tape, depth, hash_file, make_flow, quotes, read_binance, trades, verify_file,
    };
    #[pymodule_export]
    use crate::venue::{PyVenue, venue_rows};

    #[pymodule_export]
    use crate::venue_bench::{
        RestingBook, bench_crash, bench_journal, bench_kill, bench_match, bench_one_in_flight, bench_recover,
        bench_resting, bench_venue, bench_venue_latency, bench_venue_rows, crash_child,
    };

    /// Digits of the largest integer that a decimal is held in.
    const DECIMALS_MAX: u32 = 38;

    /// Version of the core.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("version", env!("CARGO_PKG_VERSION"))
    }

    /// Every reason: code, name, rule, remedy.
    #[pyfunction]
    fn reasons() -> Vec<(u16, &'static str, &'static str, &'static str)> {
        Reason::ALL.iter().map(|r| (r.code(), r.name(), r.rule(), r.remedy())).collect()
    }

    /// Decimal text as an integer of 10^-`decimals`, exactly.
    #[pyfunction]
    fn parse_decimal(text: &str, decimals: u32) -> PyResult<i128> {
        decimal::parse(text, decimals).map_err(|error| PyValueError::new_err(format!("{text:?} {error}")))
    }

    /// An integer of 10^-`decimals` as decimal text without trailing zeros.
    #[pyfunction]
    fn format_decimal(value: i128, decimals: u32) -> PyResult<String> {
        if decimals > DECIMALS_MAX {
            return Err(PyValueError::new_err(format!("decimals {decimals} are above {DECIMALS_MAX}")));
        }
        Ok(decimal::format(value, decimals))
    }
}

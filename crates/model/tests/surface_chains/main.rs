//! Real Deribit chains: how many quotes the surface meets, that it is free of arbitrage, and how long a fit takes.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tiderace_model::chain::{DayWeights, Quote, QuoteKind, Style};
use tiderace_model::surface::{Fit, FitOptions, Surface};
use tiderace_types::Reason;

/// One currency of one snapshot.
struct Chain {
    name: String,
    quotes: Vec<Quote>,
    marks: Vec<f64>,
    deltas: Vec<f64>,
}

/// Quotes as CSV: of `TIDERACE_CHAIN_CSV` where that names a file, else dumped from the Parquet files by Python.
fn csv(every: u32) -> Option<String> {
    if let Some(file) = std::env::var_os("TIDERACE_CHAIN_CSV") {
        return Some(std::fs::read_to_string(file).unwrap());
    }
    let skip = |why: &str| {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
        assert!(std::env::var_os("TIDERACE_REQUIRE_ALL").is_none(), "SKIPPED: {why}");
    };
    let folder = std::env::var_os("TIDERACE_DATA").map(|data| Path::new(&data).join("deribit_option_chain_snapshots"));
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        skip("needs deribit_option_chain_snapshots in TIDERACE_DATA");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface_chains/dump.py");
    let python = std::env::var_os("TIDERACE_PYTHON").unwrap_or_else(|| "python3".into());
    let dumped = Command::new(python).arg(script).arg(folder).arg(every.to_string()).output();
    match dumped {
        Ok(dumped) if dumped.status.success() => Some(String::from_utf8(dumped.stdout).unwrap()),
        Ok(_) | Err(_) => {
            skip("needs a Python with polars (TIDERACE_PYTHON) to read Parquet");
            None
        }
    }
}

fn chains(csv: &str) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().unwrap_or(f64::NAN);
        let name = format!("{} {}", fields[0], fields[1]);
        if chains.last().is_none_or(|chain| chain.name != name) {
            chains.push(Chain { name, quotes: Vec::new(), marks: Vec::new(), deltas: Vec::new() });
        }
        let chain = chains.last_mut().unwrap();
        chain.marks.push(number(11));
        chain.deltas.push(number(12));
        chain.quotes.push(Quote {
            kind: QuoteKind::Option { strike: number(5), call: fields[6] == "1" },
            expiry: fields[3].parse().unwrap(),
            t: number(4),
            bid: number(7),
            ask: number(8),
            bid_qty: f64::NAN,
            ask_qty: f64::NAN,
            style: Style::Inverse,
            discount: 1.0,
            forward: number(9),
            mark_vol: number(10),
            ts_ns: fields[2].parse().unwrap(),
        });
    }
    chains
}

fn options(chain: &Chain) -> FitOptions {
    let ts_ns = chain.quotes.iter().map(|quote| quote.ts_ns).max().unwrap();
    FitOptions { version: 1, ts_ns, age_ns_max: 600_000_000_000, weights: DayWeights::CALENDAR }
}

/// Quotes judged and inside by the venue's own deltas, not by the model's.
fn share(chain: &Chain, fit: &Fit) -> (u32, u32) {
    let (mut judged, mut inside) = (0, 0);
    for (quote, delta) in chain.quotes.iter().zip(&chain.deltas) {
        let is_two_sided = quote.bid > 0.0 && quote.ask > 0.0 && quote.t > 0.0;
        let QuoteKind::Option { strike, call } = quote.kind else { continue };
        if !is_two_sided || !(0.05..=0.95).contains(&delta.abs()) {
            continue;
        }
        judged += 1;
        // A quote counts at the forward of its own moment, as it was fitted; an expiry without a slice counts as missed.
        let Some(slice) = fit.surface.slice(quote.expiry) else { continue };
        let moved = strike * slice.forward / quote.forward;
        let price = fit.surface.price(quote.expiry, moved, call).unwrap();
        inside += u32::from((price - quote.mid()).abs() <= quote.half_spread() * (1.0 + 1e-9));
    }
    (judged, inside)
}

#[test]
fn a_surface_meets_19_of_20_quotes_of_a_real_chain_and_holds_no_arbitrage() {
    let is_full = std::env::var_os("TIDERACE_FULL").is_some();
    let Some(csv) = csv(if is_full { 1 } else { 40 }) else { return };
    let chains = chains(&csv);
    let mut shares = Vec::new();
    let mut times = Vec::new();
    let (mut judged_all, mut inside_all, mut refused, mut below) = (0, 0, 0, 0);
    let (mut count, mut slices, mut mid_violations) = (0, 0, 0);
    let mut causes = std::collections::BTreeMap::<&str, u32>::new();
    for chain in &chains {
        let options = options(chain);
        let start = Instant::now();
        let fit = Surface::fit(&chain.quotes, &options).unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        count += chain.quotes.len();
        slices += fit.surface.slices().len();
        refused += fit.refused.len();
        for (_, reason) in &fit.refused {
            *causes.entry(reason.name()).or_default() += 1;
        }
        if let Some(v) = fit.surface.worst_violation(4.0, 400, 0).filter(|found| found.amount < -1e-9) {
            println!("VIOLATION {} {v:?}", chain.name);
        }
        if let Some(v) = fit.surface.worst_violation(2.0, 200, 3).filter(|found| found.amount < -1e-9) {
            mid_violations += 1;
            if mid_violations < 5 {
                println!("between: {} {v:?}", chain.name);
            }
        }
        let (judged, inside) = share(chain, &fit);
        (judged_all, inside_all) = (judged_all + judged, inside_all + inside);
        let share = f64::from(inside) / f64::from(judged);
        below += u32::from(share < 0.95);
        if share < 0.93 {
            println!("{}: {share:.4} {:?}", chain.name, fit.refused);
        }
        shares.push(share);
        assert!(fit.reasons.iter().zip(&chain.quotes).all(|(r, q)| *r != Reason::None || q.bid <= q.ask));
    }
    shares.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let at = |values: &[f64], part: f64| values[((values.len() - 1) as f64 * part) as usize];
    println!(
        "{} chains, {count} quotes, {slices} slices, {refused} refused {causes:?}, {mid_violations} with a violation between slices",
        chains.len()
    );
    println!(
        "inside half the spread: {:.4}; per chain min {:.4} p5 {:.4} median {:.4}; below 95 %: {below}",
        f64::from(inside_all) / f64::from(judged_all),
        shares[0],
        at(&shares, 0.05),
        at(&shares, 0.5)
    );
    println!("ms a fit: median {:.3} p95 {:.3} max {:.3}", at(&times, 0.5), at(&times, 0.95), at(&times, 1.0));
}

//! A day of crash through the venue: money adds up, layers pay in order, and it can be done again.

use tiderace_sim::stress::{Chain, Config, Day, Policy, day, grid};

/// A small house whose funds do not last.
fn small(seed: u64) -> Config {
    Config { seed, accounts: 150, options: 24, steps: 12, members: 4, makers: 2, ..Config::default() }
}

fn run(config: &Config, policy: Policy) -> Day {
    day(config, &Chain::synthetic(config.seed), policy).unwrap().day
}

#[test]
fn a_day_of_crash_adds_up_and_can_be_done_again() {
    for policy in [Policy::Staged, Policy::Immediate] {
        for seed in 1..4 {
            let day = run(&small(seed), policy);
            assert!(day.positions > 150, "seed {seed}: {} positions", day.positions);
            assert!(day.accounts_below > 10, "seed {seed}: {} below", day.accounts_below);
            assert!(day.totals.iter().all(|total| total.before == total.after), "seed {seed}: {:?}", day.totals);
            assert!(day.is_balanced && day.is_repeated, "seed {seed}");
            assert!(day.is_told, "seed {seed}: {:?}", day.layers);
            assert_eq!(day.out_of_order, 0, "seed {seed}: {:?}", day.layers);
        }
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let (one, two) = (run(&small(9), Policy::Staged), run(&small(9), Policy::Staged));
    assert_eq!((&one.state, &one.outputs), (&two.state, &two.outputs));
    assert_ne!(one.outputs, run(&small(10), Policy::Staged).outputs);
}

#[test]
fn funds_that_do_not_last_show_every_layer() {
    let small = small(2);
    let tiny = |of: &str| [("BTC", of), ("USDC", of)].map(|(asset, of)| (asset.to_owned(), of.to_owned())).into();
    let config = Config { accounts: 400, insurance: tiny("1"), house: tiny("0.2"), mutual: tiny("0.05"), ..small };
    let day = run(&config, Policy::Staged);
    assert_eq!(day.out_of_order, 0);
    for layer in day.layers.iter().take(4) {
        assert!(layer.used.iter().any(|used| used.amount != "0"), "{layer:?}");
    }
}

#[test]
fn a_grid_lacks_nothing_where_nothing_moves() {
    let config = Config { grid_spot: vec![-0.5, 0.0], grid_vol: vec![0.0], ..small(1) };
    let grid = grid(&config, &Chain::synthetic(1)).unwrap();
    let [fall, none] = &grid.cells[..] else { panic!("{:?}", grid.cells) };
    assert!(fall.shortfall_usd > 0.0 && none.shortfall_usd == 0.0);
    assert!((fall.customers_usd + fall.members_usd).abs() < 1.0, "what one gains another loses");
    assert_eq!(grid.worst.unwrap().members.len(), 2);
}

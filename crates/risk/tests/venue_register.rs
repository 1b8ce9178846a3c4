//! The register names every control once, and every requirement that it speaks of.

use std::collections::BTreeSet;
use std::path::Path;

use tiderace_risk::venue::{Limit, articles, register};
use tiderace_types::Reason;

/// Codes of 2xxx and 4xxx that no control of the venue gives: those of the desk's own limits, and the terms of an order
/// (parameters of its condition are among them: 4030) or its end in the book.
const NOT_A_CONTROL: &[u16] = &[
    2001, 2002, 2003, 2004, 2005, 2006, 2007, 2010, 2011, 2012, 2014, 2015, 2017, 4001, 4002, 4003, 4004, 4005, 4006,
    4015, 4016, 4017, 4018, 4019, 4020, 4023, 4027, 4030,
];

#[test]
fn every_reason_of_a_control_is_in_a_row() {
    let listed: BTreeSet<_> = register().iter().flat_map(|row| row.reasons).map(|reason| reason.code()).collect();
    let of_venue = Reason::ALL.iter().map(|reason| reason.code()).filter(|code| matches!(code / 1_000, 2 | 4));
    let missing: Vec<_> = of_venue.filter(|code| listed.contains(code) == NOT_A_CONTROL.contains(code)).collect();
    assert_eq!(missing, Vec::<u16>::new(), "put the reason in a row of the register, or say that it is no control");
}

#[test]
fn rows_are_unique_and_sorted_and_begin_with_the_limits() {
    assert!(register().windows(2).all(|pair| pair[0].id < pair[1].id));
    let names: BTreeSet<_> = register().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), register().len());
    let limits: Vec<_> = Limit::ALL.iter().map(|limit| limit.code()).collect();
    let first: Vec<_> = register().iter().take(limits.len()).map(|row| row.id).collect();
    assert_eq!(limits, first);
}

#[test]
fn rows_answer_articles_that_are_listed_once() {
    let keys: BTreeSet<_> = articles().iter().map(|article| article.key).collect();
    assert_eq!(keys.len(), articles().len());
    for row in register() {
        assert!(row.answers.iter().all(|key| keys.contains(key)), "{}", row.name);
    }
}

#[test]
fn an_article_without_a_control_says_what_is_missing() {
    let unanswered: Vec<_> = articles().iter().filter(|article| article.controls().next().is_none()).collect();
    assert!(unanswered.iter().all(|article| !article.missing.is_empty()));
    let keys: Vec<_> = unanswered.iter().map(|article| article.key).collect();
    let none = [
        "RTS 6 art. 15(3)",
        "RTS 7 art. 18(2)(a)",
        "RTS 7 art. 18(2)(e)",
        "RTS 7 art. 19(2)",
        "15c3-5 (c)(2)(i)",
        "15c3-5 (c)(2)(ii)",
        "15c3-5 (c)(2)(iv)",
    ];
    assert_eq!(keys, none);
}

#[test]
fn modules_of_the_register_are_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for row in register() {
        let (room, module) = row.module.split_once("::").unwrap();
        let path = crates.join(room).join("src").join(module.replace("::", "/"));
        assert!(path.is_dir() || path.with_extension("rs").is_file(), "{} of {}", row.module, row.name);
    }
}

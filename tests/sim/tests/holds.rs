//! The simulator itself: a seed is a proof, broken worlds are found, and what failed once holds.

use std::process::Command;
use std::sync::Arc;

use oncegate_sim::{BROKEN, Broken, Until, kind, known, plan, run, run_each, run_from, shrunk};

/// Seeds within which a broken world has to be found.
const FOUND_WITHIN: u64 = 3_000;

#[test]
fn a_seed_gives_the_same_history_each_time() {
    oncegate::warning::mute();
    for seed in [1, 2, 3, 113, 2895] {
        let plan = Arc::new(plan(seed, None));
        let [first, second] = [run(&plan, true), run(&plan, false)];
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert!(first.lines.len() > 10, "seed {seed} met something");
    }
    let digests = [4, 5].map(|seed| run(&Arc::new(plan(seed, None)), false).digest);
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn a_seed_gives_the_same_history_in_every_process() {
    let told = || Command::new(env!("CARGO_BIN_EXE_oncegate-sim")).args(["--seed", "113"]).output();
    let [first, second] = [told(), told()].map(|told| told.expect("the simulator starts"));
    assert_eq!(String::from_utf8_lossy(&first.stdout), String::from_utf8_lossy(&second.stdout));
    assert_eq!(first.status.code(), Some(0));
}

#[test]
fn what_failed_once_holds() {
    oncegate::warning::mute();
    let seeds: Vec<u64> = known().iter().map(|seed| seed.seed).collect();
    let batch = run_each(&seeds, None);
    assert!(batch.failures.is_empty(), "{:?}", batch.failures);
    assert_eq!(batch.counts.runs, seeds.len() as u64);
}

#[test]
fn every_broken_world_is_found() {
    oncegate::warning::mute();
    let found = BROKEN.map(|broken| {
        let batch = run_from(0, Until::Seeds(FOUND_WITHIN), Some(broken));
        (broken, batch.counts.runs, batch.failures.first().cloned())
    });
    for (broken, runs, failure) in &found {
        let how = failure.as_ref().map(|failure| failure.violations.join("; "));
        println!("{broken:?}: {} in {runs} runs", how.as_deref().unwrap_or("NOT FOUND"));
    }
    let missed: Vec<Broken> =
        found.iter().filter(|(_, _, failure)| failure.is_none()).map(|(broken, _, _)| *broken).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn a_failing_plan_is_cut_down_and_fails_in_the_same_way() {
    oncegate::warning::mute();
    let batch = run_from(0, Until::Seeds(FOUND_WITHIN), Some(Broken::AcknowledgesAtOnce));
    let failure = batch.failures.first().expect("a broken world fails");
    let whole = plan(failure.seed, Some(Broken::AcknowledgesAtOnce));
    let short = shrunk(&whole, kind(&failure.violations));
    assert!(short.published.len() < whole.published.len() && short.published.len() <= 3, "{short}");
    let verdict = run(&Arc::new(short), false);
    assert!(verdict.violations.iter().any(|what| what.starts_with(kind(&failure.violations))));
}

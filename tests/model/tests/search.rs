//! Every world holds, nothing that should happen is missing, and each rule that is taken out is missed.

use oncegate_model::parallel::in_parallel;
use oncegate_model::program::{never_met, show_all};
use oncegate_model::scenarios;
use oncegate_model::search::{Counts, search};

const THREADS: usize = 2;

#[test]
fn every_world_holds_and_everything_happens_in_some() {
    let (mut counts, mut broken) = (Counts::none(), Vec::new());
    let told = in_parallel(THREADS, scenarios::ALL, search, |world, found| {
        counts.add(&found.counts);
        if let Some(violation) = found.violation {
            let history: Vec<String> = violation.history.iter().map(ToString::to_string).collect();
            broken.push(format!("{}: {}\n  {}", world.name, violation.broken, history.join("\n  ")));
        }
        Ok::<(), ()>(())
    });
    assert!(told.is_ok() && broken.is_empty(), "{}", broken.join("\n"));
    let never: Vec<&str> = never_met(&counts).map(|kind| kind.words()).collect();
    assert!(never.is_empty(), "an empty victory: it never happened that\n  {}", never.join("\n  "));
}

#[test]
fn without_any_one_rule_something_breaks() {
    let survivors: Vec<String> = show_all(THREADS)
        .iter()
        .filter(|shown| !shown.bites())
        .map(|shown| {
            format!("{} ({}), in {}", shown.mutation.of(), shown.mutation.sentence(), shown.world.name)
        })
        .collect();
    assert!(survivors.is_empty(), "nothing breaks, or all is broken, without\n  {}", survivors.join("\n  "));
}

//! Each rule that is taken out is missed. That every world holds as it is, the program itself shows: it takes a minute,
//! and is a step of its own in the project's tests.

use oncegate_model::program::show_all;

const THREADS: usize = 2;

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

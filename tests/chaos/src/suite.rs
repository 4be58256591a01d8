//! What the test command runs: every shape, and every control.

use std::time::Duration;

use crate::options::Options;
use crate::run::{NoVerdict, run};
use crate::shape::{Control, Shape};
use crate::stopper::Stopper;

/// All runs of a suite.
pub fn runs(seed: u64) -> Vec<Options> {
    let storm = |shape, seconds| Options::new(Duration::from_secs(seconds), seed, shape, None);
    let control = |control| Options::new(Duration::from_secs(15), seed, Shape::Single, Some(control));
    let mut runs = vec![storm(Shape::Single, 60), storm(Shape::Cluster, 40), storm(Shape::Sentinel, 40)];
    runs.extend(Control::ALL.map(control));
    runs
}

/// Does all of them, and prints one table. Gives the exit code: that of the first run that is not as it should be.
pub fn suite(seed: u64, keep: bool, stopper: &Stopper) -> Result<u8, NoVerdict> {
    let (mut table, mut exit) = (String::new(), 0);
    for options in runs(seed) {
        let verdict = run(&Options { keep, ..options.clone() }, stopper)?;
        let name = options.control.map_or(options.shape.name(), Control::name);
        table.push_str(&format!("{name:<10}  {}\n", verdict.word()));
        if exit == 0 {
            exit = verdict.code();
        }
    }
    print!("chaos, seed {seed}\n{table}");
    Ok(exit)
}

//! `oncegate test --watch`: again, whenever a file has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::Test;
use super::setup::Setup;
use crate::deploy::Watch;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::rehearsal::Counts;
use crate::warning::notice;

/// How often files are looked at. What has changed is tested at the next look that finds it the same.
const LOOK: Duration = Duration::from_millis(200);

/// The exit code of a second signal.
const AT_ONCE: i32 = 130;

/// Tests until a signal ends it. The exit code is that of the last test.
pub fn run(test: &Test<'_>, first: &Setup) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second one finds it set.
        flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&stop)).or_exit(Exit::Failed)?;
        flag::register(signal, Arc::clone(&stop)).or_exit(Exit::Failed)?;
    }
    let engine = test.engine(first)?;
    let files = first.files(test.matches);
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut watch = Watch::new(files);
    let mut last: Option<Result<Counts, Failure>> = None;
    while !stop.load(Ordering::Relaxed) {
        let begun = watch.begin();
        let tested = Setup::of(test.matches).and_then(|setup| test.once(&setup, &engine, &stop));
        watch.end(begun);
        match tested {
            Err(failure) if failure.exit == Exit::Stopped => break,
            Err(failure) => {
                notice!("{failure}");
                last = Some(Err(failure));
            }
            counts => last = Some(counts),
        }
        notice!("waiting for a change of {} (Ctrl-C ends)", names.join(", "));
        while !stop.load(Ordering::Relaxed) && !watch.has_changed() {
            std::thread::sleep(LOOK);
        }
    }
    match last {
        None => Err(fail!(Exit::Stopped, "stopped by a signal")),
        Some(Ok(counts)) if counts.failed == 0 => Ok(()),
        Some(Ok(_)) => Err(fail!(Exit::Failed, "the last test failed")),
        Some(Err(failure)) => Err(fail!(failure.exit, "the last test could not be made")),
    }
}

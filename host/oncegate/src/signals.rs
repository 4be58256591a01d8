//! Ctrl-C and SIGTERM.

use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::Stop;

/// The exit code of a run that was told a second time to end.
const AT_ONCE: i32 = 130;

/// The first signal ends every pipeline in good order, the second one at once. Either leaves everything consistent.
pub fn watch(stops: Vec<Arc<Stop>>) -> Result<(), Failure> {
    // SIGXFSZ would kill the process; watched, the write fails with an error that names the file.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGXFSZ]).or_exit(Exit::Failed)?;
    let watch = move || {
        for signal in signals.forever() {
            if signal == SIGXFSZ {
                continue;
            }
            if stops.iter().any(|stop| stop.is_signalled()) {
                std::process::exit(AT_ONCE);
            }
            eprintln!("oncegate: finishing what is in flight; once more to end at once");
            stops.iter().for_each(|stop| stop.drain());
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch).or_exit(Exit::Failed)?;
    Ok(())
}

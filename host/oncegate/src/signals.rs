//! Ctrl-C, SIGTERM and SIGHUP.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::deploy::Request;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::Stop;

/// The exit code of a run that was told a second time to end.
const AT_ONCE: i32 = 130;

/// The first signal ends every pipeline in good order, the second one at once. Either leaves everything consistent. SIGHUP
/// asks for a look at the configuration and the plugins.
pub fn watch(stops: Vec<Arc<Stop>>, reload: SyncSender<Request>) -> Result<(), Failure> {
    // SIGXFSZ would kill the process; watched, the write fails with an error that names the file.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGXFSZ]).or_exit(Exit::Failed)?;
    let watch = move || {
        for signal in signals.forever() {
            match signal {
                SIGXFSZ => continue,
                SIGHUP => {
                    // Full if somebody has asked already.
                    let _ = reload.try_send(Request);
                    continue;
                }
                _ => {}
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

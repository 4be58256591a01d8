//! What an operator should know while a run goes on: lines on standard error.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::one_line;

static MUTED: AtomicBool = AtomicBool::new(false);

/// Nothing is said from now on, by the whole process: for a simulation, whose outages are no news to anybody.
pub fn mute() {
    MUTED.store(true, Ordering::Relaxed);
}

pub(crate) fn say(what: fmt::Arguments<'_>) {
    if !MUTED.load(Ordering::Relaxed) {
        eprintln!("oncegate: warning: {}", one_line(&what.to_string()));
    }
}

pub(crate) fn tell(what: fmt::Arguments<'_>) {
    eprintln!("oncegate: {}", one_line(&what.to_string()));
}

/// Says something to whoever operates the process.
macro_rules! warning {
    ($($arg:tt)*) => { $crate::warning::say(format_args!($($arg)*)) };
}
pub(crate) use warning;

/// Tells what has been done, on standard error.
macro_rules! notice {
    ($($arg:tt)*) => { $crate::warning::tell(format_args!($($arg)*)) };
}
pub(crate) use notice;

//! The crate `log`, with the contract's log behind it.

use super::{Level, line};
use log::{LevelFilter, Log, Metadata, Record};

struct Facade;

impl Log for Facade {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        match record.args().as_str() {
            Some(text) => line(level, text),
            None => line(level, record.args().to_string()),
        }
    }

    fn flush(&self) {}
}

/// Takes what is said from now on, unless somebody else does already. All of it: what is kept is the host's affair.
pub(crate) fn install() {
    if log::set_logger(&Facade).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

//! Signals to processes that a test has started.

use rustix::process::{Pid, Signal, kill_process};

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // Gone already is as good.
    let _ = kill_process(pid, signal);
}

/// Ends it at once and without notice.
pub fn kill(pid: u32) {
    send(pid, Signal::KILL);
}

/// Stops it where it stands.
pub fn stop(pid: u32) {
    send(pid, Signal::STOP);
}

/// Lets it go on.
pub fn go_on(pid: u32) {
    send(pid, Signal::CONT);
}

/// Asks it to finish.
pub fn drain(pid: u32) {
    send(pid, Signal::TERM);
}

/// Asks it to end, as Ctrl-C does.
pub fn interrupt(pid: u32) {
    send(pid, Signal::INT);
}

/// Asks it to look at its configuration and its plugins.
pub fn hang_up(pid: u32) {
    send(pid, Signal::HUP);
}

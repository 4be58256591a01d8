//! The thread that keeps what this process holds from looking left behind.
//!
//! It is a thread of its own, so that nothing that a handler, a settle or a read waits for makes the entries stale.
//! Most entries end long before they need it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate_redis::wait;

use super::holding::Shared;
use super::place::Place;
use super::script;
use crate::ticket::Ticket;

/// The longest pause between two looks at what is held.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Starts the thread. It ends soon after the holding was closed or dropped.
pub fn start(shared: Arc<Shared>) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name("oncegate-keeper".to_owned());
    thread.spawn(move || run(&shared)).map(drop)
}

fn run(shared: &Shared) {
    let every = shared.options.keep_every();
    let pause = (every / 2).clamp(Duration::from_millis(5), LONGEST_PAUSE);
    let mut touched: Option<Instant> = None;
    while shared.pause(pause) {
        let now = Instant::now();
        if touched.is_none_or(|touched| now.saturating_duration_since(touched) >= every) {
            // A consumer that only waits is silent to Redis 7.0, and would be taken for dead.
            if wait(shared.place.ask(&script::TOUCH, |_| {})).is_ok() {
                touched = Some(now);
            }
        }
        let stale = shared.state().held.stale(every, now);
        if !stale.is_empty() {
            wait(keep(shared, &stale));
        }
    }
}

async fn keep(shared: &Shared, stale: &[Ticket]) {
    let then = Instant::now();
    let answers = shared.place.ask_all(&script::KEEP, stale, Place::ticket).await;
    let mut state = shared.state();
    for (ticket, answer) in stale.iter().zip(answers) {
        match answer.as_ref().map(|said| said.word.as_str()) {
            Ok("ours") => state.held.freshen(*ticket, then),
            Ok("gone" | "other") => state.lose(*ticket),
            // It is asked again soon.
            _ => {}
        }
    }
}

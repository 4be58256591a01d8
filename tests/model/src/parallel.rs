//! Several searches at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Works on many things with so many threads, and hands over what came of each as soon as it is there. The first error
/// of whoever takes it ends it all.
pub fn in_parallel<T: Sync, R: Send, E>(
    threads: usize,
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, things.len().max(1)) {
            let Ok(sender) = sender.lock().map(|sender| sender.clone()) else { break };
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                while let Some((number, thing)) = {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    things.get(number).map(|thing| (number, thing))
                } {
                    if sender.send((number, work(thing))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (number, result) in receiver {
            if let Some(thing) = things.get(number) {
                take(thing, result)?;
            }
        }
        Ok(())
    })
}

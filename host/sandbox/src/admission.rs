//! How many invocations run at once. A permit comes before a message is taken.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of permits. Whoever has one may take a message and run it; whoever has none leaves the message
/// where it is. Cheap to clone; clones share the permits.
///
/// Permits are given in the order in which they were asked for. A request for all of them
/// ([`Admission::acquire_alone`]) therefore holds newcomers back and is answered once what runs has ended.
#[derive(Debug, Clone)]
pub struct Admission {
    permits: Arc<Semaphore>,
    total: u32,
}

/// The right to run one message, or all of them. Given back when dropped.
#[derive(Debug)]
#[must_use = "dropped, it admits somebody else"]
pub struct Permit {
    /// None only if the semaphore were closed, which nothing does.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// So many permits; at least one.
    pub fn new(permits: u32) -> Self {
        let total = permits.max(1);
        Self { permits: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// A permit, if one is free and nobody waits for one.
    pub fn try_acquire(&self) -> Option<Permit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(Permit { _permit: Some(permit) })
    }

    /// A permit, once there is one.
    pub async fn acquire(&self) -> Permit {
        self.acquire_many(1).await
    }

    /// All permits: nothing else runs while they are held. For a delivery that has to run alone. Whoever
    /// holds a permit and asks for this waits for ever.
    pub async fn acquire_alone(&self) -> Permit {
        self.acquire_many(self.total).await
    }

    async fn acquire_many(&self, permits: u32) -> Permit {
        Permit { _permit: Arc::clone(&self.permits).acquire_many_owned(permits).await.ok() }
    }

    /// How many permits there are.
    pub fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn who_asks_to_run_alone_holds_newcomers_back_and_waits_for_what_runs() {
        let mut cx = Context::from_waker(Waker::noop());
        let admission = Admission::new(2);
        let running = admission.try_acquire().unwrap();
        let mut alone = pin!(admission.acquire_alone());
        assert!(alone.as_mut().poll(&mut cx).is_pending());
        assert!(admission.try_acquire().is_none(), "a permit is free, but somebody waits for it");
        let mut newcomer = pin!(admission.acquire());
        assert!(newcomer.as_mut().poll(&mut cx).is_pending());
        drop(running);
        let std::task::Poll::Ready(permit) = alone.as_mut().poll(&mut cx) else { panic!("all are free") };
        assert!(newcomer.as_mut().poll(&mut cx).is_pending());
        drop(permit);
        assert!(newcomer.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn no_permits_are_one() {
        assert_eq!(Admission::new(0).total(), 1);
        assert!(Admission::new(0).try_acquire().is_some());
    }
}

//! Runs all hosts' tasks on one thread, in an order that is drawn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use crate::rng::Rng;

/// Something that a host does by itself.
pub type Job = Pin<Box<dyn Future<Output = ()>>>;

/// Which tasks can go on.
#[derive(Debug, Default)]
struct Ready(Mutex<Vec<usize>>);

struct TaskWaker {
    task: usize,
    queued: std::sync::atomic::AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, std::sync::atomic::Ordering::Relaxed) {
            self.ready.0.lock().unwrap_or_else(PoisonError::into_inner).push(self.task);
        }
    }
}

struct Task {
    host: usize,
    name: &'static str,
    job: Job,
    waker: Arc<TaskWaker>,
}

/// Tasks of hosts.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Option<Task>>,
    ready: Arc<Ready>,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Executor {
    /// One more task of a host.
    pub fn spawn(&mut self, host: usize, name: &'static str, job: Job) {
        let task = self.tasks.len();
        let waker = TaskWaker { task, queued: false.into(), ready: Arc::clone(&self.ready) };
        let waker = Arc::new(waker);
        waker.wake_by_ref();
        self.tasks.push(Some(Task { host, name, job, waker }));
    }

    /// Drops all tasks of a host, wherever they are.
    pub fn kill(&mut self, host: usize) {
        for task in &mut self.tasks {
            // Out of the list first: what a task drops may wake others.
            let dead = task.take_if(|task| task.host == host);
            drop(dead);
        }
    }

    /// How many tasks of a host have not ended.
    pub fn tasks_of(&self, host: usize) -> usize {
        self.tasks.iter().flatten().filter(|task| task.host == host).count()
    }

    /// Draws one of the tasks that can go on and may.
    pub fn draw(&mut self, rng: &mut Rng, may: impl Fn(usize) -> bool) -> Option<usize> {
        let mut ready = self.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|task| self.tasks[*task].is_some());
        let eligible = |task: &usize| self.tasks[*task].as_ref().is_some_and(|task| may(task.host));
        let count = ready.iter().filter(|task| eligible(task)).count();
        if count == 0 {
            return None;
        }
        let nth = rng.below(count as u64) as usize;
        let place = ready.iter().enumerate().filter(|(_, task)| eligible(task)).nth(nth)?.0;
        Some(ready.remove(place))
    }

    /// Whose a task is, and what it is called.
    pub fn whose(&self, task: usize) -> (usize, &'static str) {
        self.tasks[task].as_ref().map_or((0, ""), |task| (task.host, task.name))
    }

    /// Puts a task that was drawn back.
    pub fn put_back(&mut self, task: usize) {
        self.ready.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Lets a task that was drawn go on. True if it has ended by that.
    pub fn step(&mut self, task: usize) -> bool {
        let Some(found) = &mut self.tasks[task] else { return false };
        found.waker.queued.store(false, std::sync::atomic::Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&found.waker));
        let ended = found.job.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        if ended {
            self.tasks[task] = None;
        }
        ended
    }
}

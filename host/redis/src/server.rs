//! A Redis as the crates above see it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::address::Address;
use crate::call::nobody;
use crate::dialler::Dialler;
use crate::finder::Finder;
use crate::greeting::{Unfit, greet};
use crate::notes::Notes;
use crate::opener::Opener;
use crate::order::{Answer, Part};
use crate::place::Search;
use crate::replicas::{self, Count};
use crate::slot::slot_of;
use crate::target::Target;
use crate::worker::Worker;
use crate::{Guard, Primary, RedisOptions, Script};

/// A Redis that scripts are called on: a server, the primary that sentinels know, or a cluster.
///
/// Usable from any thread and any runtime: it has a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    worker: Worker,
    options: RedisOptions,
    search: Search,
    opener: Opener,
    counts: mpsc::UnboundedSender<Count>,
    notes: Arc<Notes>,
}

impl Server {
    /// Connects, and refuses a server that cannot be worked with. Blocks for as long as that takes, at most the
    /// time-outs for connecting and for a few replies. `scripts` are those that will be called; others may be, at the
    /// cost of a round trip. Every connection that calls go over has to pass the guard.
    pub fn connect(
        options: &RedisOptions,
        scripts: &[Script],
        guard: Option<Arc<dyn Guard>>,
    ) -> Result<Arc<Self>, Unfit> {
        let notes = Arc::<Notes>::default();
        let dialler = Dialler::new(options, scripts, guard, Arc::clone(&notes))?;
        let opener = dialler.opener().clone();
        let patience = options.patience;
        let (worker, search) = Worker::start(options, dialler)?;
        let (counts, asked) = mpsc::unbounded_channel();
        // It ends with the thread.
        drop(worker.run(replicas::run(Arc::clone(worker.place()), opener.clone(), patience, asked)));
        Ok(Arc::new(Self { worker, options: options.clone(), search, opener, counts, notes }))
    }

    /// Asks a script, from any thread. The answer may be an error in words; whether the script had its effect is
    /// unknown then.
    ///
    /// In a cluster the primary is asked that serves the slot of the part's keys, all of which have to be in one slot;
    /// a part whose keys are not is answered with an error and never sent. A part without keys goes to any primary.
    pub fn ask(&self, part: Part) -> impl Future<Output = Answer> + Send + use<> {
        let target = if self.is_cluster() { Target::of(&part.keys) } else { Ok(Target::Any) };
        self.ask_target(part, target)
    }

    /// Asks a certain primary: see [`primaries`](Self::primaries) for its address. An error if it is none any more.
    pub fn ask_at(&self, address: &str, part: Part) -> impl Future<Output = Answer> + Send + use<> {
        let address = address.parse::<Address>().map(Target::At);
        self.ask_target(part, address.map_err(|error| error.to_string()))
    }

    fn ask_target(
        &self,
        part: Part,
        target: Result<Target, String>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let asked = target.map(|target| self.worker.ask(part, target));
        async move { asked?.await }
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        self.worker.place().topology().is_some()
    }

    /// The slot that holds a name. 0 for every name where there is no cluster.
    pub fn slot(&self, name: &[u8]) -> u16 {
        if self.is_cluster() { slot_of(name) } else { 0 }
    }

    /// All primaries: the only one, or those of the cluster, which is asked anew. Each has passed the guard.
    pub fn primaries(&self) -> impl Future<Output = Result<Vec<Primary>, String>> + Send + use<> {
        let (place, deadline) = (Arc::clone(self.worker.place()), self.worker.deadline());
        let asked = self.worker.run(async move { place.primaries(deadline).await });
        async move { asked.await.unwrap_or_else(|_| Err(nobody())) }
    }

    /// What the Redis is called, equal for two of these if and only if they are connected to the same one. Of a server
    /// it is its run id and the number of the database, so it changes when the server is restarted or another one takes
    /// its place: compare what was asked at the same time. Of a cluster it is the lowest of its nodes' ids.
    pub fn identity(&self) -> impl Future<Output = Result<String, String>> + Send + use<> {
        let (place, deadline) = (Arc::clone(self.worker.place()), self.worker.deadline());
        let db = self.options.database();
        let asked = self.worker.run(async move { place.identity(db, deadline).await });
        async move { asked.await.unwrap_or_else(|_| Err(nobody())) }
    }

    /// How many replicas have all that was written before, at most `within` later: the least count of any primary. An
    /// answer of `replicas` or more means that many have it.
    ///
    /// It is about the servers that calls go to now. If [`connections_lost`](Self::connections_lost) has risen since
    /// the writes were made, they may have been made on another server, and no count says anything about them.
    pub fn replicated(
        &self,
        replicas: u32,
        within: Duration,
    ) -> impl Future<Output = Result<u32, String>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        // If the thread is gone, the answer's sender is, too.
        let _ = self.counts.send(Count { replicas, within, reply });
        async move { answer.await.unwrap_or_else(|_| Err(nobody())) }
    }

    /// How many of the connections that carry calls were lost since the start, or left because somebody else is the
    /// primary now. The guard has heard of each.
    pub fn connections_lost(&self) -> u64 {
        self.notes.lost()
    }

    /// A connection of the caller's own, on the caller's tokio runtime (with time and I/O), to the primary that holds
    /// `name`: for commands that block, which would stall everybody on another connection. It was checked like every
    /// connection, but has not passed the guard, is not opened again when it breaks, and has no time-out for replies
    /// but the one that is given. When its server says `MOVED` or `READONLY`, open another one.
    pub async fn open(
        &self,
        name: &[u8],
        reply_timeout: Option<Duration>,
    ) -> Result<MultiplexedConnection, Unfit> {
        let finder = match (&self.search, self.worker.place().topology()) {
            (Search::One(finder), _) => finder.clone(),
            (Search::Cluster(_), None) => return Err(Unfit::Away(nobody())),
            (Search::Cluster(_), Some(topology)) => {
                let slot = slot_of(name);
                topology.refresh(topology.known().round, None).await?;
                let slots = topology.known().slots;
                let unserved = || Unfit::Away(format!("no primary serves slot {slot}"));
                Finder::Node(slots.holder(slot).ok_or_else(unserved)?.address.clone())
            }
        };
        let address = finder.find().await?;
        let config = self.opener.patient_config(reply_timeout);
        let mut connection = self.opener.open(&address, &config).await?;
        let greeted = greet(&mut connection, finder.role(), address.to_string(), self.opener.password(), &[]);
        match timeout(self.opener.reply_timeout(), greeted).await {
            Ok(greeted) => greeted.map(|_| connection),
            Err(_) => Err(Unfit::Away("no answer in time".to_owned())),
        }
    }

    /// Where it was told to connect to.
    pub fn options(&self) -> &RedisOptions {
        &self.options
    }

    /// What an operator should know of the servers, one line each: an eviction policy that loses records, and what
    /// could not be checked. May grow when another server answers.
    pub fn warnings(&self) -> Vec<String> {
        let address = self.options.address();
        self.notes.warnings().iter().map(|warning| format!("redis at {address}: {warning}")).collect()
    }
}

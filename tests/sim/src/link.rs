//! Connections between hosts and servers: requests and replies under way, and what is lost of them.

mod serve;

use std::sync::{Arc, Weak};
use std::task::Waker;

use oncegate_broker::Ticket;
use oncegate_dedup::store::{Claim, ClaimOutcome, Invalidate, SettleOutcome, Settlement};
use oncegate_dedup::{Key, Mark};

use crate::counts::Met;
use crate::encoder::Out;
use crate::plan::{Broken, Fault, Line};
use crate::say;
use crate::sim::Cell;
use crate::stream::{Consumer, HandedOut, Whose};
use crate::world::World;

/// A connection's number.
pub type LinkId = usize;

/// What a server is asked.
#[derive(Debug, Clone)]
pub enum Request {
    Claim(Vec<Claim>),
    Check(Vec<Settlement>),
    Settle(Vec<Settlement>),
    /// Wait until the replica has all that was written before.
    Replicate,
    Step {
        consumer: Consumer,
        items: Vec<StepItem>,
    },
    Read {
        consumer: Consumer,
        most: usize,
        wait_us: u64,
    },
    Find {
        consumer: Consumer,
        held: Vec<(u64, u64)>,
        most: usize,
    },
    Keep {
        consumer: Consumer,
        tickets: Vec<Ticket>,
    },
    Acknowledge {
        consumer: Consumer,
        tickets: Vec<Ticket>,
    },
    HandBack {
        consumer: Consumer,
        tickets: Vec<Ticket>,
    },
    Append(Vec<Out>),
}

/// A delivery that is settled in one step.
#[derive(Debug, Clone)]
pub struct StepItem {
    pub ticket: Ticket,
    pub settlement: Settlement,
    /// What it was told of keys that others have settled.
    pub relied_on: Vec<Mark>,
    pub outs: Vec<Out>,
}

/// What a server answers.
#[derive(Debug)]
pub enum Answer {
    Claimed(Vec<ClaimOutcome>),
    Settled(Vec<SettleOutcome>),
    /// None: somebody else has the delivery.
    Stepped(Vec<Option<SettleOutcome>>),
    Entries(Vec<HandedOut>),
    Whose(Vec<Whose>),
    Done,
}

/// Who waits for an answer.
pub type Answered = Arc<Cell<Result<Answer, String>>>;

/// A connection, over and over: it is made again when it was lost.
#[derive(Debug)]
pub struct Link {
    pub host: usize,
    pub life: u64,
    pub server: usize,
    pub line: Line,
    /// Its host's process is gone.
    pub closed: bool,
    pub up: bool,
    /// How manieth connection it is.
    conn: u64,
    /// It is lost, and its host does not know yet.
    broken: bool,
    /// In which life of the server it was made.
    served_by: u64,
    /// Rises with each connection that was lost.
    pub epoch: u64,
    /// Until when absent keys may be forgotten ones.
    hold_until_ms: u64,
    /// When the last request arrives, and the last reply.
    there_us: u64,
    back_us: u64,
    sent: u64,
    open: Vec<(u64, Answered)>,
    pub waiters: Vec<Waker>,
    pub caches: Vec<Weak<dyn Invalidate>>,
    /// What its host is being told was forgotten.
    telling: Vec<Key>,
}

/// A read that waits for something to come.
#[derive(Debug)]
pub struct Parked {
    from: From,
    consumer: Consumer,
    most: usize,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
struct From {
    link: LinkId,
    conn: u64,
    served_by: u64,
    number: u64,
    /// Its connection is lost behind it.
    last: bool,
}

impl World {
    /// A new process connects to a server.
    pub fn open_link(&mut self, host: usize, life: u64, line: Line) -> LinkId {
        let server = self.plan.shape.server(line);
        self.links.push(Link {
            host,
            life,
            server,
            line,
            closed: false,
            up: false,
            conn: 0,
            broken: false,
            served_by: 0,
            epoch: 0,
            hold_until_ms: 0,
            there_us: 0,
            back_us: 0,
            sent: 0,
            open: Vec::new(),
            waiters: Vec::new(),
            caches: Vec::new(),
            telling: Vec::new(),
        });
        let link = self.links.len() - 1;
        self.connect(link);
        link
    }

    /// How long something is under way.
    fn way_us(&mut self) -> u64 {
        match self.rng.below(100) {
            0 => self.rng.between(3_000, 20_000),
            1..=15 => self.rng.between(500, 3_000),
            _ => self.rng.between(50, 500),
        }
    }

    fn connect(&mut self, link: LinkId) {
        let way_us = self.way_us();
        self.after_us(way_us, move |world| world.admit(link));
    }

    /// The server looks at who connects, and its host at the server.
    fn admit(&mut self, link: LinkId) {
        let Link { closed, server, line, .. } = self.links[link];
        if closed {
            return;
        }
        let (now_us, now_ms, lease_ms) = (self.now_us(), self.now_ms(), self.plan.policy.lease_ms);
        let found = &mut self.servers[server];
        let ready_us = found.down_until_us.max(found.stalled_until_us);
        let refused = line == Line::Store && found.refused;
        if now_us < ready_us || refused {
            let pause_us = ready_us.saturating_sub(now_us).max(20_000);
            return self.after_us(pause_us, move |world| world.connect(link));
        }
        let served_by = found.life;
        let mut hold_until_ms = 0;
        if line == Line::Store {
            if found.data.met.0 != served_by {
                found.data.met = (served_by, now_ms.max(1));
            }
            if found.data.met.1 > 0 {
                hold_until_ms = found.data.met.1 + lease_ms;
            }
        }
        let way_us = self.way_us();
        self.after_us(way_us, move |world| world.come_up(link, served_by, hold_until_ms));
    }

    fn come_up(&mut self, link: LinkId, served_by: u64, hold_until_ms: u64) {
        let now_us = self.now_us();
        let life = self.servers[self.links[link].server].life;
        let found = &mut self.links[link];
        if found.closed {
            return;
        }
        if life != served_by {
            return self.connect(link);
        }
        found.up = true;
        found.conn += 1;
        found.broken = false;
        (found.served_by, found.hold_until_ms) = (served_by, hold_until_ms);
        (found.there_us, found.back_us) = (now_us, now_us);
        std::mem::take(&mut found.waiters).into_iter().for_each(Waker::wake);
    }

    /// Sends a request. Fails if there is no connection, as far as the host knows.
    pub fn send(&mut self, link: LinkId, request: Request) -> Result<Answered, String> {
        if !self.links[link].up {
            return Err("there is no connection".to_owned());
        }
        let way_us = self.way_us();
        let now_us = self.now_us();
        let cut = self.cut(link);
        let found = &mut self.links[link];
        found.sent += 1;
        found.there_us = found.there_us.max(now_us + way_us);
        let (number, there_us) = (found.sent, found.there_us);
        let cell = Cell::new();
        found.open.push((number, Arc::clone(&cell)));
        let last = cut == Some(true);
        let from = From { link, conn: found.conn, served_by: found.served_by, number, last };
        if cut != Some(false) {
            self.after_us(there_us - now_us, move |world| world.arrive(from, request));
        }
        Ok(cell)
    }

    /// Whether the plan has this connection lost now; if so, whether what is sent now is served.
    fn cut(&mut self, link: LinkId) -> Option<bool> {
        let Link { host, line, conn, .. } = self.links[link];
        let nth = &mut self.slots[host].requests[line.index()];
        *nth += 1;
        let nth = *nth;
        let (served, learns_us) = self.plan.faults.iter().find_map(|fault| match *fault {
            Fault::Cut { host: of, line: on, nth: at, served, learns_us }
                if (of, on, at) == (host, line, nth) =>
            {
                Some((served, learns_us))
            }
            _ => None,
        })?;
        say!(
            self,
            "HOST {host} LOSES ITS CONNECTION to the {} with {} its request {nth}",
            line.word(),
            if served { "the reply to" } else { "" }
        );
        self.counts.met(if served { Met::RepliesLost } else { Met::RequestsLost });
        self.break_link(link, conn, learns_us);
        Some(served)
    }

    fn break_link(&mut self, link: LinkId, conn: u64, learns_us: u64) {
        self.links[link].broken = true;
        let host = self.links[link].host;
        self.concerns(host);
        self.after_us(learns_us, move |world| world.lose(link, conn));
    }

    /// A host learns that a connection is lost.
    fn lose(&mut self, link: LinkId, conn: u64) {
        let found = &mut self.links[link];
        if found.closed || !found.up || found.conn != conn {
            return;
        }
        found.up = false;
        found.epoch += 1;
        found.telling.clear();
        let (host, line) = (found.host, found.line);
        let open = std::mem::take(&mut found.open);
        say!(self, "host {host} learns that its connection to the {} is lost", line.word());
        self.counts.met(Met::ConnectionsLost);
        self.concerns(host);
        for (_, cell) in open {
            cell.put(Err("the connection was lost".to_owned()));
        }
        self.connect(link);
    }

    /// A server is no longer the one that it was: hosts learn so at once, or when they next hear nothing.
    pub fn lose_links_to(&mut self, server: usize) {
        for link in 0..self.links.len() {
            let Link { closed, up, broken, conn, server: to, .. } = self.links[link];
            if to == server && up && !closed && !broken {
                let learns_us = self.rng.pick(&[50, 50, 2_000, 50_000, 300_000]);
                self.break_link(link, conn, learns_us);
            }
        }
    }

    /// A host's process is gone, and with it its connections. What it sent arrives.
    pub fn close_links(&mut self, host: usize, life: u64) {
        for link in &mut self.links {
            if (link.host, link.life) == (host, life) {
                link.closed = true;
                link.open.clear();
                link.waiters.clear();
                link.caches.clear();
            }
        }
        let links = &self.links;
        for server in &mut self.servers {
            server.parked.retain(|parked| !links[parked.from.link].closed);
        }
    }

    /// A request arrives, if its connection still is what it was.
    fn arrive(&mut self, from: From, request: Request) {
        let Link { server, conn, broken, .. } = self.links[from.link];
        let now_us = self.now_us();
        let found = &self.servers[server];
        if now_us < found.stalled_until_us {
            let pause_us = found.stalled_until_us - now_us;
            return self.after_us(pause_us, move |world| world.arrive(from, request));
        }
        let is_cut = !from.last && (conn != from.conn || broken);
        if is_cut || found.life != from.served_by || now_us < found.down_until_us {
            return;
        }
        if let Request::Read { consumer, most, wait_us } = request {
            return self.read(Parked { from, consumer, most }, wait_us);
        }
        if matches!(request, Request::Replicate) {
            self.counts.met(Met::WaitsForReplicas);
            let lag_us = self.plan.policy.replica_lag_ms * 1000 + 1;
            return self.after_us(lag_us, move |world| world.reply(from, Answer::Done));
        }
        let answer = self.serve(from, request);
        if from.last {
            // The reply is what is lost: whatever was done just now, its host does not know.
            self.concerns(self.links[from.link].host);
        }
        self.reply(from, answer);
    }

    fn reply(&mut self, from: From, answer: Answer) {
        let way_us = self.way_us();
        let now_us = self.now_us();
        let found = &mut self.links[from.link];
        found.back_us = found.back_us.max(now_us + way_us);
        let way_us = found.back_us - now_us;
        self.after_us(way_us, move |world| world.deliver(from, answer));
    }

    fn deliver(&mut self, from: From, answer: Answer) {
        let life = self.servers[self.links[from.link].server].life;
        let found = &mut self.links[from.link];
        if found.closed || found.conn != from.conn || found.broken || !found.up || life != from.served_by {
            return;
        }
        if let Some(place) = found.open.iter().position(|(number, _)| *number == from.number) {
            found.open.swap_remove(place).1.put(Ok(answer));
        }
    }

    /// Hosts hear that a key was forgotten, over the connection that carries the answers.
    pub fn tell_caches(&mut self, server: usize, key: &Key) {
        if self.plan.broken == Some(Broken::TellsNoCache) {
            return;
        }
        for link in 0..self.links.len() {
            let way_us = self.way_us();
            let now_us = self.now_us();
            let found = &mut self.links[link];
            if found.line != Line::Store || found.server != server || !found.up || found.closed {
                continue;
            }
            found.telling.push(key.clone());
            found.back_us = found.back_us.max(now_us + way_us);
            let (conn, key, way_us) = (found.conn, key.clone(), found.back_us - now_us);
            self.after_us(way_us, move |world| world.told(link, conn, &key));
        }
    }

    fn told(&mut self, link: LinkId, conn: u64, key: &Key) {
        let found = &mut self.links[link];
        if found.closed || found.conn != conn || found.broken || !found.up {
            return;
        }
        if let Some(place) = found.telling.iter().position(|telling| telling == key) {
            found.telling.swap_remove(place);
        }
        for cache in &found.caches {
            if let Some(cache) = cache.upgrade() {
                cache.invalidate(key);
            }
        }
    }

    /// Whether a cache may believe what it knew: it cannot know better yet.
    pub fn may_be_out_of_date(&self, link: LinkId, key: &Key) -> bool {
        let found = &self.links[link];
        !found.up || found.broken || found.telling.contains(key)
    }
}

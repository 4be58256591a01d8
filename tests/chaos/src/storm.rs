//! Lets the faults strike, one after the other and one beside the other.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::fault::{Fault, Gate};
use crate::fleet::Fleet;
use crate::schedule::{Draw, Kind, Schedule};
use crate::servers::{Servers, Side};
use crate::shape::Pipeline;
use crate::stopper::Stopper;
use crate::strike::{self, UnderWay};
use crate::witness::{Entry, Reach, Witness};

/// How often to look.
const PAUSE: Duration = Duration::from_millis(10);

/// How often to look whether all has struck that has to.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many times longer than it has to a storm may last, so that each fault strikes that has to.
const AT_MOST: u32 = 3;

/// How long all hosts may take to go on.
const ALL_GO_ON_WITHIN: Duration = Duration::from_secs(30);

/// How long a piece of data is held up.
const HELD_UP: Duration = Duration::from_millis(120);

/// What leads to a settle that is refused.
const REFUSED: Kind = Kind::StopAt(Pipeline::Atomic, Gate::BeforeStep);

/// How long a primary that was replaced stays away.
const AWAY: Duration = Duration::from_secs(1);

/// How often to ask whether it was replaced, and whether it has joined.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// How long nothing happens to a server after a failover: hosts wait for a lease, and then have something to do.
const RECOVERS: Duration = Duration::from_secs(5);

/// How much room a full disk has where its server goes on, in bytes.
const LITTLE_ROOM: u64 = 64 * 1024;

/// What is being done to a server. One thing at a time.
#[derive(Debug, Clone, Copy)]
enum ServerFault {
    Dead(Side),
    Still(Side),
    Full(Side),
    /// The primary goes on without its replica, and is about to be replaced.
    CutOff(Failover),
    /// Until another one has taken its place.
    Failover(Failover),
    /// The old one is away for a while longer.
    Replaced(Failover),
    /// It is there again, and becomes the other's replica.
    Joins,
    /// All is well again. What was kept up is done before anything else happens to a server.
    Recovers,
}

/// How a primary is replaced.
#[derive(Debug, Clone, Copy)]
struct Failover {
    /// Whether it only stands still.
    still: bool,
    /// Whether it is told at once that it is the other's replica now.
    is_told: bool,
}

/// A storm under way.
pub struct Storm<'a> {
    servers: &'a mut Servers,
    fleet: &'a mut Fleet,
    witness: &'a Witness,
    schedule: Schedule,
    stopper: &'a Stopper,
    /// What is done to a server, until when at least, and as what it is noted.
    server: Option<(ServerFault, Instant, Entry)>,
    under_way: UnderWay,
    /// What could not strike yet because something else was being done to a server.
    put_off: Vec<Draw>,
    /// How many faults were drawn.
    drawn: usize,
    /// What was drawn, and when.
    log: &'a File,
}

impl<'a> Storm<'a> {
    /// A storm that is about to begin.
    pub fn new(
        servers: &'a mut Servers,
        fleet: &'a mut Fleet,
        witness: &'a Witness,
        schedule: Schedule,
        stopper: &'a Stopper,
        log: &'a File,
    ) -> Self {
        Self {
            servers,
            fleet,
            witness,
            schedule,
            stopper,
            server: None,
            under_way: Arc::default(),
            put_off: Vec::new(),
            drawn: 0,
            log,
        }
    }

    /// Lasts so long, and longer until each kind has struck that has to; then ends everything that it began.
    pub fn rages(mut self, lasts: Duration) {
        let began = Instant::now();
        let (mut next, mut looked, mut missing) = (began, began, self.missing());
        while began.elapsed() < lasts * AT_MOST && !self.stopper.is_told() {
            if looked.elapsed() > LOOK_EVERY {
                (missing, looked) = (self.missing(), Instant::now());
            }
            if began.elapsed() >= lasts && missing.is_empty() {
                break;
            }
            self.looks();
            if Instant::now() >= next {
                let draw = self.next_draw(&missing, began.elapsed() >= lasts);
                writeln!(self.log, "{:>8} ms  {draw:?}", began.elapsed().as_millis()).unwrap();
                next = Instant::now() + Duration::from_millis(draw.after_ms);
                self.strikes(draw);
            }
            std::thread::sleep(PAUSE);
        }
        if !self.stopper.is_told() {
            self.abates();
        }
    }

    /// What has to strike and has not.
    fn missing(&self) -> Vec<Kind> {
        let struck = |kind: &Kind| self.witness.count(|fault| kind.is(fault)) > 0;
        let mut missing: Vec<Kind> =
            self.schedule.needed().iter().copied().filter(|kind| !struck(kind)).collect();
        // It is to be told by a host that ends in order: whoever stood still at this gate for long.
        if self.schedule.needed().contains(&REFUSED) && self.fleet.refused() == 0 {
            missing.push(REFUSED);
        }
        missing
    }

    /// The next fault: one that had to wait, what is missing if it is late, or else as it was drawn.
    fn next_draw(&mut self, missing: &[Kind], late: bool) -> Draw {
        self.drawn += 1;
        if self.server.is_none()
            && !self.put_off.is_empty()
            && self.servers.are_whole()
            && let Some(draw) = self.put_off.pop()
        {
            return draw;
        }
        match missing.get(self.drawn % missing.len().max(1)) {
            Some(kind) if late => self.schedule.again(*kind),
            _ => self.schedule.draw(),
        }
    }

    fn strikes(&mut self, draw: Draw) {
        match draw.kind {
            Kind::ServerKill(_)
            | Kind::ServerStop(_)
            | Kind::DiskFull(_)
            | Kind::FailoverKill
            | Kind::FailoverStop
            | Kind::MoveSlot => self.strikes_server(draw),
            Kind::Kill | Kind::KillAt(..) | Kind::Drain => self.ends_host(draw),
            _ => self.strikes_host(draw),
        }
    }

    fn ends_host(&mut self, draw: Draw) {
        let Some(place) = self.fleet.dispensable_from(draw.whom % self.fleet.hosts.len().max(1)) else {
            return;
        };
        match draw.kind {
            Kind::KillAt(pipeline, gate) => {
                strike::kill_at(&self.fleet.hosts[place], self.witness, draw, pipeline, gate);
            }
            Kind::Drain => self.fleet.drain(place),
            _ => self.fleet.kill(place),
        }
    }

    fn strikes_host(&mut self, draw: Draw) {
        let Some(place) = self.fleet.free_from(draw.whom % self.fleet.hosts.len().max(1)) else { return };
        let (host, witness) = (&self.fleet.hosts[place], self.witness);
        let lasts = Duration::from_millis(draw.lasts_ms);
        match draw.kind {
            Kind::StopAt(pipeline, gate) => {
                strike::stop_at(host, witness, &self.under_way, draw, pipeline, gate);
            }
            Kind::Stop => strike::stop(host, witness, &self.under_way, draw),
            Kind::Lose(call, moment) => strike::lose(host, witness, draw, call, moment),
            Kind::Refuse => {
                strike::during(witness, &self.under_way, Fault::of("refused", host.number), lasts);
                host.wires.iter().for_each(|wire| wire.refuse(lasts));
            }
            Kind::Slow => {
                strike::during(witness, &self.under_way, Fault::of("throttled", host.number), lasts);
                host.wires.iter().for_each(|wire| wire.slow(lasts, HELD_UP));
            }
            _ => {
                witness.struck(Fault::of("cut", host.number), Reach::Host(host.number));
                host.wires.iter().for_each(oncegate_tests::Wire::cut);
            }
        }
    }

    fn strikes_server(&mut self, draw: Draw) {
        if self.server.is_some() || !self.servers.are_whole() {
            self.put_off.push(draw);
            return;
        }
        let about = |side: Side| if side == Side::Main { "sources and records" } else { "the ordered sink" };
        let noted = |name, side, reach| self.witness.strikes(Fault::of_server(name, about(side)), reach);
        let (fault, entry) = match draw.kind {
            Kind::ServerKill(side) => {
                let entry = noted("redis_killed", side, Reach::All);
                self.servers.kill(side);
                (ServerFault::Dead(side), entry)
            }
            Kind::ServerStop(side) => {
                let entry = noted("redis_stopped", side, Reach::All);
                self.servers.stop(side);
                (ServerFault::Still(side), entry)
            }
            Kind::DiskFull(side) => {
                let entry = noted("disk_full", side, Reach::All);
                self.servers.fill(side, if draw.other_way { LITTLE_ROOM } else { 0 });
                (ServerFault::Full(side), entry)
            }
            Kind::FailoverKill | Kind::FailoverStop => {
                let entry = noted("cut_off", Side::Main, Reach::Nobody);
                self.servers.cut_off();
                let still = draw.kind == Kind::FailoverStop;
                (ServerFault::CutOff(Failover { still, is_told: draw.other_way }), entry)
            }
            _ => {
                // Takes as long as it takes.
                let entry = noted("slot_moved", Side::Main, Reach::Nobody);
                self.servers.move_slot();
                self.witness.ends(entry);
                return;
            }
        };
        self.server = Some((fault, Instant::now() + Duration::from_millis(draw.lasts_ms), entry));
    }

    /// Ends what is over, and puts others in the place of hosts that are gone.
    fn looks(&mut self) {
        self.fleet.tend();
        if let Some((fault, until, entry)) = self.server
            && Instant::now() >= until
        {
            self.server = None;
            self.relents(fault, entry);
        }
        // Who starts while a server is away would only say so.
        if matches!(self.server, None | Some((ServerFault::Joins | ServerFault::Recovers, ..))) {
            self.fleet.fill();
        }
    }

    fn relents(&mut self, fault: ServerFault, entry: Entry) {
        // What was sent meanwhile is done now, whoever waits for it or does not any more.
        let note = |name| self.witness.struck(Fault::of_server(name, ""), Reach::All);
        match fault {
            ServerFault::Dead(side) => {
                note("redis_restarted");
                self.servers.restart(side);
            }
            ServerFault::Still(side) => {
                note("redis_resumed");
                self.servers.go_on(side);
            }
            ServerFault::Full(side) => {
                note("disk_freed");
                if self.servers.free(side) {
                    self.witness.struck(Fault::of_server("redis_restarted", ""), Reach::Nobody);
                }
            }
            ServerFault::CutOff(failover) => {
                let about = if failover.still { "the primary stands still" } else { "the primary dies" };
                let fault = Fault::of_server("failover", about);
                let next = self.witness.strikes(fault, Reach::Unreplicated);
                self.ends_primary(failover.still);
                self.goes_over_to(ServerFault::Failover(failover), Duration::ZERO, next);
            }
            ServerFault::Failover(failover) => {
                let promoted = self.servers.is_promoted();
                let (next, after) = match promoted {
                    true => (ServerFault::Replaced(failover), AWAY),
                    false => (fault, ASK_AGAIN),
                };
                self.goes_over_to(next, after, entry);
                return;
            }
            ServerFault::Replaced(failover) => {
                note("redis_restarted");
                if failover.still {
                    self.servers.go_on(Side::Main);
                } else {
                    self.servers.restart(Side::Main);
                }
                self.servers.join(failover.is_told);
                let recovers = self.witness.strikes(Fault::of_server("recovers", ""), Reach::Nobody);
                self.goes_over_to(ServerFault::Joins, ASK_AGAIN, recovers);
            }
            ServerFault::Joins => {
                let (next, after) = match self.servers.are_whole() {
                    true => (ServerFault::Recovers, RECOVERS),
                    false => (fault, ASK_AGAIN),
                };
                self.goes_over_to(next, after, entry);
                return;
            }
            ServerFault::Recovers => {}
        }
        self.witness.ends(entry);
    }

    fn goes_over_to(&mut self, fault: ServerFault, after: Duration, entry: Entry) {
        self.server = Some((fault, Instant::now() + after, entry));
    }

    fn ends_primary(&mut self, still: bool) {
        if still {
            self.servers.stop(Side::Main);
        } else {
            self.servers.kill(Side::Main);
        }
    }

    /// Everything goes on.
    fn abates(&mut self) {
        for host in &self.fleet.hosts {
            host.wires.iter().for_each(oncegate_tests::Wire::forget_rules);
        }
        let end = Instant::now() + ALL_GO_ON_WITHIN;
        while (self.server.is_some() || self.under_way.load(Ordering::SeqCst) > 0) && Instant::now() < end {
            self.looks();
            std::thread::sleep(PAUSE);
        }
        self.servers.wait();
        self.looks();
    }
}

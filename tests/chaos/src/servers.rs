//! The servers of a run.

use std::time::Duration;

use oncegate_tests::{Client, Cluster, NAME, Redis, Sentinels, until_within};

use crate::disk::Disk;
use crate::shape::{Pipeline, Shape, TAG};

/// How long a replica may take to follow again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says where the primary is, if anybody knows.
pub type Finder = Box<dyn Fn() -> Option<u16> + Send>;

/// Which of the servers something happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that has sources and records, or that of several which has the atomic pipeline's.
    Main,
    /// The one that has the ordered pipeline's sink.
    Sink,
}

/// A server, and its disk if it has one of its own.
#[derive(Debug)]
struct Server {
    redis: Redis,
    disk: Option<Disk>,
}

impl Server {
    fn start(disk: Option<Disk>) -> Self {
        let redis = match &disk {
            // A server that cannot write its snapshots takes no writes, as the defaults have it.
            Some(disk) => {
                let path = disk.path().to_str().unwrap();
                Redis::with(&["--dir", path, "--save", "100000", "100000000"])
            }
            None => Redis::start(),
        };
        Self { redis, disk }
    }
}

#[derive(Debug)]
enum Main {
    Single(Box<Server>),
    Cluster(Cluster),
    Sentinel(Box<Sentinels>),
}

/// All of them.
#[derive(Debug)]
pub struct Servers {
    main: Main,
    sink: Server,
    /// Why no disk can be full, if none can.
    no_disk: Option<String>,
    /// The node that something is being done to: it may not have the slot any more when it ends.
    struck: usize,
}

impl Servers {
    /// Starts them.
    pub fn start(shape: Shape) -> Self {
        // Where one server is all there is, its loss is the whole of it.
        let wanted = if shape == Shape::Single { 2 } else { 0 };
        let (mut mounted, mut no_disk) = (Vec::new(), None);
        for _ in 0..wanted {
            match Disk::mount() {
                Ok(disk) => mounted.push(disk),
                Err(why) => no_disk = Some(why),
            }
        }
        let main = match shape {
            Shape::Single => Main::Single(Box::new(Server::start(mounted.pop()))),
            Shape::Cluster => Main::Cluster(Cluster::start()),
            Shape::Sentinel => Main::Sentinel(Box::new(Sentinels::start())),
        };
        Self { main, sink: Server::start(mounted.pop()), no_disk, struck: 0 }
    }

    /// Why no disk can be full; none if one can.
    pub fn no_disk(&self) -> Option<&str> {
        self.no_disk.as_deref()
    }

    /// Where all of them are.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports = self.tellable_ports();
        if let Main::Sentinel(sentinels) = &self.main {
            ports.extend(sentinels.ports());
        }
        ports.push(self.sink.redis.port());
        ports
    }

    /// Where those are that others name.
    pub fn tellable_ports(&self) -> Vec<u16> {
        match &self.main {
            Main::Single(server) => vec![server.redis.port()],
            Main::Cluster(cluster) => cluster.ports(),
            Main::Sentinel(sentinels) => vec![sentinels.primary.port(), sentinels.replica.port()],
        }
    }

    /// Where hosts begin to look for the main ones, and what is asked along.
    fn address(&self) -> (String, String) {
        let listed = |ports: Vec<u16>| {
            let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
            addresses.join(",")
        };
        match &self.main {
            Main::Single(server) => (listed(vec![server.redis.port()]), String::new()),
            Main::Cluster(cluster) => (listed(cluster.ports()), String::new()),
            Main::Sentinel(sentinels) => (sentinels.addresses(), format!("sentinel={NAME}")),
        }
    }

    /// The URL of the store.
    pub fn store(&self) -> String {
        let (address, query) = self.address();
        format!("redis://{address}{}{query}", if query.is_empty() { "" } else { "?" })
    }

    /// The URL of a stream on the main ones.
    pub fn stream(&self, name: &str, parameters: &[&str]) -> String {
        let (address, query) = self.address();
        let mut all: Vec<&str> = parameters.to_vec();
        all.extend(Some(query.as_str()).filter(|query| !query.is_empty()));
        let name = name.replace('{', "%7B").replace('}', "%7D");
        format!("redis-stream://{address}/{name}{}{}", if all.is_empty() { "" } else { "?" }, all.join("&"))
    }

    /// The URL of a stream of a pipeline's outputs or dead letters.
    pub fn sink_stream(&self, pipeline: Pipeline, name: &str) -> String {
        match pipeline {
            Pipeline::Atomic => self.stream(name, &[]),
            Pipeline::Ordered => self.sink.redis.stream(name),
        }
    }

    /// The URL of the one main server, for whoever knows of one only.
    pub fn url(&self) -> String {
        match &self.main {
            Main::Single(server) => server.redis.url(),
            Main::Cluster(cluster) => cluster.seed().url(),
            Main::Sentinel(sentinels) => sentinels.primary.url(),
        }
    }

    /// A client of the main ones.
    pub fn client(&self) -> Client {
        match &self.main {
            Main::Single(server) => server.redis.client(),
            Main::Cluster(cluster) => cluster.client(),
            Main::Sentinel(_) => {
                let mut ports = self.tellable_ports();
                if self.primary() == 1 {
                    ports.reverse();
                }
                Client::to_any(ports)
            }
        }
    }

    /// Says where the primary is now, wherever sentinels decide that.
    pub fn finder(&self) -> Option<Finder> {
        let Main::Sentinel(sentinels) = &self.main else { return None };
        let find = sentinels.finder();
        Some(Box::new(find))
    }

    /// A client of where a pipeline's effects are.
    pub fn sink_client(&self, pipeline: Pipeline) -> Client {
        match pipeline {
            Pipeline::Atomic => self.client(),
            Pipeline::Ordered => self.sink.redis.client(),
        }
    }

    fn server(&mut self, side: Side) -> Option<&mut Server> {
        match (side, &mut self.main) {
            (Side::Sink, _) => Some(&mut self.sink),
            (Side::Main, Main::Single(server)) => Some(server),
            (Side::Main, _) => None,
        }
    }

    fn redis(&mut self, side: Side) -> &mut Redis {
        let struck = self.struck;
        match (side, &mut self.main) {
            (Side::Sink, _) => &mut self.sink.redis,
            (Side::Main, Main::Single(server)) => &mut server.redis,
            (Side::Main, Main::Cluster(cluster)) => cluster.node(struck),
            (Side::Main, Main::Sentinel(sentinels)) => {
                if struck == 0 {
                    &mut sentinels.primary
                } else {
                    &mut sentinels.replica
                }
            }
        }
    }

    /// Something is about to be done to this side: to the node that matters, if it has several.
    fn aim(&mut self) {
        self.struck = match &self.main {
            Main::Single(_) => 0,
            Main::Cluster(cluster) => cluster.holder(&format!("{{{TAG}}}")),
            Main::Sentinel(_) => self.primary(),
        };
    }

    /// Kills a server.
    pub fn kill(&mut self, side: Side) {
        self.aim();
        self.redis(side).kill();
    }

    /// Starts it again, if it has ended.
    pub fn restart(&mut self, side: Side) {
        let redis = self.redis(side);
        if !redis.is_running() {
            redis.restart();
        }
    }

    /// Stops a server where it stands.
    pub fn stop(&mut self, side: Side) {
        self.aim();
        self.redis(side).stop();
    }

    /// Lets it go on.
    pub fn go_on(&mut self, side: Side) {
        self.redis(side).go_on();
    }

    /// Fills a server's disk up. With some room left its snapshots do not fit, and it refuses what is written; with
    /// none it ends at the next thing that is.
    pub fn fill(&mut self, side: Side, room: u64) {
        let Some(Server { redis, disk: Some(disk) }) = self.server(side) else { return };
        disk.leave(room).unwrap();
        if room > 0 {
            // It may have ended in the meantime.
            let _ = redis.client().try_ask::<()>(&["BGSAVE"]);
        }
    }

    /// Gives a server's disk room again, and waits until it takes what is written. Whether it had ended.
    pub fn free(&mut self, side: Side) -> bool {
        let Some(Server { redis, disk: Some(disk) }) = self.server(side) else { return false };
        disk.free().unwrap();
        let ended = !redis.is_running();
        if ended {
            redis.restart();
        }
        until_within(PATIENCE, "a server with room on its disk takes what is written", || {
            let _ = redis.client().try_ask::<()>(&["BGSAVE"]);
            redis.client().try_ask::<()>(&["XADD", "room", "*", "f", "v"]).is_ok()
        });
        ended
    }

    /// From now on the replica of the primary hears nothing of what is written.
    pub fn cut_off(&mut self) {
        self.aim();
        let mut client = self.redis(Side::Main).client();
        client.ask::<()>(&["ACL", "SETUSER", "default", "-psync"]);
        client.ask::<()>(&["CLIENT", "KILL", "TYPE", "replica"]);
    }

    /// Whoever was struck may have a replica again, and is told whose replica it is by now, if it does not have to hear
    /// of that from the sentinels: they take their time, and it takes writes that nobody will know of.
    pub fn join(&mut self, is_told: bool) {
        let other = match &self.main {
            Main::Sentinel(sentinels) if self.struck == 0 => sentinels.replica.port(),
            Main::Sentinel(sentinels) => sentinels.primary.port(),
            _ => return,
        };
        let mut client = self.redis(Side::Main).client();
        let _ = client.try_ask::<()>(&["ACL", "SETUSER", "default", "+psync"]);
        if is_told {
            let _ = client.try_ask::<()>(&["REPLICAOF", "127.0.0.1", &other.to_string()]);
        }
    }

    /// Moves what has the hash tag to the next master.
    pub fn move_slot(&mut self) {
        if let Main::Cluster(cluster) = &self.main {
            cluster.move_slot(&format!("{{{TAG}}}"));
        }
    }

    /// Which of the two servers that sentinels watch is the primary.
    fn primary(&self) -> usize {
        let Main::Sentinel(sentinels) = &self.main else { return 0 };
        usize::from(sentinels.primary_port() == Some(sentinels.replica.port()))
    }

    /// Whether another server than the one that was struck has been made the primary.
    pub fn is_promoted(&mut self) -> bool {
        let Main::Sentinel(sentinels) = &self.main else { return true };
        let other = if self.struck == 0 { &sentinels.replica } else { &sentinels.primary };
        let role: Result<String, _> = other.client().try_ask(&["INFO", "replication"]);
        role.is_ok_and(|role| role.contains("role:master")) && sentinels.primary_port() == Some(other.port())
    }

    /// Whether all servers are there again: the other one follows the primary, the nodes of a cluster know each other.
    pub fn are_whole(&self) -> bool {
        let sentinels = match &self.main {
            Main::Single(_) => return true,
            Main::Cluster(cluster) => return cluster.is_whole(),
            Main::Sentinel(sentinels) => sentinels,
        };
        let (first, second) = (&sentinels.primary, &sentinels.replica);
        let (primary, replica) = if self.primary() == 0 { (first, second) } else { (second, first) };
        let about = |redis: &Redis| -> String {
            redis.client().try_ask(&["INFO", "replication"]).unwrap_or_default()
        };
        about(primary).contains("state=online") && about(replica).contains("master_link_status:up")
    }

    /// Waits until all of them are as they were at first.
    pub fn wait(&mut self) {
        until_within(PATIENCE, "all servers are there", || self.are_whole());
        let mut client = self.client();
        let name = format!("{{{TAG}}}wait");
        until_within(PATIENCE, "the servers take what is written", || {
            client.try_once::<()>(&["SET", &name, "1"]).is_ok()
        });
    }
}

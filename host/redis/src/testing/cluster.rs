//! A Redis Cluster of a test's own.

use redis::{Value, cmd};

use super::process::wait_until;
use super::server::{RedisServer, ServerOptions};
use crate::slot::{SLOTS, slot_of};

/// How many masters a cluster has.
const MASTERS: usize = 3;

/// Three masters that share the slots in equal parts, and perhaps a replica of each. A node that is gone for a second
/// is taken for failed. All are killed when this is dropped, also by a panic.
#[derive(Debug)]
pub struct Cluster {
    /// The masters at the start, lowest slots first, and behind them their replicas in the same order.
    nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts masters only.
    pub fn start() -> Self {
        Self::with(1, &ServerOptions::default())
    }

    /// Starts masters with one replica each.
    pub fn with_replicas() -> Self {
        Self::with(2, &ServerOptions::default())
    }

    /// Starts masters only, with these options.
    pub fn start_with(options: &ServerOptions) -> Self {
        Self::with(1, options)
    }

    fn with(of_each: usize, options: &ServerOptions) -> Self {
        let options = ServerOptions { cluster: true, ..options.clone() };
        let nodes = (0..MASTERS * of_each).map(|_| RedisServer::start(options.clone())).collect();
        let cluster = Self { nodes };
        cluster.share_slots();
        cluster.meet();
        let known = cluster.nodes.len().to_string();
        wait_until("all nodes know one another", || {
            cluster.nodes.iter().all(|node| said(node, "cluster_known_nodes") == known)
        });
        for (replica, master) in cluster.nodes.iter().skip(MASTERS).zip(&cluster.nodes) {
            let id = id(master);
            // A node may not have heard yet that the other one is a master.
            wait_until("a replica accepts its master", || {
                cmd("CLUSTER").arg("REPLICATE").arg(&id).exec(&mut replica.connection()).is_ok()
            });
        }
        cluster.wait_until_whole();
        cluster
    }

    fn share_slots(&self) {
        let share = usize::from(SLOTS) / MASTERS + 1;
        for (number, node) in self.nodes.iter().enumerate() {
            let mut connection = node.connection();
            // Otherwise the nodes would have to settle which of two with the same epoch is the newer one.
            cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(number + 1).exec(&mut connection).expect("its epoch");
            if number < MASTERS {
                let last = ((number + 1) * share).min(usize::from(SLOTS)) - 1;
                let mut add = cmd("CLUSTER");
                add.arg("ADDSLOTSRANGE").arg(number * share).arg(last);
                add.exec(&mut connection).expect("its slots");
            }
        }
    }

    fn meet(&self) {
        let Some((first, others)) = self.nodes.split_first() else { return };
        for node in others {
            let mut meet = cmd("CLUSTER");
            meet.arg("MEET").arg("127.0.0.1").arg(first.port()).arg(first.bus());
            meet.exec(&mut node.connection()).expect("it meets another node");
        }
    }

    /// Waits until all nodes that run agree who serves what, that all slots are served, and that replicas are in step.
    pub fn wait_until_whole(&self) {
        wait_until("the cluster is whole", || {
            let states: Vec<_> =
                self.running().map(|node| (said(node, "cluster_state"), map(node))).collect();
            states.windows(2).all(|pair| pair[0].1 == pair[1].1)
                && states.iter().all(|(state, map)| state == "ok" && covers_all(map))
                && self.running().all(|node| matches!(node.info("master_link_status").as_str(), "" | "up"))
        });
    }

    fn running(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.runs())
    }

    /// A URL that names all masters of the start.
    pub fn url(&self) -> String {
        let seeds: Vec<String> = self.nodes.iter().take(MASTERS).map(RedisServer::address).collect();
        format!("redis://{}", seeds.join(","))
    }

    /// The masters at the start, lowest slots first, and behind them their replicas in the same order.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// One of them.
    pub fn node_mut(&mut self, number: usize) -> &mut RedisServer {
        &mut self.nodes[number]
    }

    /// The number of the node that serves the slot of a name, by the first running node's word.
    pub fn holder(&self, name: &[u8]) -> usize {
        let slot = i64::from(slot_of(name));
        let map = map(self.running().next().expect("a running node"));
        let held = map.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        let port = held.expect("a node that serves the slot").2;
        self.nodes.iter().position(|node| i64::from(node.port()) == port).expect("one of these nodes")
    }

    /// A connection for the test itself to the node that serves the slot of a name.
    pub fn connection(&self, name: &[u8]) -> redis::Connection {
        self.nodes[self.holder(name)].connection()
    }

    /// Begins to move the slot of a name to another node: keys of it that are not there get `ASK` from now on.
    pub fn begin_move(&self, name: &[u8], to: usize) {
        let from = self.holder(name);
        self.set_slot(to, name, &["IMPORTING", &id(&self.nodes[from])]);
        self.set_slot(from, name, &["MIGRATING", &id(&self.nodes[to])]);
    }

    /// Moves one key of a slot that is being moved.
    pub fn move_key(&self, name: &[u8], to: usize) {
        let mut migrate = cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.nodes[to].port()).arg(name).arg(0).arg(5000);
        migrate.exec(&mut self.connection(name)).expect("the key is moved");
    }

    /// Moves what is left of a slot, and hands it over.
    pub fn end_move(&self, name: &[u8], to: usize) {
        let from = self.holder(name);
        loop {
            let mut keys = cmd("CLUSTER");
            keys.arg("GETKEYSINSLOT").arg(slot_of(name)).arg(100);
            let keys: Vec<Vec<u8>> = keys.query(&mut self.nodes[from].connection()).expect("its keys");
            if keys.is_empty() {
                break;
            }
            keys.iter().for_each(|key| self.move_key(key, to));
        }
        // First the new one, so that there is no time in which nobody serves the slot.
        let new = id(&self.nodes[to]);
        self.set_slot(to, name, &["NODE", &new]);
        self.set_slot(from, name, &["NODE", &new]);
    }

    /// Moves a whole slot.
    pub fn move_slot(&self, name: &[u8], to: usize) {
        self.begin_move(name, to);
        self.end_move(name, to);
    }

    /// Cuts a node off: it and the others forget one another, and do not listen to one another for a minute. Nobody
    /// serves its slots then, and in its own eyes nobody serves those of the others.
    pub fn cut_off(&self, node: usize) {
        let forget = |who: &RedisServer, whom: &RedisServer| {
            cmd("CLUSTER")
                .arg("FORGET")
                .arg(id(whom))
                .exec(&mut who.connection())
                .expect("it forgets a node");
        };
        let others = self.nodes.iter().enumerate().filter(|(number, _)| *number != node);
        for (_, other) in others {
            forget(&self.nodes[node], other);
            forget(other, &self.nodes[node]);
        }
        wait_until("it is alone", || said(&self.nodes[node], "cluster_state") == "fail");
    }

    /// Gives a node all slots that nobody serves in its eyes, and waits until the cluster takes calls in its eyes.
    pub fn adopt_slots(&self, node: usize) {
        let held = map(&self.nodes[node]);
        let is_held = |slot: &i64| held.iter().any(|(first, last, _)| (*first..=*last).contains(slot));
        let free: Vec<i64> = (0..i64::from(SLOTS)).filter(|slot| !is_held(slot)).collect();
        let mut add = cmd("CLUSTER");
        add.arg("ADDSLOTS").arg(free).exec(&mut self.nodes[node].connection()).expect("it adopts them");
        wait_until("all slots are served", || said(&self.nodes[node], "cluster_state") == "ok");
    }

    fn set_slot(&self, node: usize, name: &[u8], words: &[&str]) {
        let mut set = cmd("CLUSTER");
        set.arg("SETSLOT").arg(slot_of(name)).arg(words);
        set.exec(&mut self.nodes[node].connection()).expect("the slot is set");
    }

    /// Lets the replica of a master take over, gone or not, without asking the others; waits until it has.
    pub fn fail_over(&self, master: usize) {
        let replica = &self.nodes[MASTERS + master];
        cmd("CLUSTER")
            .arg("FAILOVER")
            .arg("TAKEOVER")
            .exec(&mut replica.connection())
            .expect("it takes over");
        wait_until("it has taken over", || replica.info("role") == "master");
    }
}

/// First slot, last slot and port of its master, lowest first.
fn map(node: &RedisServer) -> Vec<(i64, i64, i64)> {
    let told: Value = cmd("CLUSTER").arg("SLOTS").query(&mut node.connection()).expect("its slots");
    let Value::Array(entries) = told else { panic!("slots are a list") };
    let mut map: Vec<_> = entries.iter().map(entry).collect();
    map.sort_unstable();
    map
}

fn entry(entry: &Value) -> (i64, i64, i64) {
    let Value::Array(entry) = entry else { panic!("an entry is a list") };
    match entry.as_slice() {
        [Value::Int(first), Value::Int(last), Value::Array(master), ..] => match master.as_slice() {
            [_, Value::Int(port), ..] => (*first, *last, *port),
            _ => panic!("a master has a port"),
        },
        _ => panic!("an entry has slots and a master"),
    }
}

fn covers_all(map: &[(i64, i64, i64)]) -> bool {
    map.iter().map(|(first, last, _)| last - first + 1).sum::<i64>() == i64::from(SLOTS)
}

fn said(node: &RedisServer, name: &str) -> String {
    let info: String = cmd("CLUSTER").arg("INFO").query(&mut node.connection()).expect("its state");
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

fn id(node: &RedisServer) -> String {
    cmd("CLUSTER").arg("MYID").query(&mut node.connection()).expect("its id")
}

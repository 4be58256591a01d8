//! A Redis Cluster of a test's own.

use crate::client::Client;
use crate::redis::Redis;
use crate::wait::until;

/// Masters, and perhaps a replica for each of them.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
    masters: usize,
}

/// How many slots a cluster has.
const SLOTS: usize = 16_384;

impl Cluster {
    /// Three masters, each with a third of the slots.
    pub fn start() -> Self {
        Self::of(3, 0)
    }

    /// Three masters with a replica each.
    pub fn with_replicas() -> Self {
        Self::of(3, 3)
    }

    fn of(masters: usize, replicas: usize) -> Self {
        let buses: Vec<u16> = (0..masters + replicas).map(|_| crate::port::free()).collect();
        let nodes: Vec<Redis> = buses.iter().map(|&bus| node(bus)).collect();
        let cluster = Self { nodes, masters };
        let nodes = &cluster.nodes;
        for (index, node) in nodes.iter().enumerate() {
            for (other, bus) in nodes.iter().zip(&buses) {
                let (port, bus) = (other.port().to_string(), bus.to_string());
                node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
            if index < masters {
                let (first, end) = (SLOTS * index / masters, SLOTS * (index + 1) / masters);
                node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &(end - 1).to_string()]);
            }
        }
        cluster.wait();
        for (master, replica) in nodes.iter().take(masters).zip(nodes.iter().skip(masters)) {
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &id(master)]);
        }
        cluster.wait();
        cluster
    }

    /// Waits until every node knows every other one, and every replica follows.
    fn wait(&self) {
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        until("the cluster is up", || {
            self.nodes.iter().all(|node| {
                let about: String = node.ask(&["CLUSTER", "INFO"]);
                let role: String = node.ask(&["INFO", "replication"]);
                about.contains("cluster_state:ok")
                    && about.lines().any(|line| line == known)
                    && !role.contains("master_link_status:down")
            })
        });
    }

    /// Whether all nodes are there and know it.
    pub fn is_whole(&self) -> bool {
        let knows = |node: &Redis| {
            let about: String = node.client().try_ask(&["CLUSTER", "INFO"]).unwrap_or_default();
            about.contains("cluster_state:ok")
        };
        self.nodes.iter().all(knows)
    }

    /// A node from which everything else is found.
    pub fn seed(&self) -> &Redis {
        &self.nodes[0]
    }

    /// Where each node is.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Redis::port).collect()
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::to_any(self.ports())
    }

    /// Which node has a key, by its index.
    pub fn holder(&self, key: &str) -> usize {
        let slot: u16 = self.any().ask(&["CLUSTER", "KEYSLOT", key]);
        let rows: Vec<Vec<redis::Value>> = self.any().ask(&["CLUSTER", "SLOTS"]);
        for row in rows {
            let number = |at: usize| redis::from_redis_value::<u16>(row[at].clone()).unwrap();
            if (number(0)..=number(1)).contains(&slot) {
                let redis::Value::Array(owner) = &row[2] else { panic!("{row:?}") };
                let port: u16 = redis::from_redis_value(owner[1].clone()).unwrap();
                return self.nodes.iter().position(|node| node.port() == port).unwrap();
            }
        }
        panic!("nobody has the slot {slot}");
    }

    /// The node that has a key.
    pub fn node(&mut self, index: usize) -> &mut Redis {
        &mut self.nodes[index]
    }

    fn any(&self) -> &Redis {
        let answers = |node: &&Redis| node.client().try_ask::<()>(&["PING"]).is_ok();
        self.nodes.iter().find(answers).expect("a node that is alive")
    }

    /// Moves the slot of a key, with everything in it, to the next master; gives the slot.
    pub fn move_slot(&self, key: &str) -> u16 {
        let from = self.holder(key);
        let to = (from + 1) % self.masters;
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let slot: u16 = source.ask(&["CLUSTER", "KEYSLOT", key]);
        let (number, port) = (slot.to_string(), target.port().to_string());
        target.ask::<()>(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &id(source)]);
        source.ask::<()>(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &id(target)]);
        loop {
            let names: Vec<String> = source.ask(&["CLUSTER", "GETKEYSINSLOT", &number, "100"]);
            if names.is_empty() {
                break;
            }
            // What is in both after a time-out is the source's to say.
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "REPLACE", "KEYS"];
            words.extend(names.iter().map(String::as_str));
            // A node that does not hear of the others for a while takes nothing.
            until("keys move to another node", || source.client().try_ask::<()>(&words).is_ok());
        }
        for node in [target, source].into_iter().chain(&self.nodes[..self.masters]) {
            node.ask::<()>(&["CLUSTER", "SETSLOT", &number, "NODE", &id(target)]);
        }
        slot
    }
}

fn node(bus: u16) -> Redis {
    Redis::with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus.to_string(),
        "--cluster-node-timeout",
        "2000",
        "--repl-diskless-sync-delay",
        "0",
    ])
}

fn id(node: &Redis) -> String {
    node.ask(&["CLUSTER", "MYID"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_moves_with_what_is_in_it() {
        let cluster = Cluster::start();
        let mut client = cluster.client();
        for key in ["a", "b", "c", "{a}1"] {
            client.ask::<()>(&["SET", key, key]);
        }
        let before = cluster.holder("a");
        cluster.move_slot("a");
        assert_ne!(cluster.holder("a"), before);
        for key in ["a", "b", "c", "{a}1"] {
            assert_eq!(client.ask::<String>(&["GET", key]), key);
        }
    }

    #[test]
    fn a_replica_takes_the_place_of_a_master_that_dies() {
        let mut cluster = Cluster::with_replicas();
        let mut client = cluster.client();
        let key = "a";
        client.ask::<()>(&["SET", key, "1"]);
        let holder = cluster.holder(key);
        // Replication is asynchronous. After any command, WAIT counts who has all that was written before.
        let mut direct = cluster.node(holder).client();
        direct.ask::<()>(&["PING"]);
        assert_eq!(direct.ask::<u64>(&["WAIT", "1", "20000"]), 1);
        cluster.node(holder).kill();
        assert_eq!(client.ask::<String>(&["GET", key]), "1");
        // The nodes tell each other who has taken over.
        crate::wait::until("every node knows the new master", || cluster.holder(key) != holder);
    }
}

//! What is known of a cluster: which primary serves which slot, asked again when that turns out to be outdated.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use redis::cmd;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::address::Address;
use crate::greeting::{Unfit, ask, text};
use crate::opener::Opener;
use crate::slots::Slots;

/// The shortest time between two rounds of questions, however many calls find what is known to be outdated.
const ROUND_EVERY: Duration = Duration::from_millis(100);

/// The most nodes that are asked in a round.
const MOST_ASKED: usize = 8;

/// How long to wait for further views once one has come.
const GRACE: Duration = Duration::from_millis(200);

/// What is known of a cluster. Shared by all who connect to it; asks over connections of its own, on whichever
/// runtime it is called.
#[derive(Debug)]
pub struct Topology {
    opener: Opener,
    seeds: Vec<Address>,
    known: Mutex<Known>,
    /// When the last round of questions ended. Held by the one who asks.
    asking: tokio::sync::Mutex<Option<Instant>>,
}

/// What was known at some time.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Who serves what.
    pub slots: Arc<Slots>,
    /// How many rounds of questions there had been, in vain or not.
    pub round: u64,
}

/// A cluster as one of its nodes sees it.
#[derive(Debug)]
struct View {
    slots: Slots,
    /// Rises with every failover and every move of a slot: the view with the highest one is the newest.
    epoch: u64,
}

impl View {
    /// The higher the newer. Of two with one epoch, the one that knows more.
    fn rank(&self) -> (u64, usize) {
        (self.epoch, self.slots.served())
    }
}

impl Topology {
    /// Of the cluster that these nodes belong to. Nothing is known at first.
    pub fn new(opener: Opener, seeds: Vec<Address>) -> Self {
        Self { opener, seeds, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the cluster again, unless that was done since the round in which the caller's knowledge was got. The node
    /// at `first` is among those that are asked.
    pub async fn refresh(&self, round: u64, first: Option<&Address>) -> Result<(), Unfit> {
        let mut last = self.asking.lock().await;
        if self.known().round != round {
            return Ok(());
        }
        if let Some(last) = *last {
            sleep_until(last + ROUND_EVERY).await;
        }
        let newest = self.ask_around(round, first).await;
        *last = Some(Instant::now());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.round += 1;
        newest.map(|slots| known.slots = Arc::new(slots))
    }

    /// The newest of the views of some nodes, all asked at once: one that is gone or cut off holds nobody up.
    async fn ask_around(&self, round: u64, first: Option<&Address>) -> Result<Slots, Unfit> {
        let asked = self.to_be_asked(round, first);
        let mut views: FuturesUnordered<_> = asked.iter().map(|address| self.view(address)).collect();
        let (mut newest, mut why): (Option<View>, _) = (None, None);
        let mut until = Instant::now() + self.opener.connect_timeout() + self.opener.reply_timeout();
        while let Ok(Some(view)) = timeout_at(until, views.next()).await {
            match view {
                Ok(view) => {
                    until = until.min(Instant::now() + GRACE);
                    if newest.as_ref().is_none_or(|newest| newest.rank() < view.rank()) {
                        newest = Some(view);
                    }
                }
                // One that cannot be reached says less than one that refuses.
                Err(unfit @ Unfit::Refused(_)) => why = Some(unfit),
                Err(unfit) => why = why.or(Some(unfit)),
            }
        }
        let none = || why.unwrap_or_else(|| Unfit::Away("no node of the cluster answers".to_owned()));
        newest.map(|view| view.slots).ok_or_else(none)
    }

    /// The one to be asked first, then others, other ones each round: known primaries and what the URL names.
    fn to_be_asked(&self, round: u64, first: Option<&Address>) -> Vec<Address> {
        let known = self.known();
        let mut others: Vec<&Address> = known.slots.nodes().iter().map(|node| &node.address).collect();
        others.extend(&self.seeds);
        let turn = usize::try_from(round).unwrap_or(0) % others.len().max(1);
        others.rotate_left(turn);
        let mut asked: Vec<Address> = first.cloned().into_iter().collect();
        for other in others {
            if asked.len() < MOST_ASKED && !asked.contains(other) {
                asked.push(other.clone());
            }
        }
        asked
    }

    async fn view(&self, address: &Address) -> Result<View, Unfit> {
        let password = self.opener.password();
        let mut connection = self.opener.open(address, &self.opener.config()).await?;
        let info = ask(&mut connection, cmd("CLUSTER").arg("INFO"), password).await?;
        // Without the right to ask, all views are equally new.
        let epoch = info.ok().and_then(|info| current_epoch(&text(info))).unwrap_or(0);
        let asked = ask(&mut connection, cmd("CLUSTER").arg("SLOTS"), password).await?;
        let refused = |why| Unfit::Refused(format!("the user may not ask for the cluster's slots ({why})"));
        let slots = Slots::read(&asked.map_err(refused)?, address);
        let slots =
            slots.ok_or_else(|| Unfit::Refused(format!("the slots of {address} are no list of slots")))?;
        Ok(View { slots, epoch })
    }

    /// What the cluster is called, by the lowest of its nodes' ids: they are random, every node knows all of them, and
    /// neither a failover nor a new node is likely to change the lowest one.
    pub async fn identity(&self) -> Result<String, Unfit> {
        let mut why = Unfit::Away("no node of the cluster answers".to_owned());
        for address in self.to_be_asked(0, None) {
            match self.lowest_id(&address).await {
                Ok(id) => return Ok(format!("cluster of {id}")),
                Err(unfit) => why = unfit,
            }
        }
        Err(why)
    }

    async fn lowest_id(&self, address: &Address) -> Result<String, Unfit> {
        let mut connection = self.opener.open(address, &self.opener.config()).await?;
        let told = ask(&mut connection, cmd("CLUSTER").arg("NODES"), self.opener.password()).await?;
        let nodes = text(told.map_err(Unfit::Refused)?);
        lowest_id(&nodes).ok_or_else(|| Unfit::Away("the cluster's nodes are no list of nodes".to_owned()))
    }
}

fn current_epoch(info: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"))?.trim().parse().ok()
}

/// Of the nodes whose own id is known: one in its handshake has a preliminary one.
fn lowest_id(nodes: &str) -> Option<String> {
    let ids = nodes.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (id, _, flags) = (words.next()?, words.next()?, words.next()?);
        (!flags.split(',').any(|flag| flag == "handshake")).then_some(id)
    });
    ids.min().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_and_the_lowest_id_are_read() {
        assert_eq!(current_epoch("cluster_state:ok\r\ncluster_current_epoch:7\r\n"), Some(7));
        assert_eq!(current_epoch("cluster_state:ok\r\n"), None);
        let nodes = "c 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-5\n\
                     b 127.0.0.1:2@3 slave,fail c 0 0 1 connected\n\
                     a 127.0.0.1:3@4 handshake - 0 0 0 connected\n";
        assert_eq!(lowest_id(nodes).as_deref(), Some("b"));
        assert_eq!(lowest_id(""), None);
    }
}

//! The primaries of a cluster, each with a link of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::dialler::Dialler;
use crate::finder::Finder;
use crate::greeting::Unfit;
use crate::link::{Link, Up};
use crate::slots::Slots;
use crate::target::Target;
use crate::topology::Topology;

/// How long to wait for a connection before the cluster is asked whether its node is still the one.
const GLANCE: Duration = Duration::from_millis(250);

/// Links to a cluster's primaries, opened when they are first needed.
#[derive(Debug)]
pub struct Cluster {
    topology: Arc<Topology>,
    dialler: Dialler,
    links: Mutex<HashMap<Address, Link>>,
    /// Where links are kept up.
    runtime: Handle,
}

impl Cluster {
    /// Of the cluster that `seeds` belong to. Connects to all its primaries, and refuses it if one of them cannot be
    /// worked with, or none can be reached. Must be called on the runtime that is to keep the links up.
    pub async fn open(dialler: Dialler, seeds: Vec<Address>) -> Result<Self, Unfit> {
        let topology = Arc::new(Topology::new(dialler.opener().clone(), seeds));
        topology.refresh(0, None).await?;
        let slots = topology.known().slots;
        let opened = slots.nodes().iter().map(|node| async {
            let address = node.address.clone();
            (address.clone(), Link::open(dialler.clone(), Finder::Node(address)).await)
        });
        let (mut links, mut away) = (HashMap::new(), None);
        for (address, link) in join_all(opened).await {
            match link {
                Ok(link) => drop(links.insert(address, link)),
                Err(Unfit::Refused(why)) => return Err(Unfit::Refused(format!("node {address}: {why}"))),
                Err(Unfit::Away(why)) => away = Some(Unfit::Away(format!("node {address}: {why}"))),
            }
        }
        if links.is_empty() {
            let none = || Unfit::Away("no node of the cluster serves a slot".to_owned());
            return Err(away.unwrap_or_else(none));
        }
        Ok(Self { topology, dialler, links: Mutex::new(links), runtime: Handle::current() })
    }

    /// What is known of the cluster.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// Which primary would be asked now.
    pub fn address(&self, target: &Target) -> Option<Address> {
        self.choose(target, &self.topology.known().slots)
    }

    /// A connection other than the one with the number `used_up` to the primary that is to be asked, and in which
    /// round of questions it was found to be that. Asks the cluster again when there is none for a while, because
    /// then another one may serve the slot.
    pub async fn up(&self, target: &Target, used_up: u64, deadline: Instant) -> Result<(Up, u64), String> {
        loop {
            let known = self.topology.known();
            let chosen = self.choose(target, &known.slots);
            let (why, down) = match &chosen {
                Some(address) => {
                    let link = self.link(address, &known.slots);
                    match link.up(used_up, deadline.min(Instant::now() + GLANCE)).await {
                        Ok(up) => return Ok((up, known.round)),
                        Err(why) => (format!("node {address}: {why}"), link.is_down()),
                    }
                }
                None => (unserved(target), matches!(target, Target::At(_))),
            };
            // In vain or not: somebody else may have learned something meanwhile.
            let _ = timeout_at(deadline, self.topology.refresh(known.round, None)).await;
            let unchanged = self.address(target) == chosen;
            if Instant::now() >= deadline || (down && unchanged) {
                return Err(why);
            }
        }
    }

    /// One that is up if any will do.
    fn choose(&self, target: &Target, slots: &Slots) -> Option<Address> {
        let address = match target {
            Target::Slot(slot) => slots.holder(*slot).map(|node| &node.address),
            Target::At(address) => {
                slots.nodes().iter().map(|node| &node.address).find(|known| *known == address)
            }
            Target::Any => {
                let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
                let is_up = |address: &&Address| links.get(*address).is_some_and(Link::is_up);
                let mut nodes = slots.nodes().iter().map(|node| &node.address);
                nodes.clone().find(is_up).or_else(|| nodes.next())
            }
        };
        address.cloned()
    }

    /// The link to `address`. Those to nodes that serve nothing any more end with the next new one.
    fn link(&self, address: &Address, slots: &Slots) -> Link {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(address) {
            return link.clone();
        }
        links.retain(|known, _| slots.nodes().iter().any(|node| node.address == *known));
        let link = Link::start(self.dialler.clone(), Finder::Node(address.clone()), &self.runtime);
        links.insert(address.clone(), link.clone());
        link
    }

    /// Connections to all primaries as they are known.
    pub async fn ups(&self, deadline: Instant) -> Result<Vec<Up>, String> {
        let slots = self.topology.known().slots;
        let ups = slots.nodes().iter().map(|node| {
            let link = self.link(&node.address, &slots);
            async move {
                let up = link.up(0, deadline).await;
                up.map_err(|why| format!("node {}: {why}", node.address))
            }
        });
        join_all(ups).await.into_iter().collect()
    }
}

fn unserved(target: &Target) -> String {
    match target {
        Target::Slot(slot) => format!("no primary serves slot {slot}"),
        Target::At(address) => gone(address),
        Target::Any => "no primary serves a slot".to_owned(),
    }
}

/// What is said when a certain primary was to be asked that is none any more.
pub fn gone(address: &Address) -> String {
    format!("{address} is not a primary any more")
}

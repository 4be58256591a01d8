//! Where calls are sent: to one primary, or to those of a cluster.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::RedisOptions;
use crate::address::Address;
use crate::cluster::{Cluster, gone};
use crate::dialler::Dialler;
use crate::finder::Finder;
use crate::greeting::{Unfit, is_of_a_cluster};
use crate::guard::Primary;
use crate::link::{Link, Up};
use crate::opener::Opener;
use crate::sentinel::Sentinels;
use crate::target::Target;
use crate::topology::Topology;

/// How many calls are under way at once to one primary. Two keep Redis busy while answers travel; more would make
/// them smaller.
const MOST_CALLS: usize = 2;

/// The same to a node of a cluster: a call carries keys of one slot only, few of which wait at a time.
const MOST_CALLS_TO_A_NODE: usize = 32;

/// One primary or many.
#[derive(Debug)]
pub enum Place {
    /// One.
    One(Link),
    /// Those of a cluster.
    Cluster(Box<Cluster>),
}

/// How to look for what the options name.
#[derive(Debug, Clone)]
pub enum Search {
    /// One server, or what sentinels call by a name.
    One(Finder),
    /// A cluster that these nodes belong to.
    Cluster(Vec<Address>),
}

impl Search {
    /// Finds out what the options name.
    pub async fn begin(options: &RedisOptions, opener: &Opener) -> Result<Self, Unfit> {
        if let Some(sentinels) = Sentinels::new(options)? {
            return Ok(Search::One(Finder::Named(Arc::new(sentinels))));
        }
        let opener = opener.of_database_0();
        let mut why = Unfit::Refused("it has no host".to_owned());
        for seed in options.seeds() {
            let is_cluster = match is_cluster(&opener, seed).await {
                Ok(is_cluster) => is_cluster,
                Err(unfit) => {
                    why = unfit;
                    continue;
                }
            };
            return match (is_cluster, options.seeds()) {
                (Some(true), _) if options.database() != 0 => Err(Unfit::Refused(format!(
                    "a Redis Cluster has no database {}: leave it out of the URL",
                    options.database()
                ))),
                (Some(true), seeds) => Ok(Search::Cluster(seeds.to_vec())),
                (_, [_]) => Ok(Search::One(Finder::Alone(seed.clone()))),
                (_, _) => Err(Unfit::Refused(format!(
                    "several hosts are named, and {seed} is not known to be part of a Redis Cluster: name one host, \
                     or sentinels with ?sentinel=NAME"
                ))),
            };
        }
        Err(why)
    }
}

async fn is_cluster(opener: &Opener, seed: &Address) -> Result<Option<bool>, Unfit> {
    let mut connection = opener.open(seed, &opener.config()).await?;
    is_of_a_cluster(&mut connection, opener.password()).await
}

impl Place {
    /// Connects. Must be called on the runtime that is to keep the connections up.
    pub async fn open(search: Search, dialler: Dialler) -> Result<Self, Unfit> {
        Ok(match search {
            Search::One(finder) => Place::One(Link::open(dialler, finder).await?),
            Search::Cluster(seeds) => Place::Cluster(Box::new(Cluster::open(dialler, seeds).await?)),
        })
    }

    /// A connection other than the one with the number `used_up` to whom is to be asked, and a number to be told
    /// should that turn out to be somebody else.
    pub async fn up(&self, target: &Target, used_up: u64, deadline: Instant) -> Result<(Up, u64), String> {
        match self {
            Place::One(link) => {
                let up = link.up(used_up, deadline).await?;
                match target {
                    Target::At(address) if *address != up.address => Err(gone(address)),
                    _ => Ok((up, 0)),
                }
            }
            Place::Cluster(cluster) => cluster.up(target, used_up, deadline).await,
        }
    }

    /// Somebody else is to be asked, said the server at `address`, which was chosen in this round.
    pub async fn outdated(&self, round: u64, address: &Address, deadline: Instant) {
        if let Some(topology) = self.topology() {
            // In vain: the call is asked again, and gets here again.
            let _ = timeout_at(deadline, topology.refresh(round, Some(address))).await;
        }
    }

    /// What is known of the cluster, if it is one.
    pub fn topology(&self) -> Option<&Arc<Topology>> {
        match self {
            Place::One(_) => None,
            Place::Cluster(cluster) => Some(cluster.topology()),
        }
    }

    /// To whom a call would go now: calls to different ones do not wait for one another.
    pub fn lane(&self, target: &Target) -> Option<Address> {
        match self {
            Place::One(_) => None,
            Place::Cluster(cluster) => cluster.address(target),
        }
    }

    /// How many calls are under way at once to one primary.
    pub fn most_calls(&self) -> usize {
        match self {
            Place::One(_) => MOST_CALLS,
            Place::Cluster(_) => MOST_CALLS_TO_A_NODE,
        }
    }

    /// Connections to all primaries as they are known.
    pub async fn ups(&self, deadline: Instant) -> Result<Vec<Up>, String> {
        match self {
            Place::One(link) => Ok(vec![link.up(0, deadline).await?]),
            Place::Cluster(cluster) => cluster.ups(deadline).await,
        }
    }

    /// All primaries, after asking a cluster which those are now.
    pub async fn primaries(&self, deadline: Instant) -> Result<Vec<Primary>, String> {
        if let Some(topology) = self.topology() {
            let asked = timeout_at(deadline, topology.refresh(topology.known().round, None)).await;
            asked.map_err(|_| "no answer in time".to_owned())?.map_err(|unfit| unfit.why().to_owned())?;
        }
        Ok(self.ups(deadline).await?.into_iter().map(|up| Primary::clone(&up.primary)).collect())
    }

    /// What the Redis is called: of a server, whose database `db` is used, it is its run, of a cluster one of its nodes.
    pub async fn identity(&self, db: u32, deadline: Instant) -> Result<String, String> {
        if let Some(topology) = self.topology() {
            return topology.identity().await.map_err(|unfit| unfit.why().to_owned());
        }
        match self.ups(deadline).await?.first() {
            Some(up) if !up.primary.run_id.is_empty() => {
                Ok(format!("server {}, database {db}", up.primary.run_id))
            }
            _ => Err("the user may not ask the server for its run id (INFO)".to_owned()),
        }
    }
}

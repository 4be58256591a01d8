//! Where the server is that a connection is to be opened to.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::address::Address;
use crate::greeting::{Role, Unfit};
use crate::sentinel::Sentinels;

/// How long sentinels may take to say whether somebody else is the primary: meanwhile a connection that broke is not
/// noticed.
const GLANCE: Duration = Duration::from_millis(300);

/// Finds a server, anew for each connection.
#[derive(Debug, Clone)]
pub enum Finder {
    /// It is where the options say.
    Alone(Address),
    /// It is where the sentinels say.
    Named(Arc<Sentinels>),
    /// It is where the cluster said; when that changes, there is another finder.
    Node(Address),
}

impl Finder {
    /// Where it is now.
    pub async fn find(&self) -> Result<Address, Unfit> {
        match self {
            Finder::Alone(address) | Finder::Node(address) => Ok(address.clone()),
            Finder::Named(sentinels) => sentinels.find().await,
        }
    }

    /// Whether the sentinels name another server now. After a failover that somebody asked for, the old primary takes
    /// writes for some seconds more, all of which are lost.
    pub async fn has_left(&self, address: &Address) -> bool {
        match self {
            Finder::Alone(_) | Finder::Node(_) => false,
            Finder::Named(sentinels) => {
                // Sentinels that cannot be asked now name nobody.
                matches!(timeout(GLANCE, sentinels.find()).await, Ok(Ok(named)) if named != *address)
            }
        }
    }

    /// What the server has to be.
    pub fn role(&self) -> Role {
        match self {
            Finder::Alone(_) => Role::Alone,
            Finder::Named(_) => Role::Named,
            Finder::Node(_) => Role::Node,
        }
    }
}

//! Where the server is that a connection is to be opened to.

use std::sync::Arc;

use crate::address::Address;
use crate::greeting::{Role, Unfit};
use crate::sentinel::Sentinels;

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

    /// What the server has to be.
    pub fn role(&self) -> Role {
        match self {
            Finder::Alone(_) => Role::Alone,
            Finder::Named(_) => Role::Named,
            Finder::Node(_) => Role::Node,
        }
    }
}

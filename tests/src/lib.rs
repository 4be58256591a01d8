//! What whole-system tests share: a folder with files, servers, wires and hosts that are real processes, and readers of
//! what they wrote. Nothing here uses the host's code.

mod call;
mod client;
mod cluster;
mod group;
mod hosts;
pub mod language;
mod ledger;
mod line;
mod port;
mod redis;
pub mod resp;
mod run;
mod sentinels;
pub mod signal;
pub mod stream;
mod wait;
mod wire;

pub use call::Call;
pub use client::Client;
pub use cluster::Cluster;
pub use group::Group;
pub use hosts::{Host, Hosts, send};
pub use ledger::{Ledger, exactly_once};
pub use line::{Line, lines};
pub use redis::Redis;
pub use run::{Bench, Ended, Ends, Run, oncegate, plugin};
pub use sentinels::{NAME, Sentinels};
pub use stream::{Entry, effect, effects, entries, produce};
pub use wait::{until, until_within};
pub use wire::{Hits, Moment, Ports, Sequel, Then, Watch, Which, Wire};

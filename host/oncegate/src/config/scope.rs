//! Who handles a message.

use anyhow::{Result, bail};
use oncegate_dedup::Namespace;

use crate::settings::Settings;

/// Who handles a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One of all hosts that share a group and a namespace.
    Group,
    /// Each host once, under this name of its own.
    Host(String),
}

impl Scope {
    /// What the settings say.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        if settings.text("policy.scope") != Some("host") {
            return Ok(Scope::Group);
        }
        let Some(host_id) = settings.text("policy.host_id") else {
            bail!(
                "policy.scope is host and policy.host_id is not set: every host handles each message once, by a \
                 group and a namespace of its own, and they are called by its id: give --host-id, the same after \
                 every restart"
            );
        };
        // With a dot two hosts of two pipelines could come to the same name.
        if host_id.contains('.') || Namespace::new(host_id).is_err() {
            bail!("policy.host_id takes 1 to 64 of the characters A-Z a-z 0-9 _ -, not {host_id:?}");
        }
        Ok(Scope::Host(host_id.to_owned()))
    }

    /// A group or namespace as it is called in this scope.
    pub fn own(&self, name: &str) -> String {
        match self {
            Scope::Group => name.to_owned(),
            Scope::Host(host_id) => format!("{name}.{host_id}"),
        }
    }
}

//! What a component has to look like to be a handler: its names, compared by us, and the version of the contract
//! that they say it was built for.
//!
//! The runtime would link a component that was built for 0.1.7 to 0.1.0, because the two are compatible by
//! semantic versioning. The contract's own rule is stricter: a version is served if the host has it.
//!
//! Each version has a module with its bindings, which turns its words into the sandbox's own and back. Nothing outside of
//! here knows of versions.

mod guest;
#[cfg(test)]
mod tests;
mod v0_1_0;
#[cfg(test)]
mod v0_2_0;
mod version;

use std::collections::BTreeSet;

use oncegate_dedup::text::shown;

pub(crate) use self::guest::{Guest, Pre};
pub(crate) use self::version::Version;
pub use self::version::contract_versions;

use crate::load_error::LoadError;
use crate::wasi::Interface;

/// The contract's package.
const PACKAGE: &str = "oncegate:plugin";
/// The world that all of it makes up.
pub(crate) const WORLD: &str = "oncegate:plugin/handler";

/// How much of a name that the component chose is shown, in bytes, and how many of them at most.
const SHOWN_NAME_BYTES: usize = 120;
const SHOWN_NAMES: usize = 100;

/// Accepts the names of a component's imports and says which version they are of: the newest, if they name none. Or
/// says why not: which versions they name, or all that are neither the contract's nor answered by us.
pub(crate) fn check_imports<'a>(
    imports: impl Iterator<Item = &'a str> + Clone,
) -> Result<Version, LoadError> {
    let named: BTreeSet<&str> = imports.clone().filter_map(version_of).collect();
    let mut named = named.into_iter();
    let version = match (named.next(), named.next()) {
        (None, _) => Version::newest(),
        (Some(one), None) => Version::named(one).ok_or_else(|| not_served(one))?,
        (Some(one), Some(other)) => {
            let more = match named.count() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let [one, other] = [one, other].map(|version| shown(version.as_bytes(), SHOWN_NAME_BYTES));
            return Err(LoadError::Versions { found: format!("{one} and {other}{more}") });
        }
    };
    let foreign: Vec<&str> = imports.filter(|name| !is_granted(name, version)).collect();
    match foreign.is_empty() {
        true => Ok(version),
        false => Err(LoadError::Imports {
            names: list(foreign.into_iter()),
            interfaces: version.interfaces().join(","),
            version: version.as_str(),
        }),
    }
}

fn not_served(found: &str) -> LoadError {
    LoadError::Version {
        found: shown(found.as_bytes(), SHOWN_NAME_BYTES),
        served: contract_versions().collect::<Vec<_>>().join(", "),
        hosts: version::who_serves(found),
        newest: Version::newest().as_str(),
    }
}

fn is_granted(name: &str, version: Version) -> bool {
    let is_ours = interface(name).is_some_and(|interface| version.interfaces().contains(&interface));
    is_ours || Interface::parse(name).is_some()
}

/// The interface of a name of the contract's package, in whatever version.
fn interface(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    rest.split_once('@').map(|(interface, _)| interface)
}

/// The version that stands in a name of the contract's package.
fn version_of(name: &str) -> Option<&str> {
    interface(name)?;
    name.split_once('@').map(|(_, version)| version)
}

/// The versions of the contract that these names mention, each once, escaped.
pub(crate) fn versions<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let versions = names.filter_map(version_of).map(|version| shown(version.as_bytes(), SHOWN_NAME_BYTES));
    versions.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Names that a component chose, in one line.
pub(crate) fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(SHOWN_NAMES);
    let mut shown: Vec<String> =
        names.take(SHOWN_NAMES).map(|name| shown(name.as_bytes(), SHOWN_NAME_BYTES)).collect();
    match (shown.is_empty(), more) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => {
            shown.push(format!("and {more} more"));
            shown.join(", ")
        }
    }
}

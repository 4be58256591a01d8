//! What a component has to look like to be a handler: its names, compared by us.
//!
//! The runtime would link a component that was built for 0.1.7 to 0.1.0, because the two are compatible by
//! semantic versioning. The contract's own rule is stricter: a version is served if the host has it.

use oncegate_dedup::text::shown;

use crate::load_error::LoadError;
use crate::wasi::Interface;

/// The contract's package.
const PACKAGE: &str = "oncegate:plugin";
/// The version that this host serves.
pub(crate) const VERSION: &str = "0.1.0";
/// Everything that a handler may import.
const INTERFACES: [&str; 5] = ["types", "dedup", "output", "log", "config"];
/// The world that all of it makes up.
pub(crate) const WORLD: &str = "oncegate:plugin/handler";

/// How much of a name that the component chose is shown, in bytes, and how many of them at most.
const SHOWN_NAME_BYTES: usize = 120;
const SHOWN_NAMES: usize = 100;

/// Accepts the names of a component's imports, or lists all that are neither the contract's nor answered by us.
pub(crate) fn check_imports<'a>(imports: impl Iterator<Item = &'a str>) -> Result<(), LoadError> {
    let foreign: Vec<&str> = imports.filter(|name| !is_granted(name)).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    match foreign.iter().all(|name| version(name).is_some()) {
        true => Err(LoadError::Version { found: versions(foreign.into_iter()).join(", ") }),
        false => Err(LoadError::Imports { names: list(foreign.into_iter()) }),
    }
}

fn is_granted(name: &str) -> bool {
    let is_ours = INTERFACES.contains(&interface(name).unwrap_or_default()) && version(name) == Some(VERSION);
    is_ours || Interface::parse(name).is_some()
}

/// The interface of a name of the contract's package, in whatever version.
fn interface(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    rest.split_once('@').map(|(interface, _)| interface)
}

fn version(name: &str) -> Option<&str> {
    interface(name)?;
    name.split_once('@').map(|(_, version)| version)
}

/// The versions of the contract that these names mention, each once, escaped.
pub(crate) fn versions<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let versions = names.filter_map(version).map(|version| shown(version.as_bytes(), SHOWN_NAME_BYTES));
    versions.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(imports: &[&str]) -> Result<(), String> {
        check_imports(imports.iter().copied()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_contract_is_granted_in_this_version_only() {
        assert_eq!(check(&["oncegate:plugin/types@0.1.0", "oncegate:plugin/log@0.1.0"]), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        let other = check(&["oncegate:plugin/types@0.1.7", "oncegate:plugin/dedup@0.1.7"]);
        assert_eq!(
            other.unwrap_err(),
            "it was built for version 0.1.7 of oncegate:plugin, and this host serves 0.1.0: build it again \
             with an SDK for 0.1.0"
        );
        for near in ["0.1.00", "0.1.0-rc", "0.1.0 ", "0.1", "00.1.0", "0.1.0@0.1.0"] {
            assert!(check(&[&format!("oncegate:plugin/types@{near}")]).is_err(), "{near}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_name_and_all_of_it_at_once() {
        let error = check(&[
            "wasi:nn/graph@0.2.0",
            "oncegate:plugin/types@0.1.0",
            "wasi:cli/exit@0.2.0",
            "a:b/\u{202e}c@1.0.0",
        ]);
        assert_eq!(
            error.unwrap_err(),
            "it imports what no handler is granted: wasi:nn/graph@0.2.0, a:b/\\u{202e}c@1.0.0; a handler may import \
             oncegate:plugin/{types,dedup,output,log,config}@0.1.0 and \
             wasi:{cli,clocks,filesystem,io,random,sockets,http}@0.2 and nothing else"
        );
        for near in ["oncegate:plugin/admin@0.1.0", "oncegate:plugins/types@0.1.0", "oncegate:plugin/types"] {
            assert!(check(&[near]).is_err(), "{near}");
        }
    }

    #[test]
    fn very_many_names_are_counted() {
        let names: Vec<String> = (0..102).map(|n| format!("n{n}")).collect();
        assert!(list(names.iter().map(String::as_str)).ends_with(", n99, and 2 more"));
    }
}

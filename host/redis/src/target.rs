//! Which primary a part of a call has to be sent to.

use crate::address::Address;
use crate::order::Strings;
use crate::slot::slot_of;

/// Which primary is to be asked. Where there is no cluster, there is one primary, and it is the one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Any.
    Any,
    /// The one that serves this slot.
    Slot(u16),
    /// The one at this address.
    At(Address),
}

impl Target {
    /// Where keys of a cluster are; why not if they are not in one place.
    pub fn of(keys: &Strings) -> Result<Self, String> {
        let mut slots = keys.iter().map(slot_of);
        let Some(slot) = slots.next() else { return Ok(Target::Any) };
        if slots.all(|other| other == slot) {
            return Ok(Target::Slot(slot));
        }
        Err("keys of several slots cannot share a call on a Redis Cluster: give them one hash tag, or ask apart"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(keys: &[&str]) -> Result<Target, String> {
        let mut strings = Strings::default();
        keys.iter().for_each(|key| strings.push(key.as_bytes()));
        Target::of(&strings)
    }

    #[test]
    fn keys_of_one_slot_have_one_place_and_others_none() {
        assert_eq!(target(&[]), Ok(Target::Any));
        assert_eq!(target(&["{a}1", "{a}2", "a"]), Ok(Target::Slot(slot_of(b"a"))));
        assert!(target(&["{a}1", "{b}1"]).unwrap_err().contains("hash tag"));
    }
}

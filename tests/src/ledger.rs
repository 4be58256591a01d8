//! What has become of everything: read from the streams alone, whatever the hosts say.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::group::Group;
use crate::stream::{Entry, entries};

/// The effects and the dead letters.
#[derive(Debug)]
pub struct Ledger {
    /// The outputs, in order.
    pub effects: Vec<Entry>,
    /// The dead letters, in order.
    pub dead: Vec<Entry>,
}

impl Ledger {
    /// Reads both.
    pub fn read(client: &mut Client) -> Self {
        Self { effects: entries(client, "effects"), dead: entries(client, "dead") }
    }

    /// How often each output is there, by its id.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for effect in &self.effects {
            *counts.entry(effect.id()).or_default() += 1;
        }
        counts
    }

    /// The ids that are there more than once.
    pub fn doubled(&self) -> Vec<&str> {
        self.counts().into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id).collect()
    }

    /// Each of these keys has its effect, no other has, and nothing has died. Effects may be there twice.
    pub fn nothing_is_lost(&self, keys: &[String]) {
        let expected: Vec<String> = keys.iter().map(|key| format!("probe/k/{key}/0")).collect();
        let counts = self.counts();
        let lost: Vec<&String> = expected.iter().filter(|id| !counts.contains_key(id.as_str())).collect();
        assert!(lost.is_empty(), "{} are lost: {lost:?}", lost.len());
        let unexpected: Vec<&&str> =
            counts.keys().filter(|id| !expected.iter().any(|known| known == **id)).collect();
        assert!(unexpected.is_empty(), "unexpected: {unexpected:?}");
        assert!(self.dead.is_empty(), "dead: {:?}", self.dead);
        for effect in &self.effects {
            assert_eq!(effect.id(), format!("probe/k/{}/0", effect.payload()), "another key's effect");
        }
    }

    /// Each of these keys has its effect once, no other has one, and nothing has died.
    pub fn is_exact(&self, keys: &[String]) {
        assert_eq!(self.doubled(), Vec::<&str>::new(), "doubled");
        self.nothing_is_lost(keys);
    }
}

/// Everything that was sent is acknowledged, each of these keys has had its effect once, and nothing has died.
pub fn exactly_once(client: &mut Client, keys: &[String]) {
    Group::orders().wait_until_settled(client);
    Ledger::read(client).is_exact(keys);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(key: &str) -> Entry {
        let fields = [("id", format!("probe/k/{key}/0")), ("payload", key.to_owned())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Entry { entry: "1-0".to_owned(), fields }
    }

    fn ledger(effects: &[&str], dead: &[&str]) -> Ledger {
        let entries = |keys: &[&str]| keys.iter().map(|key| effect(key)).collect();
        Ledger { effects: entries(effects), dead: entries(dead) }
    }

    fn complains(ledger: &Ledger) -> bool {
        let keys = ["a", "b"].map(str::to_owned);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ledger.is_exact(&keys))).is_err()
    }

    #[test]
    fn a_ledger_complains_of_what_is_lost_doubled_unexpected_or_dead() {
        assert!(!complains(&ledger(&["b", "a"], &[])));
        assert!(complains(&ledger(&["a"], &[])), "lost");
        assert!(complains(&ledger(&["a", "b", "a"], &[])), "doubled");
        assert!(complains(&ledger(&["a", "b", "c"], &[])), "unexpected");
        assert!(complains(&ledger(&["a", "b"], &["c"])), "dead");
        let mut strange = ledger(&["a", "b"], &[]);
        strange.effects[0].fields[1].1 = "b".to_owned();
        assert!(complains(&strange), "another key's effect");
        assert_eq!(ledger(&["a", "b", "a"], &[]).doubled(), ["probe/k/a/0"]);
    }
}

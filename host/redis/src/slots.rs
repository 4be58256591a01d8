//! Which primary of a cluster serves which slots.

use std::ops::RangeInclusive;

use redis::Value;

use crate::address::Address;
use crate::slot::SLOTS;

/// A primary of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What the cluster calls it.
    pub id: String,
    /// Where it is.
    pub address: Address,
}

/// A cluster's slots as one of its nodes sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    nodes: Vec<Node>,
    /// Slots and the number of their node, lowest slot first.
    ranges: Vec<(RangeInclusive<u16>, usize)>,
}

impl Slots {
    /// Reads the answer to `CLUSTER SLOTS` of the node at `asked`; none if it is of another shape.
    pub fn read(value: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(entries) = value else { return None };
        let mut slots = Self::default();
        for entry in entries {
            let Value::Array(entry) = entry else { return None };
            let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = entry.as_slice() else {
                return None;
            };
            let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
            if first > last || last >= SLOTS {
                return None;
            }
            let node = node(primary, asked)?;
            let known = slots.nodes.iter().position(|known| known.id == node.id);
            let number = known.unwrap_or_else(|| {
                slots.nodes.push(node);
                slots.nodes.len() - 1
            });
            slots.ranges.push((first..=last, number));
        }
        slots.ranges.sort_by_key(|(range, _)| *range.start());
        Some(slots)
    }

    /// The primary that serves a slot.
    pub fn holder(&self, slot: u16) -> Option<&Node> {
        let at = self.ranges.partition_point(|(range, _)| *range.end() < slot);
        let (_, number) = self.ranges.get(at).filter(|(range, _)| range.contains(&slot))?;
        self.nodes.get(*number)
    }

    /// The primaries that serve any.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many slots are served.
    pub fn served(&self) -> usize {
        self.ranges.iter().map(|(range, _)| range.len()).sum()
    }

    /// The slots of the node with this id, lowest first.
    pub fn of(&self, id: &str) -> Vec<RangeInclusive<u16>> {
        let number = self.nodes.iter().position(|node| node.id == id);
        let own = self.ranges.iter().filter(|(_, holder)| Some(*holder) == number);
        own.map(|(range, _)| range.clone()).collect()
    }
}

fn node(values: &[Value], asked: &Address) -> Option<Node> {
    let [host, Value::Int(port), Value::BulkString(id), ..] = values else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::Nil => "",
        _ => return None,
    };
    // A node that does not know how others see it is where it was asked.
    let host = if host.is_empty() { asked.host() } else { host };
    let port = u16::try_from(*port).ok().filter(|port| *port != 0)?;
    Some(Node { id: String::from_utf8(id.clone()).ok()?, address: Address::new(host, port) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::parse_redis_value;

    /// Entries of first slot, last slot, host, port and id, as a node gives them.
    fn read(entries: &[(u16, u16, &str, u16, &str)]) -> Option<Slots> {
        let mut text = format!("*{}\r\n", entries.len());
        for (first, last, host, port, id) in entries {
            let host = match *host {
                "nil" => "_\r\n".to_owned(),
                host => format!("${}\r\n{host}\r\n", host.len()),
            };
            text += &format!("*4\r\n:{first}\r\n:{last}\r\n*3\r\n{host}:{port}\r\n${}\r\n{id}\r\n", id.len());
            // A replica, which is of no interest.
            text += "*3\r\n$1\r\nr\r\n:9\r\n$1\r\nr\r\n";
        }
        Slots::read(&parse_redis_value(text.as_bytes()).unwrap(), &Address::new("asked", 1))
    }

    #[test]
    fn each_slot_has_the_primary_that_serves_it_or_none() {
        let slots =
            read(&[(100, 200, "b", 2, "B"), (0, 98, "a", 1, "A"), (300, 16383, "a", 1, "A")]).unwrap();
        let holder = |slot| slots.holder(slot).map(|node| node.address.to_string());
        for (slot, expected) in
            [(0, "a:1"), (98, "a:1"), (100, "b:2"), (200, "b:2"), (300, "a:1"), (16383, "a:1")]
        {
            assert_eq!(holder(slot).as_deref(), Some(expected), "{slot}");
        }
        for slot in [99, 201, 299] {
            assert_eq!(holder(slot), None, "{slot}");
        }
        assert_eq!(slots.nodes().len(), 2);
        assert_eq!(slots.served(), 16384 - 1 - 99);
        assert_eq!(slots.of("A"), [0..=98, 300..=16383]);
        assert_eq!(slots.of("C"), []);
    }

    #[test]
    fn a_node_that_does_not_know_its_host_is_where_it_was_asked() {
        for host in ["", "nil"] {
            let slots = read(&[(0, 16383, host, 7000, "A")]).unwrap();
            assert_eq!(slots.nodes()[0].address, Address::new("asked", 7000));
        }
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        assert_eq!(read(&[]), Some(Slots::default()));
        assert_eq!(read(&[(5, 4, "a", 1, "A")]), None);
        assert_eq!(read(&[(0, 16384, "a", 1, "A")]), None);
        assert_eq!(read(&[(0, 1, "a", 0, "A")]), None);
        assert_eq!(Slots::read(&Value::Okay, &Address::new("asked", 1)), None);
    }
}

//! What kind of servers there are, which pipelines run on them, and what is changed where a run has to fail.

/// The servers that sources, records and the atomic pipeline's sink are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One server.
    Single,
    /// Three masters of a cluster.
    Cluster,
    /// A primary, its replica, and sentinels.
    Sentinel,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 3] = [Shape::Single, Shape::Cluster, Shape::Sentinel];

    /// Its name on the command line and in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Single => "single",
            Shape::Cluster => "cluster",
            Shape::Sentinel => "sentinel",
        }
    }
}

/// A run that the checker has to find fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The hosts claim and withhold nothing.
    NoDedup,
    /// Not the hosts, but an adapter as most articles write it.
    Plain,
}

impl Control {
    /// All of them.
    pub const ALL: [Control; 2] = [Control::NoDedup, Control::Plain];

    /// Its name on the command line and in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Control::NoDedup => "no-dedup",
            Control::Plain => "plain",
        }
    }
}

/// A pipeline that every host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pipeline {
    /// Source, records and sink on one server: one step settles.
    Atomic,
    /// The sink on a second server: effects, marks and acknowledgements are one after the other.
    Ordered,
}

/// The hash tag of what lies in one slot of a cluster.
pub const TAG: &str = "chaos";

/// The group that all hosts are of.
pub const GROUP: &str = "g";

impl Pipeline {
    /// Both.
    pub const ALL: [Pipeline; 2] = [Pipeline::Atomic, Pipeline::Ordered];

    /// Its name, which is its namespace, too.
    pub fn name(self) -> &'static str {
        match self {
            Pipeline::Atomic => "atomic",
            Pipeline::Ordered => "ordered",
        }
    }

    /// What it reads.
    pub fn source(self) -> String {
        self.stream("orders")
    }

    /// Where its effects go.
    pub fn effects(self) -> String {
        self.stream("effects")
    }

    /// Where its dead letters go.
    pub fn dead(self) -> String {
        self.stream("dead")
    }

    /// What has to be in one step has one tag.
    fn stream(self, what: &str) -> String {
        match self {
            Pipeline::Atomic => format!("{{{TAG}}}atomic-{what}"),
            Pipeline::Ordered => format!("ordered-{what}"),
        }
    }

    /// Whose this stream is.
    pub fn of_stream(stream: &[u8]) -> Option<Self> {
        let begins = |pipeline: &Pipeline| {
            let name = pipeline.source();
            let own = &name.as_bytes()[..name.len() - "orders".len()];
            stream.starts_with(own)
        };
        Self::ALL.into_iter().find(begins)
    }

    /// The key whose record has this name, if it is one of this pipeline's.
    pub fn key_of(self, record: &[u8]) -> Option<&str> {
        let record = std::str::from_utf8(record).ok()?;
        let rest = record.strip_prefix("oncegate:1:")?;
        let rest = rest.strip_prefix(&format!("{{{TAG}}}")).unwrap_or(rest);
        rest.strip_prefix(self.name())?.strip_prefix(":k:")
    }

    /// The id of the one effect of a key.
    pub fn effect_of(self, key: &str) -> String {
        format!("{}/k/{key}/0", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_records_are_known_by_their_names() {
        for pipeline in Pipeline::ALL {
            for stream in [pipeline.source(), pipeline.effects(), pipeline.dead()] {
                assert_eq!(Pipeline::of_stream(stream.as_bytes()), Some(pipeline));
            }
        }
        assert_eq!(Pipeline::of_stream(b"orders"), None);
        assert_eq!(Pipeline::Ordered.key_of(b"oncegate:1:ordered:k:e1"), Some("e1"));
        assert_eq!(Pipeline::Ordered.key_of(b"oncegate:1:{chaos}ordered:k:e1"), Some("e1"));
        assert_eq!(Pipeline::Atomic.key_of(b"oncegate:1:ordered:k:e1"), None);
        assert_eq!(Pipeline::Ordered.key_of(b"ordered-orders"), None);
    }
}

//! Linear memories and tables of one instance, counted together.

use std::fmt;

use wasmtime::ResourceLimiter;

use crate::engine::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::limits::Limits;
use crate::unit::Size;

/// Counts what an instance has, and remembers what it was refused: a guest that is refused memory dies of
/// something else a moment later, and nobody could tell why.
#[derive(Debug)]
pub(crate) struct Room {
    memory: Resource,
    tables: Resource,
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Linear memory, at so many bytes.
    Memory(usize),
    /// Tables, at so many elements.
    Tables(usize),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(limit) => write!(f, "memory limit {} reached", Size(*limit)),
            Self::Tables(limit) => write!(f, "table limit {limit} elements reached"),
        }
    }
}

#[derive(Debug)]
struct Resource {
    limit: usize,
    used: usize,
    refused: bool,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let resource = |limit| Resource { limit, used: 0, refused: false };
        Self { memory: resource(limits.memory_bytes), tables: resource(limits.table_elements) }
    }

    /// A new invocation: what an earlier one was refused says nothing of this one.
    pub(crate) fn forget_refusals(&mut self) {
        self.memory.refused = false;
        self.tables.refused = false;
    }

    /// What this invocation was refused.
    pub(crate) fn refused(&self) -> Option<Refused> {
        match (self.memory.refused, self.tables.refused) {
            (true, _) => Some(Refused::Memory(self.memory.limit)),
            (_, true) => Some(Refused::Tables(self.tables.limit)),
            _ => None,
        }
    }

    /// Bytes of all memories.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.used
    }
}

impl Resource {
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let more = desired.saturating_sub(current);
        if self.used.saturating_add(more) > self.limit {
            self.refused = true;
            return false;
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own maximum, or the pool's. It cannot grow, so that nothing is to be counted.
            return false;
        }
        self.used += more;
        true
    }
}

// Growth that was allowed and then failed stays counted. It does not happen unless the system is out of memory,
// while `memory_grow_failed` is also called for growth that nobody was asked about (of a memory with pages of
// one byte): taking back there what was counted last, a guest could have any growth forgotten.
impl ResourceLimiter for Room {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired, maximum))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_count_together() {
        let mut room = Room::new(&Limits { memory_bytes: 100, ..Limits::default() });
        assert!(room.memory_growing(0, 60, None).unwrap());
        assert!(!room.memory_growing(60, 90, Some(80)).unwrap());
        assert_eq!(room.refused(), None, "its own maximum is no limit of ours");
        assert!(!room.memory_growing(0, 41, None).unwrap());
        assert_eq!(room.refused(), Some(Refused::Memory(100)));
        assert!(room.memory_growing(0, 40, None).unwrap());
        assert_eq!(room.memory_bytes(), 100);
        room.forget_refusals();
        assert_eq!(room.refused(), None);
    }

    #[test]
    fn asking_for_the_impossible_makes_no_growth_forgotten() {
        let mut room = Room::new(&Limits { memory_bytes: 100, ..Limits::default() });
        assert!(room.memory_growing(0, 60, None).unwrap());
        room.memory_grow_failed(wasmtime::Error::msg("beyond 4 GiB")).unwrap();
        assert!(!room.memory_growing(60, 120, None).unwrap());
    }
}

//! What belongs to whoever changes settled records: one at a time.

/// The state behind the store's turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// The last group that was written.
    pub group: u64,
    /// Before this time nothing in the expiry index is due.
    pub next_due_ms: u64,
    /// Where the expiry index begins: in front of it are only the remains of removed pages, which are slow
    /// to skip until the tree has compacted them.
    pub first_page: Vec<u8>,
    /// Tells pages of the same deadline apart.
    pub page_serial: u64,
}

impl Turn {
    /// The state of a store that was just opened; `group` is the last group that was written.
    pub fn new(group: u64) -> Self {
        Self { group, next_due_ms: 0, first_page: Vec::new(), page_serial: 0 }
    }
}

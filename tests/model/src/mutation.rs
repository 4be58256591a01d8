//! The protocol with one of its rules taken out.
//!
//! "Row" is a row of the list of what goes wrong in de-duplication, "rule" a rule of the protocol. Where a rule says
//! more than one thing, each of them is taken out by itself.

/// One rule taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is said in words by `sentence`")]
pub enum Mutation {
    Row1,
    Row2,
    Row3,
    Row4,
    Row5,
    Row6,
    Row7,
    Row8,
    Row9,
    Row10,
    Row11,
    Row13,
    Row14,
    Row15,
    Row17,
    Row29,
    Row29Gone,
    Row31,
    Row32,
    Rule1,
    Rule3,
    Rule7,
    Rule7InProcess,
    Rule9,
    Rule9Repeat,
    Rule10,
    Rule11Forgotten,
    Rule11Absent,
    Rule11Out,
    Rule14Ack,
    Rule14Dead,
    Rule14Requeue,
    Rule14Fence,
    Rule16,
    Rule18Epoch,
    Rule18Early,
    Rule19,
    Rule19Absent,
    Rule20,
    Rule20Present,
    Rule24,
}

impl Mutation {
    /// All of them, in the order of the lists.
    pub const ALL: [Mutation; 41] = [
        Self::Row1,
        Self::Row2,
        Self::Row3,
        Self::Row4,
        Self::Row5,
        Self::Row6,
        Self::Row7,
        Self::Row8,
        Self::Row9,
        Self::Row10,
        Self::Row11,
        Self::Row13,
        Self::Row14,
        Self::Row15,
        Self::Row17,
        Self::Row29,
        Self::Row29Gone,
        Self::Row31,
        Self::Row32,
        Self::Rule1,
        Self::Rule3,
        Self::Rule7,
        Self::Rule7InProcess,
        Self::Rule9,
        Self::Rule9Repeat,
        Self::Rule10,
        Self::Rule11Forgotten,
        Self::Rule11Absent,
        Self::Rule11Out,
        Self::Rule14Ack,
        Self::Rule14Dead,
        Self::Rule14Requeue,
        Self::Rule14Fence,
        Self::Rule16,
        Self::Rule18Epoch,
        Self::Rule18Early,
        Self::Rule19,
        Self::Rule19Absent,
        Self::Rule20,
        Self::Rule20Present,
        Self::Rule24,
    ];

    /// Which row or rule it takes out.
    pub fn of(self) -> &'static str {
        self.said().0
    }

    /// What goes on without it.
    pub fn sentence(self) -> &'static str {
        self.said().1
    }

    fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::Row1 => ("row 1", "a free key is looked at in one step and claimed in another"),
            Self::Row2 => ("row 2", "a claim marks the key as committed before the handler has run"),
            Self::Row3 => ("row 3", "a claim has no lease"),
            Self::Row4 => ("row 4", "the handler may run longer than its lease"),
            Self::Row5 => ("row 5", "a commit does not compare fences"),
            Self::Row6 => {
                ("row 6", "a commit is refused because its lease ran out, though nobody took the key")
            }
            Self::Row7 => ("row 7", "a release does not compare fences"),
            Self::Row8 => ("row 8", "an orphan is looked at in one step and taken over in another"),
            Self::Row9 => ("row 9", "a fence is a sequence alone"),
            Self::Row10 => ("row 10", "a claim that is asked for again meets itself as a duplicate"),
            Self::Row11 => ("row 11", "a commit that is made again by the same attempt is refused"),
            Self::Row13 => ("row 13", "the cache remembers what is in flight"),
            Self::Row14 => ("row 14", "the cache outlives the window"),
            Self::Row15 => ("row 15", "nobody tells the cache what an operator forgot"),
            Self::Row17 => ("row 17", "a delivery is acknowledged before the replicas have its marks"),
            Self::Row29 => ("row 29", "a key in flight counts as a duplicate"),
            Self::Row29Gone => (
                "row 29",
                "a duplicate is acknowledged although a failover has undone the mark that it was told of",
            ),
            Self::Row31 => ("row 31", "a crash does not count"),
            Self::Row32 => ("row 32", "the dead mark is made before the dead letter"),
            Self::Rule1 => ("rule 1", "an attempt's id is derived from its message"),
            Self::Rule3 => ("rule 3", "the clock is not looked at between the fences and the first output"),
            Self::Rule7 => ("rule 7", "a handler's ok is ok, whatever it was told"),
            Self::Rule7InProcess => {
                ("rule 7", "in one process, a duplicate is answered before the leader's commit is durable")
            }
            Self::Rule9 => {
                ("rule 9", "a settle applies the keys that it still holds, and all of its outputs")
            }
            Self::Rule9Repeat => ("rule 9", "a settle that is repeated does not know what it did"),
            Self::Rule10 => ("rule 10", "a refused settle acknowledges all the same"),
            Self::Rule11Forgotten => {
                ("rule 11", "a late commit is taken although an operator forgot the key")
            }
            Self::Rule11Absent => ("rule 11", "a late commit is taken although its record is gone"),
            Self::Rule11Out => ("rule 11", "a late commit is refused although its outputs are out"),
            Self::Rule14Ack => ("rule 14", "a dead key lets every delivery be acknowledged"),
            Self::Rule14Dead => {
                ("rule 14", "a duplicate is acknowledged by whatever mark its key bears on a new primary")
            }
            Self::Rule14Requeue => ("rule 14", "a requeue clears whatever record it finds"),
            Self::Rule14Fence => ("rule 14", "dead letter, mark and acknowledgement are not fenced"),
            Self::Rule16 => ("rule 16", "an attempt that holds a claim waits for another key"),
            Self::Rule18Epoch => ("rule 18", "the cache outlives the store's epoch"),
            Self::Rule18Early => ("rule 18", "the cache is filled before the settle is confirmed"),
            Self::Rule19 => ("rule 19", "a reply under way fills the cache after an invalidation"),
            Self::Rule19Absent => ("rule 19", "a forget leaves an absent key"),
            Self::Rule20 => ("rule 20", "a new epoch hands out absent keys at once"),
            Self::Rule20Present => {
                ("rule 20", "a new epoch hands out keys at once whose last claim may have been forgotten")
            }
            Self::Rule24 => ("rule 24", "a settle does not ask whose the entry is"),
        }
    }
}

/// What the protocol lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking(pub Option<Mutation>);

impl Lacking {
    /// Nothing: the protocol as it is.
    pub const NOTHING: Lacking = Lacking(None);

    /// Whether this is what it lacks.
    pub fn has(self, mutation: Mutation) -> bool {
        self.0 == Some(mutation)
    }
}

//! What can happen, by name: for histories that are printed, and to count what was met.

use std::fmt;

/// One thing that happened: what, to whom, and over which key or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// What.
    pub kind: Kind,
    /// Which worker or host.
    pub who: u8,
    /// Which key or message.
    pub what: u8,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $nature:ident $words:literal,)*) => {
        /// Each kind of thing that can happen. In its words `W` is the worker, `H` the host, `K` the key and `M` the
        /// message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is said in words by `words`")]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// What happens.
            pub fn words(self) -> &'static str {
                match self { $(Kind::$kind => $words,)* }
            }

            /// Whose doing it is.
            pub fn nature(self) -> Nature {
                match self { $(Kind::$kind => Nature::$nature,)* }
            }
        }
    };
}

/// Whose doing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The protocol's own: it goes on like this until all is settled.
    Course,
    /// A fault, or one that comes out of it.
    Fault,
    /// Something that may happen and need not: a handler fails, a window ends, an operator does something.
    Chance,
    /// It takes a rule away to let it happen; apart from that it is course.
    Mutant,
}

kinds! {
    Deliver Course "W is given M",
    CacheHit Course "W finds K in its host's cache",
    CacheMismatch Course "W finds K in its host's cache, for another payload",
    Look Mutant "W looks at K, and finds it free",
    First Course "W claims K, which was absent or released",
    TakesOver Course "W claims K, whose lease is over",
    Owned Course "W asks for K again, and finds its own claim",
    Waits Course "W waits for K, which is in flight",
    WaitsInProcess Course "W waits for K, which another worker of its host asked for",
    InFlight Course "W is told that K is in flight, and puts its delivery off",
    Quarantined Course "W is told that K is in flight, because the epoch is new",
    Duplicate Course "the store answers W that K is committed",
    Hears Course "W hears that K is committed",
    Mismatch Course "W meets K committed for another payload",
    DiedBefore Course "W meets K dead, over this very delivery",
    MetDead Course "W meets K dead, over another delivery",
    Suspect Course "W is told that K is a suspect, and will run alone",
    DiedAlone Course "W is told that K's last host died although it ran alone",
    Ok Course "W's handler returns ok",
    Fails Chance "W's handler asks for a retry",
    UsedUp Chance "W's handler asks for a retry once too often",
    Rejects Chance "W's handler rejects M",
    PoisonKills Course "W's handler takes its host down over M",
    Releases Course "W releases its claims, and M is made again",
    Settles Course "W settles M in one step",
    SettlesLate Course "W settles M in one step, on a claim that was released",
    SettledBefore Course "W settles M again, and finds that it did",
    Refused Course "W's settle is refused, because K is somebody else's",
    NotHeld Course "W's fences do not hold: a key of its is nobody's by now",
    MarkGone Course "W's settle does nothing, because the mark of K that it was told of is gone",
    NotPending Course "W's settle does nothing, because M is somebody else's",
    Confirmed Course "W hears that M is settled",
    Checks Course "W's fences hold",
    TooLate Course "W's fences hold, but by its own clock it is too late",
    Outputs Course "W puts its outputs out",
    PutsLetter Course "W writes the dead letter of M",
    Marks Course "W marks its keys",
    MarksLate Course "W marks its keys, one of which was no longer claimed",
    MarkedBefore Course "W marks its keys again, and finds that it did",
    MarkRefused Course "W's marks are refused, because K is somebody else's",
    Replicated Course "W hears that the replicas have its marks",
    Acks Course "W acknowledges M",
    AckNotOurs Course "W leaves M to be acknowledged by whoever has it",
    LosesClaimReply Fault "the reply to W's claim of K is lost",
    LosesSettleReply Fault "the reply to W's settle is lost",
    Crashes Fault "H crashes",
    Pauses Fault "H is paused",
    Wakes Course "H goes on",
    RunsOut Fault "W's own timer ends its handler",
    MarksSlowly Fault "W's own timer ends while its marks are not made",
    Redelivers Fault "the source gives M out again while W handles it",
    TakenFromPaused Course "the source takes M from W, whose host is paused",
    Lapses Course "the lease of K runs out",
    KeepEnds Chance "the record of K is gone",
    WindowEnds Chance "the window of K ends",
    Lags Fault "the server's replica stops to follow",
    Follows Course "the server's replica follows again",
    FailsOver Fault "the replica takes the server's place",
    QuarantineEnds Course "the longest lease since the epoch began is over",
    Empties Fault "the store restarts with nothing in it",
    Accepts Course "an operator accepts the empty store",
    Forgets Chance "an operator forgets K",
    Invalidates Course "H hears that K was forgotten",
    RequeueClears Chance "an operator requeues M: its dead keys are cleared",
    RequeueAppends Course "an operator requeues M: it is delivered again",
}

impl Kind {
    /// Whether it happens without anything going wrong and without anybody's doing.
    pub fn is_course(self) -> bool {
        matches!(self.nature(), Nature::Course | Nature::Mutant)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.kind.words().split(' ').peekable();
        while let Some(word) = words.next() {
            let letters = word.trim_end_matches([',', ':']).trim_end_matches("'s");
            let rest = word.get(letters.len()..).unwrap_or_default();
            match letters {
                "W" => write!(f, "worker {}{rest}", self.who)?,
                "H" => write!(f, "host {}{rest}", self.who)?,
                "K" => write!(f, "key {}{rest}", self.what)?,
                "M" => write!(f, "message {}{rest}", self.what)?,
                _ => f.write_str(word)?,
            }
            if words.peek().is_some() {
                f.write_str(" ")?;
            }
        }
        Ok(())
    }
}

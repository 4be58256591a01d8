//! The scripts that keep records.

use std::sync::LazyLock;

use oncegate_redis::Script;

/// What a script needs that settles records together with something else: the functions `judged_all` and `write_all`,
/// and what they are made of.
pub const FRAGMENT: &str = concat!(include_str!("record.lua"), include_str!("judge.lua"));

macro_rules! script {
    ($name:ident, $what:literal, $($part:expr),+) => {
        #[doc = $what]
        pub static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($($part),+)));
    };
}

script!(CLAIM, "Claims keys.", include_str!("record.lua"), include_str!("claim.lua"));
script!(
    SETTLE,
    "Settles deliveries.",
    "local WRITE = true\n",
    include_str!("record.lua"),
    include_str!("judge.lua"),
    include_str!("settle.lua")
);
script!(
    CHECK,
    "Says how deliveries would be settled.",
    "local WRITE = false\n",
    include_str!("record.lua"),
    include_str!("judge.lua"),
    include_str!("settle.lua")
);
script!(LOOK, "Reads records.", include_str!("record.lua"), include_str!("look.lua"));
script!(
    FORGET,
    "Forgets keys.",
    include_str!("record.lua"),
    include_str!("operator.lua"),
    include_str!("forget.lua")
);
script!(
    COMMIT,
    "Commits keys by an operator's word.",
    include_str!("record.lua"),
    include_str!("operator.lua"),
    include_str!("commit.lua")
);
script!(
    REQUEUE,
    "Makes dead keys claimable again.",
    include_str!("record.lua"),
    include_str!("operator.lua"),
    include_str!("requeue.lua")
);
script!(ACCOUNT, "Keeps what namespaces take.", include_str!("account.lua"));
script!(SCAN, "Finds names.", include_str!("scan.lua"));

/// Those that may be called without a question, to see that the user may.
pub fn all() -> [Script; 7] {
    [&CLAIM, &SETTLE, &CHECK, &LOOK, &FORGET, &COMMIT, &REQUEUE].map(|script| (**script).clone())
}

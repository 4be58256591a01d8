//! The scripts that work on streams.

use std::sync::LazyLock;

use oncegate_redis::Script;

/// What a script that settles deliveries needs of streams, to be joined with what it needs of the store: pure local
/// functions in Lua, which check or write and never both.
///
/// - `owned(stream, group, consumer, id, count)`: `'ours'`, `'other'`, `'gone'`, or `'refused'` and the server's words.
/// - `appendable(stream)`: whether a stream, or nothing, is there.
/// - `append(stream, first, last)`: appends the entry whose fields are the script's arguments from `first` to `last`,
///   names and values by turns: at most [`MOST_FIELDS`](super::MOST_FIELDS) fields.
/// - `acknowledge(stream, group, id)`: ends an entry that is ours.
///
/// All that can refuse has to be asked before the first write. From the first write on Redis 7.0 refuses no further
/// one of the same script for want of memory, of a disk or of replicas; before it, nothing was done.
pub const FRAGMENT: &str = include_str!("lua/fragment.lua");

/// Counts what left a stream unread. It runs before each read, on the connection that reads.
pub const GAP: &str = include_str!("lua/gap.lua");

macro_rules! scripts {
    ($group:ident: $($name:ident = $file:literal),+ $(,)?) => {
        $(
            #[doc = concat!("`", $file, "`.")]
            pub static $name: LazyLock<Script> = LazyLock::new(|| {
                let parts = [FRAGMENT, include_str!(concat!("lua/", $file)), include_str!("lua/each.lua")];
                Script::new(parts.concat())
            });
        )+

        /// Those that may be called without a question, to see that the user may.
        pub fn $group() -> Vec<Script> {
            vec![$(Script::clone(&$name)),+]
        }
    };
}

scripts!(of_source:
    START = "start.lua",
    FIND = "find.lua",
    TAKE = "take.lua",
    KEEP = "keep.lua",
    TOUCH = "touch.lua",
    ACKNOWLEDGE = "acknowledge.lua",
    HAND_BACK = "hand_back.lua",
    CLOSE = "close.lua",
    CLEAN = "clean.lua",
);

scripts!(of_sink:
    SINK_START = "sink_start.lua",
    APPEND = "append.lua",
);

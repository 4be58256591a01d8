//! The scripts that run inside Redis.
//!
//! Each takes any number of keys with arguments for each of them, one behind the other, and answers one value
//! for each part. So calls of different tasks can be joined into one by putting them behind one another.

/// Which script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Claims keys.
    Claim,
    /// Settles deliveries.
    Settle,
    /// Says how deliveries would be settled.
    Check,
    /// Reads records.
    Look,
    /// Forgets keys.
    Forget,
    /// Finds names.
    Scan,
}

impl Script {
    /// All of them, each at the place that its number says.
    pub const ALL: [Script; 6] =
        [Script::Claim, Script::Settle, Script::Check, Script::Look, Script::Forget, Script::Scan];

    /// The code.
    pub const fn source(self) -> &'static str {
        match self {
            Script::Claim => concat!(include_str!("record.lua"), include_str!("claim.lua")),
            Script::Settle => {
                concat!("local WRITE = true\n", include_str!("record.lua"), include_str!("settle.lua"))
            }
            Script::Check => {
                concat!("local WRITE = false\n", include_str!("record.lua"), include_str!("settle.lua"))
            }
            Script::Look => concat!(include_str!("record.lua"), include_str!("look.lua")),
            Script::Forget => concat!(include_str!("record.lua"), include_str!("forget.lua")),
            Script::Scan => include_str!("scan.lua"),
        }
    }

    /// What Redis calls it: the SHA-1 of its code.
    pub fn digest(self) -> String {
        redis::Script::new(self.source()).get_hash().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_stands_at_its_number() {
        for (number, script) in Script::ALL.into_iter().enumerate() {
            assert_eq!(script as usize, number);
        }
    }
}

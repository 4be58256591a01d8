//! What was dropped, in one line.

use std::fmt;

/// What is in force. Shown, it is one line without an end: what was dropped, and what could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    pub(crate) landlock: Landlock,
    pub(crate) seccomp: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landlock {
    /// Why there is none.
    None(&'static str),
    /// Files, and what newer kernels have.
    Of {
        /// Whether TCP is restricted.
        tcp: bool,
        /// Whether connections are kept.
        connects: bool,
        /// Whether signals and abstract sockets end at this process and its children.
        scope: bool,
    },
}

impl Dropped {
    /// Whether everything is in force that this program knows of.
    pub fn is_complete(&self) -> bool {
        self.missing().is_empty()
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        match self.landlock {
            Landlock::None(why) => missing.push(format!("landlock ({why})")),
            Landlock::Of { tcp, scope, .. } => {
                let parts =
                    [(tcp, "landlock for TCP (Linux 6.7)"), (scope, "landlock for signals (Linux 6.12)")];
                missing.extend(parts.iter().filter(|(there, _)| !there).map(|(_, name)| (*name).to_owned()));
            }
        }
        if !self.seccomp {
            missing.push("seccomp (not in this kernel)".to_owned());
        }
        missing
    }

    fn in_force(&self) -> Vec<String> {
        let mut parts = vec!["no new privileges".to_owned()];
        if let Landlock::Of { tcp, connects, scope } = self.landlock {
            let mut of = vec!["files"];
            of.extend(tcp.then_some(if connects { "TCP listening" } else { "TCP" }));
            of.extend(scope.then_some("signals"));
            parts.push(format!("landlock ({})", of.join(", ")));
        }
        if self.seccomp {
            parts.push("seccomp".to_owned());
        }
        parts
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rights dropped: {}", self.in_force().join(", "))?;
        match self.missing() {
            missing if missing.is_empty() => Ok(()),
            missing => write!(f, "; not to be had here: {}", missing.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_is_in_force_and_what_is_not() {
        let landlock = Landlock::Of { tcp: true, connects: false, scope: true };
        let all = Dropped { landlock, seccomp: true };
        assert_eq!(
            all.to_string(),
            "rights dropped: no new privileges, landlock (files, TCP, signals), seccomp"
        );
        assert!(all.is_complete());
        let landlock = Landlock::Of { tcp: true, connects: true, scope: false };
        assert_eq!(
            Dropped { landlock, ..all }.to_string(),
            "rights dropped: no new privileges, landlock (files, TCP listening), seccomp; not to be had here: \
             landlock for signals (Linux 6.12)"
        );
        let none = Dropped { landlock: Landlock::None("not in this kernel"), seccomp: false };
        assert_eq!(
            none.to_string(),
            "rights dropped: no new privileges; not to be had here: landlock (not in this kernel), seccomp (not \
             in this kernel)"
        );
        assert!(!none.is_complete());
    }
}

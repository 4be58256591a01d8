//! The versions of the contract: which this host serves, and which host serves another one.

/// A version that this host serves. Each has a module of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V0_1_0,
    /// Never published: it shows that a changed contract can be served beside the one before.
    #[cfg(test)]
    V0_2_0,
}

/// What this host serves, the newest last.
pub(crate) const SERVED: &[Version] = &[
    Version::V0_1_0,
    #[cfg(test)]
    Version::V0_2_0,
];

impl Version {
    /// As it stands in the names of imports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            #[cfg(test)]
            Self::V0_2_0 => "0.2.0",
        }
    }

    /// What a handler of this version may import of the contract.
    pub(crate) const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::V0_1_0 => &["types", "dedup", "output", "log", "config"],
            #[cfg(test)]
            Self::V0_2_0 => &["types", "dedup", "output", "log", "config"],
        }
    }

    /// The version of exactly this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        SERVED.iter().copied().find(|version| version.as_str() == name)
    }

    /// What a component is taken for that names none.
    pub(crate) fn newest() -> Self {
        SERVED.last().copied().unwrap_or(Self::V0_1_0)
    }
}

/// The versions of the contract that this host serves, as they stand in the names of a handler's imports, the newest
/// last.
pub fn contract_versions() -> impl Iterator<Item = &'static str> {
    SERVED.iter().copied().map(Version::as_str)
}

/// A version that was published, and the releases of oncegate that serve it.
#[derive(Debug, Clone, Copy)]
struct Published {
    version: &'static str,
    since: &'static str,
    /// The last one; none if this host is one of them.
    until: Option<&'static str>,
}

/// Every version that was published. A row is added with it, and is completed, never removed, when it is no longer
/// served.
const PUBLISHED: &[Published] = &[Published { version: "0.1.0", since: "0.1.0", until: None }];

/// Which host serves a version that this one does not, as far as this one can know.
pub(crate) fn who_serves(version: &str) -> String {
    who_serves_by(PUBLISHED, version)
}

fn who_serves_by(published: &[Published], version: &str) -> String {
    if let Some(Published { since, until: Some(until), .. }) =
        published.iter().find(|published| published.version == version)
    {
        return match since == until {
            true => format!("oncegate {since} serves it"),
            false => format!("oncegate {since} to {until} serves it"),
        };
    }
    let newest = published.iter().filter_map(|published| parts(published.version)).max();
    match parts(version) > newest {
        true => "a newer oncegate may serve it (`oncegate --version` says what a host serves)".to_owned(),
        false => "no oncegate up to this one serves it".to_owned(),
    }
}

/// The three numbers of a version, whatever stands behind them.
fn parts(version: &str) -> Option<[u64; 3]> {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let number = |text: &str| {
        let is_plain = text == "0" || !text.starts_with('0');
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
            .filter(|_| is_plain)
    };
    let numbers: Option<Vec<u64>> = numbers.split('.').map(number).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn exactly_a_version_s_own_name_is_that_version() {
        assert_eq!(Version::named("0.1.0"), Some(Version::V0_1_0));
        for near in ["0.1.00", "0.1.0-rc", "0.1.0+1", "0.1.0 ", "0.1", "00.1.0", "0.1.1", ""] {
            assert_eq!(Version::named(near), None, "{near}");
        }
    }

    #[test]
    fn it_is_said_which_host_serves_a_version() {
        let published = [
            Published { version: "0.1.0", since: "0.1.0", until: Some("0.1.0") },
            Published { version: "0.2.0", since: "0.1.0", until: Some("0.4.2") },
            Published { version: "1.0.0", since: "0.4.0", until: None },
        ];
        let said = |version| who_serves_by(&published, version);
        assert_eq!(said("0.1.0"), "oncegate 0.1.0 serves it");
        assert_eq!(said("0.2.0"), "oncegate 0.1.0 to 0.4.2 serves it");
        for newer in ["1.0.1", "1.10.0", "2.0.0-rc.1", "18446744073709551615.0.0"] {
            assert!(said(newer).starts_with("a newer oncegate may serve it"), "{newer}");
        }
        for never in ["0.3.0", "1.0.0-rc", "01.2.0", "1.2", "1.2.3.4", "+1.2.3", "2", "", "latest"] {
            assert_eq!(said(never), "no oncegate up to this one serves it", "{never}");
        }
    }

    /// What a run without tests serves, and nothing else, has its folder in `wit` and says that it is served.
    #[test]
    fn what_is_published_is_what_is_served_and_lies_in_the_folder_of_the_contract() {
        let current = PUBLISHED.iter().filter(|published| published.until.is_none());
        let current: Vec<&str> = current.map(|published| published.version).collect();
        let served: Vec<&str> = contract_versions().filter(|version| *version != "0.2.0").collect();
        assert_eq!(current, served);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/plugin");
        let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let folders = folders.filter(|entry| entry.path().is_dir());
        let mut folders: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
        let mut published: Vec<_> = PUBLISHED.iter().map(|published| published.version).collect();
        folders.sort();
        published.sort();
        assert_eq!(folders, published);
    }
}

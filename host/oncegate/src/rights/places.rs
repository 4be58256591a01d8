//! The places that a run needs, each with what is done there.

use std::path::{Path, PathBuf};

use oncegate_rights::{Access, Keep};

use crate::compiling::Compiling;
use crate::config::{Config, Input, Target};
use crate::stores::StoreUrl;

/// How many links are followed on the way to a file.
const MOST_LINKS: usize = 40;

/// What any process of this program needs: itself, what the kernel says of it, and the cache of its compiler.
pub(super) fn of_process(keep: &mut Keep, compiling: &Compiling) {
    for path in mapped() {
        // The loader is run with the program; a library is only read.
        let access = match path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld")) {
            true => Access::Run,
            false => Access::Read,
        };
        keep.place(&path, access);
    }
    keep.place("/proc/self/exe".as_ref(), Access::Run);
    keep.program(compiling.program.kept());
    let read = [
        "/etc/ld.so.cache",
        "/proc/self",
        "/proc/locks",
        "/proc/sys/kernel",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
        "/dev/urandom",
    ];
    read.iter().for_each(|path| keep.place(path.as_ref(), Access::Read));
    keep.place("/dev/null".as_ref(), Access::Write);
    if let Some(folder) = &compiling.cache {
        keep.place(folder, Access::Own);
    }
}

/// What one pipeline needs.
pub(super) fn of_pipeline(keep: &mut Keep, config: &Config) {
    replaceable(keep, &config.plugin);
    if let Some(signed) = &config.trust.signed {
        replaceable(keep, &signed.signature);
    }
    if let Some(file) = config.input.file() {
        keep.place(file, Access::Read);
    }
    for (_, target) in config.targets() {
        if let Some(file) = target.file() {
            written(keep, file);
        }
    }
    if let StoreUrl::File(path) = &config.store.url {
        owned(keep, path);
    }
    if let Some(file) = &config.store.ca_file {
        keep.place(file, Access::Read);
    }
    if is_connected(config) {
        connected(keep);
    }
}

/// A file that may be replaced while the process runs, by renaming or by turning a link. Kept is the reading of its
/// folder, and of each folder in which a link on the way to it lies or leads.
pub(super) fn replaceable(keep: &mut Keep, file: &Path) {
    keep.place(file, Access::Read);
    let Ok(file) = std::path::absolute(file) else { return };
    let (mut done, mut left) = (PathBuf::from("/"), file);
    let mut folders = vec![];
    for _ in 0..MOST_LINKS {
        let Some((link, target, rest)) = first_link(&done, &left) else { break };
        folders.extend(link.parent().map(Path::to_owned));
        done = "/".into();
        left = link.parent().unwrap_or(&link).join(target).join(rest);
    }
    folders.extend(left.parent().and_then(|folder| folder.canonicalize().ok()));
    for folder in folders {
        // The root folder would be everything: what is exchanged there takes a restart.
        if folder.parent().is_some() {
            keep.place(&folder, Access::Read);
        }
    }
}

/// The first link on a path, what it says, and what comes behind it.
fn first_link(from: &Path, path: &Path) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let mut at = from.to_owned();
    let mut names = path.components();
    while let Some(name) = names.next() {
        at.push(name);
        if let Ok(target) = at.read_link() {
            return Some((at, target, names.as_path().to_owned()));
        }
    }
    None
}

/// A file that is there is written; in the folder of one that is not, files may be made.
fn written(keep: &mut Keep, file: &Path) {
    match file.exists() {
        true => {
            keep.place(file, Access::Write);
            keep.place(folder(file), Access::List);
        }
        false => keep.place(folder(file), Access::Make),
    }
}

/// A folder that is there is this process's own; of one that is not, the folder in which it will be made is.
fn owned(keep: &mut Keep, path: &Path) {
    match path.exists() {
        true => {
            keep.place(path, Access::Own);
            keep.place(folder(path), Access::List);
        }
        false => keep.place(folder(path), Access::Own),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether it talks to a server.
fn is_connected(config: &Config) -> bool {
    matches!(config.input, Input::Stream { .. })
        || matches!(config.store.url, StoreUrl::Redis(_))
        || config.targets().iter().any(|(_, target)| matches!(target, Target::Stream(_)))
}

/// Connections, and what tells a server's address and whether it is the one. To any port: where a cluster's nodes
/// and a sentinel's servers are, only they know.
fn connected(keep: &mut Keep) {
    keep.connections();
    let read = [
        // Names.
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/services",
        "/run/systemd/resolve",
        "/run/resolvconf",
        // Certificates.
        "/etc/ssl",
        "/etc/pki",
        "/etc/ca-certificates",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/usr/lib/ssl",
    ];
    read.iter().for_each(|path| keep.place(path.as_ref(), Access::Read));
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(path) = std::env::var_os(variable) {
            keep.place(path.as_ref(), Access::Read);
        }
    }
    // The C library loads what looks names up when it is first asked.
    for path in mapped() {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"libc.")) {
            keep.place(folder(&path), Access::Read);
        }
    }
}

/// The files that this process is made of.
fn mapped() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let paths = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    let mut paths: Vec<PathBuf> = paths.map(PathBuf::from).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_plugin_behind_links_may_be_exchanged_at_each_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["app", "releases", "releases/1"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        std::fs::write(root.join("releases/1/real.wasm"), "").unwrap();
        symlink("real.wasm", root.join("releases/1/p.wasm")).unwrap();
        symlink("../releases/1", root.join("app/current")).unwrap();
        let mut keep = Keep::default();
        replaceable(&mut keep, &root.join("app/current/p.wasm"));
        let kept = format!("{keep:?}");
        for place in ["app", "releases/1"] {
            assert!(kept.contains(&format!("{:?}, Read", root.join(place))), "{place}: {kept}");
        }
        assert!(!kept.contains(&format!("{root:?}, ")), "{kept}");
    }
}

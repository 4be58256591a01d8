//! Real components with changed bytes.

use std::path::{Path, PathBuf};

use crate::loader;

/// Sections' ids, opcodes, kinds of the component format, names.
pub const WORDS: &[&[u8]] = &[
    b"\0asm\x0d\x00\x01\x00",
    b"\0asm\x01\x00\x00\x00",
    b"\x00\x01\x02",
    b"\x0a\x01\x00",
    b"\x00\x0b",
    b"\x01\x7f",
    b"\xff\xff\xff\xff\x0f",
    b"cabi_realloc",
    b"handle",
    b"oncegate:plugin/types@0.1.0",
    b"wasi:cli/exit@0.2.0",
    b"\x03\x40\x0c\x00\x0b",
    b"\x40\x00",
    b"\xfc\x0a\x00\x00",
];

/// Larger ones take too long to compile for what they show.
const LARGEST_BYTES: usize = 96 << 10;

/// The hostile handlers, the sandbox's fixtures, and the plugins that are built.
pub fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["host/sandbox/tests/fixtures", "plugins/evil"] {
        files.extend(below(&root.join(folder), "wat"));
    }
    let plugins = std::env::var_os("ONCEGATE_PLUGINS").map_or(root.join("target/plugins"), PathBuf::from);
    files.extend(below(&plugins, "wasm"));
    files.sort();
    let binary = |path: PathBuf| wat::parse_file(path).ok().filter(|bytes| bytes.len() <= LARGEST_BYTES);
    files.into_iter().filter_map(binary).collect()
}

/// The files with this ending, in folders below, too.
fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => below(&path, ending),
            false => {
                Vec::from_iter(Some(path).filter(|path| path.extension().is_some_and(|end| end == ending)))
            }
        })
        .collect()
}

pub fn run(input: &[u8]) {
    loader::trial(input);
}

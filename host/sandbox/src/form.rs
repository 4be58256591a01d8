//! Files, and what kind of file they are.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use oncegate_dedup::hex;

use crate::limits::Limits;
use crate::load_error::LoadError;

/// What the runtime's machine code is told by: the byte of an ELF header that names the system that it is for, and
/// the runtime's number there. Its own check would read the whole of the header's tables, which may be hostile.
const ELF_OS: usize = 7;
const ELF_OS_WASMTIME: u8 = 200;

/// A file's bytes, for [`Component::load`](crate::Component::load) and
/// [`Component::inspect`](crate::Component::inspect).
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: std::io::Error| LoadError::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One more than allowed, so that a file that grows, or a device, is found too large and not read on.
    let most = (limits.component_bytes as u64).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Tells a component from everything else that people have in files, before any of it is interpreted.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if bytes.len() > limits.component_bytes {
        return Err(LoadError::TooLarge { limit: limits.component_bytes });
    }
    if bytes.starts_with(b"\x7fELF") && bytes.get(ELF_OS) == Some(&ELF_OS_WASMTIME) {
        return Err(LoadError::Precompiled);
    }
    let hex_of = |from: usize| hex::encode(bytes.get(from..bytes.len().min(from + 4)).unwrap_or_default());
    match (bytes.get(..4), bytes.get(4..8)) {
        (Some(b"\0asm"), Some([0x0d, 0, 1, 0])) => Ok(()),
        (Some(b"\0asm"), Some([1, 0, 0, 0])) => Err(LoadError::CoreModule),
        (Some(b"\0asm"), _) => Err(LoadError::UnknownForm { found: hex_of(4) }),
        _ if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')) => Err(LoadError::Text),
        _ => Err(LoadError::NotWasm { found: hex_of(0) }),
    }
}

//! One entry: a code of authentication, and machine code.

use std::io::{self, Read as _, Write as _};
use std::time::SystemTime;

use hmac::{Hmac, Mac as _};
use oncegate_dedup::hex;
use sha2::{Digest as _, Sha256};

use super::Subject;
use super::folder::Folder;
use super::key::{self, Key};

/// What is authenticated begins with this: another form of an entry has another.
const FORM: &[u8; 16] = b"oncegate code\0\0\x01";
const MAC_BYTES: usize = 32;
/// How names of entries end.
pub(super) const ENDING: &str = ".code";

impl Subject {
    /// The name of its entry.
    pub(super) fn name(&self) -> String {
        let digest =
            Sha256::new().chain_update(FORM).chain_update(self.compatibility).chain_update(self.component);
        format!("{}{ENDING}", hex::encode(&digest.finalize()))
    }
}

/// Reads and writes entries of a folder.
pub(super) struct Entry<'a> {
    pub(super) folder: &'a Folder,
    pub(super) key: &'a Key,
}

impl Entry<'_> {
    /// Code that the key vouches for. Whatever is wrong with an entry, there is none.
    pub(super) fn read(&self, of: &Subject, most_code: u64) -> Option<Vec<u8>> {
        let most = most_code.saturating_add(MAC_BYTES as u64);
        let mut file = self.folder.find(&of.name(), most).ok()??;
        let mut mac = [0; MAC_BYTES];
        file.read_exact(&mut mac).ok()?;
        let mut code = Vec::new();
        // It may grow while it is read.
        (&mut file).take(most_code).read_to_end(&mut code).ok()?;
        self.mac(of, &code).ok()?.verify_slice(&mac).ok()?;
        // What is used is young: the oldest goes first. If that fails, it goes earlier than it should.
        let _ = file.set_modified(SystemTime::now());
        Some(code)
    }

    /// Writes an entry in one step, in the place of one that is there.
    pub(super) fn write(&self, of: &Subject, code: &[u8]) -> io::Result<()> {
        let mac = self.mac(of, code)?.finalize().into_bytes();
        let temporary = key::temporary().map_err(io::Error::other)?;
        let mut file = self.folder.create(&temporary)?;
        // Not synced: a torn entry is found out, and costs a compilation.
        let written = file.write_all(&mac).and_then(|()| file.write_all(code));
        let written = written.and_then(|()| self.folder.rename(&temporary, &of.name()));
        if written.is_err() {
            let _ = self.folder.remove(&temporary);
        }
        written
    }

    /// How many bytes an entry takes.
    pub(super) fn size(&self, code: &[u8]) -> u64 {
        (code.len() + MAC_BYTES) as u64
    }

    /// What the entry is of is authenticated with it: renamed, it would be another component's.
    fn mac(&self, of: &Subject, code: &[u8]) -> io::Result<Hmac<Sha256>> {
        let mut mac = self.key.code().map_err(io::Error::other)?;
        mac.update(FORM);
        mac.update(&of.compatibility);
        mac.update(&of.component);
        mac.update(code);
        Ok(mac)
    }
}

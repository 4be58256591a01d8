//! The key of a folder: what tells an entry that this user's hosts wrote from any other.

use std::fmt;
use std::io::{Read as _, Write as _};

use hmac::Hmac;
use hmac::digest::KeyInit as _;
use sha2::Sha256;

use super::Why;
use super::folder::Folder;

const NAME: &str = "key";
const BYTES: usize = 32;

/// A secret of the folder.
pub(super) struct Key([u8; BYTES]);

impl Key {
    /// The folder's key, made if it has none. Of several processes that make one at the same time, one does.
    pub(super) fn of(folder: &Folder) -> Result<Self, Why> {
        if let Some(key) = Self::read(folder)? {
            return Ok(key);
        }
        Self::make(folder)?;
        Self::read(folder)?.ok_or(Why::Key)
    }

    fn read(folder: &Folder) -> Result<Option<Self>, Why> {
        let Some(mut file) = folder.find(NAME, BYTES as u64)? else { return Ok(None) };
        let mut key = [0; BYTES];
        // One that is too short was cut by a power failure, and everything that it vouched for is lost.
        Ok(file.read_exact(&mut key).is_ok().then_some(Self(key)))
    }

    fn make(folder: &Folder) -> Result<(), Why> {
        let mut key = [0; BYTES];
        getrandom::fill(&mut key).map_err(Why::Random)?;
        let temporary = temporary()?;
        let mut file = folder.create(&temporary)?;
        let made = file.write_all(&key).and_then(|()| file.sync_all());
        let made = made.and_then(|()| match folder.link(&temporary, NAME)? {
            true => Ok(()),
            // Somebody's link, somebody else's file, or a torn one: or that of a process that was faster.
            false if matches!(Self::read(folder), Ok(Some(_))) => Ok(()),
            false => folder.rename(&temporary, NAME),
        });
        let _ = folder.remove(&temporary);
        Ok(made?)
    }

    /// Begins the code of authentication of what is said with it next.
    pub(super) fn code(&self) -> Result<Hmac<Sha256>, hmac::digest::InvalidLength> {
        Hmac::new_from_slice(&self.0)
    }
}

/// The name of a file that is not finished.
pub(super) fn temporary() -> Result<String, Why> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(Why::Random)?;
    Ok(format!("{}{}", TEMPORARY, oncegate_dedup::hex::encode(&random)))
}

/// How names of files begin that are not finished.
pub(super) const TEMPORARY: &str = "new-";

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

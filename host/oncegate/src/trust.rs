//! What a plugin's file has to be before anything of it is interpreted: of a known digest, or signed.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use minisign_verify::{PublicKey, Signature};
use oncegate_dedup::hex;
use oncegate_dedup::text::shown;
use sha2::{Digest as _, Sha256};

use crate::settings::Settings;

/// No signature file of minisign is longer, in bytes.
const SIGNATURE_BYTES: u64 = 8 << 10;
/// How much of a signature's trusted comment is shown, in bytes.
const SHOWN_COMMENT_BYTES: usize = 200;

/// What a plugin's file has to be.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Of this SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// Signed by this key.
    pub signed: Option<Signed>,
}

/// A file that has to be signed.
#[derive(Debug, Clone)]
pub struct Signed {
    key: PublicKey,
    /// Where the signature is.
    pub signature: PathBuf,
}

impl Trust {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Result<Self> {
        let sha256 = settings.text("plugin.sha256").map(|text| {
            let digest = hex::decode(text).and_then(|bytes| bytes.try_into().ok());
            digest.context("plugin.sha256 takes the 64 hexadecimal digits that `oncegate inspect` shows")
        });
        let signature = settings.text("plugin.signature");
        let signed = match (settings.text("plugin.public_key"), signature) {
            (None, Some(_)) => {
                bail!(
                    "plugin.signature is set, and plugin.public_key is not: set the key that it is checked with"
                )
            }
            (None, None) => None,
            (Some(text), signature) => {
                let key = PublicKey::from_base64(text).map_err(|_| {
                    anyhow!("plugin.public_key takes a minisign public key: the second line of its .pub file")
                })?;
                let beside = || format!("{}.minisig", settings.text("plugin.path").unwrap_or_default());
                let signature = signature.map_or_else(beside, str::to_owned).into();
                Some(Signed { key, signature })
            }
        };
        Ok(Self { sha256: sha256.transpose()?, signed })
    }

    /// What it is, in a word or two behind a digest.
    pub fn describe(&self) -> String {
        let pinned = self.sha256.is_some().then_some(", pinned");
        let signed = self.signed.is_some().then_some(", signed");
        [pinned, signed].into_iter().flatten().collect()
    }

    /// Accepts these bytes, or says why not. Returns what their signature says of them.
    pub fn verify(&self, bytes: &[u8]) -> Result<Option<String>> {
        if let Some(pinned) = self.sha256 {
            let digest: [u8; 32] = Sha256::digest(bytes).into();
            if digest != pinned {
                let (found, pinned) = (hex::encode(&digest), hex::encode(&pinned));
                bail!("its sha256 is {found}, and plugin.sha256 allows {pinned} alone");
            }
        }
        self.signed.as_ref().map(|signed| signed.verify(bytes)).transpose()
    }
}

impl Signed {
    fn verify(&self, bytes: &[u8]) -> Result<String> {
        let path = self.signature.display();
        let text = read(&self.signature).with_context(|| format!("its signature {path} cannot be read"))?;
        let signature =
            Signature::decode(&text).map_err(|_| anyhow!("its signature {path} is no minisign signature"))?;
        // Prehashed signatures only: the legacy form is for files of earlier versions of minisign.
        self.key
            .verify(bytes, &signature, false)
            .map_err(|_| anyhow!("it is not signed by plugin.public_key (as far as {path} says)"))?;
        Ok(shown(signature.trusted_comment().as_bytes(), SHOWN_COMMENT_BYTES))
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SIGNATURE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

//! How far a file was written, as it is recorded in a store.

const FORMAT: u8 = 1;
/// Format, length, tail, device, inode, clean.
const ENCODED_BYTES: usize = 1 + 8 + 16 + 8 + 8 + 1;

/// Where the synced lines of a file end, and how to know the file again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// How many bytes of the file count.
    pub length: u64,
    /// A digest of the last 4,096 bytes before `length`, or of as many as there are: the first 16 bytes of
    /// their SHA-256.
    pub tail: [u8; 16],
    /// The device that the file lies on, as the system numbers it.
    pub device: u64,
    /// The file's inode number there.
    pub inode: u64,
    /// The run ended in order: nothing of it lies beyond `length`.
    pub clean: bool,
}

/// Recorded bytes that are no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// It was written by a later version of this program.
    #[error(
        "cannot read a file position of format {found}: this version knows format {FORMAT}; use a later one"
    )]
    UnknownFormat {
        /// The format that was found.
        found: u8,
    },
    /// The length or a field's value is wrong.
    #[error("cannot read a file position: its record is damaged")]
    Damaged,
}

impl Position {
    /// The position as bytes: the format's number, then the fields in order, numbers little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENCODED_BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.tail);
        bytes.extend_from_slice(&self.device.to_le_bytes());
        bytes.extend_from_slice(&self.inode.to_le_bytes());
        bytes.push(u8::from(self.clean));
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// The format is unknown, or the bytes do not follow it.
    pub fn decode(bytes: &[u8]) -> Result<Self, PositionError> {
        match bytes.first() {
            Some(&FORMAT) if bytes.len() == ENCODED_BYTES => {}
            Some(&found) if found != FORMAT => return Err(PositionError::UnknownFormat { found }),
            _ => return Err(PositionError::Damaged),
        }
        let clean = match bytes.last() {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(PositionError::Damaged),
        };
        Ok(Self {
            length: u64::from_le_bytes(field(bytes, 1)?),
            tail: field(bytes, 9)?,
            device: u64::from_le_bytes(field(bytes, 25)?),
            inode: u64::from_le_bytes(field(bytes, 33)?),
            clean,
        })
    }
}

fn field<const N: usize>(bytes: &[u8], from: usize) -> Result<[u8; N], PositionError> {
    bytes.get(from..from + N).and_then(|field| field.try_into().ok()).ok_or(PositionError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION: Position =
        Position { length: 1 << 40, tail: [7; 16], device: 3, inode: u64::MAX, clean: true };

    #[test]
    fn a_position_is_read_back_the_same() {
        for clean in [true, false] {
            let position = Position { clean, ..POSITION };
            assert_eq!(Position::decode(&position.encode()), Ok(position));
        }
    }

    #[test]
    fn an_unknown_format_is_refused_by_number() {
        let mut bytes = POSITION.encode();
        bytes[0] = 9;
        bytes.push(0);
        let error = Position::decode(&bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read a file position of format 9: this version knows format 1; use a later one"
        );
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = POSITION.encode();
        for short in 0..bytes.len() {
            assert_eq!(Position::decode(&bytes[..short]), Err(PositionError::Damaged));
        }
        let mut odd = bytes.clone();
        odd[ENCODED_BYTES - 1] = 2;
        assert_eq!(Position::decode(&odd), Err(PositionError::Damaged));
        odd.push(0);
        assert_eq!(Position::decode(&odd), Err(PositionError::Damaged));
    }
}

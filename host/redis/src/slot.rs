//! Which slot of a cluster holds a name.

/// How many slots a cluster has.
pub const SLOTS: u16 = 16384;

/// The slot of a name: the CRC16 of it, or of its hash tag, what stands between the first `{` and the first `}`
/// behind that, unless that is nothing.
pub fn slot_of(name: &[u8]) -> u16 {
    crc16(tag(name)) % SLOTS
}

fn tag(name: &[u8]) -> &[u8] {
    let tag = || {
        let behind = name.get(name.iter().position(|&b| b == b'{')? + 1..)?;
        behind.get(..behind.iter().position(|&b| b == b'}')?)
    };
    tag().filter(|tag| !tag.is_empty()).unwrap_or(name)
}

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, starting at 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let index = usize::from((crc >> 8) as u8 ^ byte);
        (crc << 8) ^ TABLE[index]
    })
}

/// What each byte does to the checksum.
static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn only_the_first_tag_counts_and_an_empty_one_is_none() {
        assert_eq!(slot_of(b"{a}b"), slot_of(b"a"));
        assert_eq!(slot_of(b"x{a}b{c}"), slot_of(b"a"));
        assert_eq!(slot_of(b"x{{a}}"), slot_of(b"{a"));
        assert_ne!(slot_of(b"{}a"), slot_of(b"{}b"));
        assert_ne!(slot_of(b"a{"), slot_of(b"b{"));
        assert_ne!(slot_of(b"}a{b"), slot_of(b"b"));
    }
}

//! The two byte orders of capture files.

/// The order of a file's or section's octets: that of the host that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline(always)]
    pub(super) fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            ByteOrder::Little => u16::from_le_bytes(octets),
            ByteOrder::Big => u16::from_be_bytes(octets),
        }
    }

    #[inline(always)]
    pub(super) fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(octets),
            ByteOrder::Big => u32::from_be_bytes(octets),
        }
    }

    pub(super) fn i64(self, octets: [u8; 8]) -> i64 {
        match self {
            ByteOrder::Little => i64::from_le_bytes(octets),
            ByteOrder::Big => i64::from_be_bytes(octets),
        }
    }
}

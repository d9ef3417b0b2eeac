//! The options at the end of pcapng's blocks (draft-ietf-opsawg-pcapng section 3.5).

use super::byte_order::ByteOrder;

/// Ends the options of a block.
pub(super) const OPT_END: u16 = 0;
/// A remark for people, in every kind of block.
pub(super) const OPT_COMMENT: u16 = 1;

/// Code and value of each option, up to their end or the first that isn't whole.
pub(super) fn options(order: ByteOrder, octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = octets;
    core::iter::from_fn(move || {
        let (&[a, b, c, d], after) = rest.split_first_chunk()?;
        let (code, length) = (order.u16([a, b]), usize::from(order.u16([c, d])));
        let value = after.get(..length)?;
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        (code != OPT_END).then_some((code, value))
    })
}

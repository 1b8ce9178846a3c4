//! Which byte changed: a CRC32C says more than that something did.
//!
//! CRC is linear: the difference between the CRC that is stored and the one of the bytes that are there is the CRC of
//! the change alone. For a change of one byte that is one of 255 values followed by as many zero bytes as come after it,
//! so every place can be tried without reading the bytes again. Two places fit the same difference by chance only (for
//! a record of 300 bytes about 2 in 100 000); then nothing is named rather than the wrong byte.
//!
//! Source: the linearity of CRCs, e.g. Peterson and Brown, "Cyclic Codes for Error Detection", 1961.

/// Castagnoli's polynomial, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The place of the only byte whose change turns `computed` (the CRC32C of `len` bytes) into `stored`; `Some(len)` and
/// above for a change in the stored CRC itself, which follows the bytes. `None` where no single byte explains it, or
/// more than one.
pub(crate) fn changed_byte(len: usize, computed: u32, stored: u32) -> Option<usize> {
    let difference = computed ^ stored;
    let in_stored = difference.to_le_bytes();
    let mut found = match in_stored.iter().filter(|byte| **byte != 0).count() {
        1 => in_stored.iter().position(|byte| *byte != 0).map(|at| len.saturating_add(at)),
        _ => None,
    };
    // What each bit of the last byte does to the CRC; one zero byte further on for each place towards the front.
    let mut bits: [u32; 8] = core::array::from_fn(|bit| 1_u32 << bit);
    for at in (0..len).rev() {
        bits = bits.map(shift);
        if explains(&bits, difference) {
            if found.is_some() {
                return None;
            }
            found = Some(at);
        }
    }
    found
}

/// One byte through the register.
fn shift(mut register: u32) -> u32 {
    for _ in 0..8 {
        register = if register & 1 == 1 { (register >> 1) ^ POLYNOMIAL } else { register >> 1 };
    }
    register
}

/// Whether the changes of some bits of one byte add up to `difference`.
fn explains(bits: &[u32; 8], difference: u32) -> bool {
    (1..=u8::MAX).any(|byte| {
        let sum = bits.iter().enumerate().filter(|(bit, _)| byte >> bit & 1 == 1).fold(0, |sum, (_, bit)| sum ^ bit);
        sum == difference
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_byte_that_changed_is_the_one_named(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..400),
            at in proptest::prelude::any::<proptest::sample::Index>(),
            change in 1_u8..=255,
        ) {
            let stored = crc32c::crc32c(&bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            proptest::prop_assert_eq!(changed_byte(bytes.len(), crc32c::crc32c(&bytes), stored), Some(at));
        }
    }

    #[test]
    fn a_change_of_the_stored_crc_is_named_behind_the_bytes() {
        let crc = crc32c::crc32c(b"tide");
        assert_eq!(changed_byte(4, crc, crc ^ 0x0000_5500), Some(5));
    }

    #[test]
    fn what_no_single_byte_explains_is_not_named() {
        let (good, mut bad) = (b"tiderace".to_vec(), b"tiderace".to_vec());
        (bad[0], bad[7]) = (b'T', b'E');
        assert_eq!(changed_byte(8, crc32c::crc32c(&bad), crc32c::crc32c(&good)), None);
    }
}

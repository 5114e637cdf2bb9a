//! Lower-case hexadecimal digits, eight at a time.

/// Parses exactly `length` digits, a multiple of eight and at most 32; W3C and B3 both allow lower
/// case only.
#[inline]
pub(in crate::policies::telemetry) fn hex(digits: &[u8], length: usize) -> Option<u128> {
    let (words, rest) = digits.as_chunks();
    if digits.len() != length || !rest.is_empty() {
        return None;
    }
    words.iter().try_fold(0, |bits, word| {
        Some(bits << 32 | u128::from(four_bytes(*word)?))
    })
}

/// Parses the digits of one byte.
pub(in crate::policies::telemetry) fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits;
    let word = four_bytes([b'0', b'0', b'0', b'0', b'0', b'0', high, low])?;
    u8::try_from(word).ok()
}

/// Formats `bytes` as digits, whose number is a multiple of eight.
#[inline]
pub(in crate::policies::telemetry) fn hex_of<const BYTES: usize, const DIGITS: usize>(
    bytes: [u8; BYTES],
) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    let (words, _) = digits.as_chunks_mut();
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = eight_digits(u32::from_be_bytes(*bytes));
    }
    digits
}

/// A one in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Formats 32 bits as eight digits at once, each in a byte of one word.
#[inline]
const fn eight_digits(bits: u32) -> [u8; 8] {
    let spread = bits as u64;
    let spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff;
    let spread = (spread << 8 | spread) & (0xff * 0x0001_0001_0001_0001);
    let nibbles = (spread << 4 | spread) & (0xf * EACH);
    // Adding 6 carries nibbles from 10 on into the fifth bit: those are letters, with another
    // offset.
    let letters = (nibbles + 6 * EACH) >> 4 & EACH;
    let further = (b'a' - b'0' - 10) as u64;
    (nibbles + b'0' as u64 * EACH + letters * further).to_be_bytes()
}

/// Parses the output of [`eight_digits`], and nothing else.
#[inline]
fn four_bytes(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    // Letters have the seventh bit set, and their low nibble counts from 1, 9 below their value.
    let nibbles = (text & (0xf * EACH)) + (text >> 6 & EACH) * 9;
    let bytes = (nibbles | nibbles >> 4) & (0xff * 0x0001_0001_0001_0001);
    let halves = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    let bits = ((halves | halves >> 16) & 0xffff_ffff) as u32;
    // Formatted again and compared: that rejects every byte that is not a digit.
    (eight_digits(bits) == digits).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_digits_are_read_wherever_they_stand() {
        let good = *b"0123456789abcdef";
        assert_eq!(hex(&good, 16), Some(0x0123_4567_89ab_cdef));
        for place in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut digits = good;
                digits[place] = byte;
                let digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                assert_eq!(hex(&digits, 16).is_some(), digit, "{byte} at {place}");
            }
        }
        assert_eq!(hex(&good, 32), None);
        assert_eq!(hex(&good[..15], 15), None);
    }

    #[test]
    fn what_is_written_is_read() {
        for byte in 0..=u8::MAX {
            let bits = u128::from_be_bytes([byte; 16]);
            let digits: [u8; 32] = hex_of(bits.to_be_bytes());
            assert_eq!(digits.as_slice(), format!("{bits:032x}").as_bytes());
            assert_eq!(hex(&digits, 32), Some(bits));
            assert_eq!(hex_byte([digits[0], digits[1]]), Some(byte));
        }
    }
}

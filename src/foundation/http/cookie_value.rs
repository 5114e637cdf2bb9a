/// Generated value of a session cookie: 64 bits in hexadecimal, in Envoy's format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieValue([u8; 16]);

impl CookieValue {
    pub(crate) fn of(bits: u64) -> Self {
        let bytes = bits.to_be_bytes();
        Self(std::array::from_fn(|place| {
            let byte = bytes[place / 2];
            let half = if place % 2 == 0 {
                byte >> 4
            } else {
                byte & 0xf
            };
            b"0123456789abcdef"[usize::from(half)]
        }))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_by_the_standard_library() {
        for bits in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(CookieValue::of(bits).as_str(), format!("{bits:016x}"));
        }
    }
}

//! Protobuf's wire format, as far as `google.rpc.Status` needs it.

/// Fields of a message. It ends at the first that cannot be read: the bytes come from another process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// Value of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Value<'a> {
    /// Bytes, a text or a message.
    Bytes(&'a [u8]),
    /// A number of fixed size, which no message here has.
    Fixed,
    Number(u64),
}

impl<'a> Fields<'a> {
    /// Returns the text of the first field with this number; empty without one.
    pub(super) fn text(self, number: u64) -> &'a str {
        let bytes = self.bytes(number).next().unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Returns the fields with this number that have bytes.
    pub(super) fn bytes(self, number: u64) -> impl Iterator<Item = &'a [u8]> {
        self.filter_map(move |(field, value)| match value {
            Value::Bytes(bytes) if field == number => Some(bytes),
            _ => None,
        })
    }

    /// Returns the number of the first field with this number; 0 without one.
    pub(super) fn number(mut self, number: u64) -> u64 {
        let found = self.find_map(|(field, value)| match value {
            Value::Number(value) if field == number => Some(value),
            _ => None,
        });
        found.unwrap_or(0)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        // 64 bits, 7 in each byte.
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_of_each_kind_are_read_or_passed_over() {
        let message = [
            &[0x08, 0x96, 0x01][..],
            &[0x11, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x1d, 1, 2, 3, 4],
            &[0x22, 2, b'o', b'k'],
        ]
        .concat();
        let fields = Fields(&message);
        assert_eq!(fields.number(1), 150);
        assert_eq!(fields.text(4), "ok");
        assert_eq!((fields.number(4), fields.text(1)), (0, ""));
        assert_eq!(fields.count(), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_end(message in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Fields(&message).count() <= message.len());
        }
    }
}

use super::invalid::{Invalid, Kind};

/// RE2's flags, as `(?imsU)` sets them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the four flags that RE2 has")]
pub(super) struct Flags {
    pub(super) dot_newline: bool,
    pub(super) fold: bool,
    pub(super) multi_line: bool,
    pub(super) ungreedy: bool,
}

impl Flags {
    /// Reads `(?i-s)` or `(?i:` from the start of `rest`, and moves it behind; says whether a group
    /// opens.
    pub(super) fn read(&mut self, rest: &mut &[u8]) -> Result<bool, Invalid> {
        let whole = *rest;
        let refused = |len: usize| Err(Kind::BadPerlOp.of(&whole[..whole.len().min(len)]));
        let mut next = *self;
        // What has to be followed by a flag: only a `-`.
        let (mut on, mut wanting) = (true, false);
        for (index, byte) in whole.iter().enumerate().skip(2) {
            let flag = match byte {
                b'i' => &mut next.fold,
                b'm' => &mut next.multi_line,
                b's' => &mut next.dot_newline,
                b'U' => &mut next.ungreedy,
                b'-' if on => {
                    (on, wanting) = (false, true);
                    continue;
                }
                b')' | b':' if !wanting => {
                    *self = next;
                    *rest = &whole[index + 1..];
                    return Ok(*byte == b':');
                }
                _ => return refused(index + 1),
            };
            *flag = on;
            wanting = false;
        }
        refused(whole.len())
    }
}

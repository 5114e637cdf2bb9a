use super::class::byte_set::ByteSet;
use super::flags::Flags;
use super::invalid::Kind;
use super::repetition::{MOST, Repetition};

/// Maximum nesting of groups and repetitions. RE2 has no such bound, but the compiler used here recurses once for
/// each level.
const DEEPEST: usize = 100;

/// A pattern in the syntax of the `regex` crate without Unicode.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) groups: usize,
    pub(super) pattern: String,
}

/// Writes a pattern from left to right, and keeps what a repetition would repeat.
#[derive(Debug)]
pub(super) struct Writer {
    groups: usize,
    /// Preceding part, to which a repetition operator would apply.
    item: Option<Item>,
    /// Of all that stands in this group so far.
    most: Extent,
    open: Vec<Open>,
    out: String,
}

/// A part of the translated pattern, from `start` to its end.
#[derive(Clone, Copy, Debug)]
struct Item {
    extent: Extent,
    start: usize,
}

/// Growth of a part by the repetitions in it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// The copies that are made of the most repeated thing in it.
    copies: u32,
    /// The groups and repetitions around the deepest thing in it.
    depth: usize,
}

/// A group that is not closed yet, and what was so before it.
#[derive(Debug)]
struct Open {
    flags: Flags,
    most: Extent,
    start: usize,
}

impl Extent {
    const ONE: Self = Self {
        copies: 1,
        depth: 0,
    };

    fn max(self, other: Self) -> Self {
        Self {
            copies: self.copies.max(other.copies),
            depth: self.depth.max(other.depth),
        }
    }

    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl Writer {
    pub(super) fn new(len: usize) -> Self {
        Self {
            groups: 0,
            item: None,
            most: Extent::ONE,
            open: Vec::new(),
            out: String::with_capacity(len * 2),
        }
    }

    /// Ends the pattern; none if a group is not closed.
    pub(super) fn finish(self) -> Option<Translation> {
        self.open.is_empty().then_some(Translation {
            groups: self.groups,
            pattern: self.out,
        })
    }

    pub(super) fn alternative(&mut self) {
        self.out.push('|');
        self.item = None;
    }

    /// Opens a group, which `outer` flags hold again behind.
    pub(super) fn open(&mut self, opening: &str, outer: Flags) -> Result<(), Kind> {
        if self.open.len() >= DEEPEST {
            return Err(Kind::NestingDepth);
        }
        self.groups += usize::from(opening == "(");
        self.open.push(Open {
            flags: outer,
            most: self.most,
            start: self.out.len(),
        });
        self.out.push_str(opening);
        self.most = Extent::ONE;
        self.item = None;
        Ok(())
    }

    /// Closes the last group that is open, if any is, and returns the flags that hold behind it.
    pub(super) fn close(&mut self) -> Option<Flags> {
        let open = self.open.pop()?;
        self.out.push(')');
        let extent = self.most.deeper();
        self.item = Some(Item {
            extent,
            start: open.start,
        });
        self.most = open.most.max(extent);
        Some(open.flags)
    }

    pub(super) fn repeat(&mut self, repetition: Repetition<'_>, lazy: bool) -> Result<(), Kind> {
        let item = self.item.as_mut().ok_or(Kind::RepeatArgument)?;
        item.extent = item.extent.deeper();
        item.extent.copies *= repetition.copies;
        if item.extent.copies > MOST {
            return Err(Kind::RepeatSize);
        }
        if item.extent.depth > DEEPEST {
            return Err(Kind::NestingDepth);
        }
        self.most = self.most.max(item.extent);
        self.out.insert_str(item.start, "(?:");
        self.out.push(')');
        self.out.push_str(&String::from_utf8_lossy(repetition.text));
        if lazy {
            self.out.push('?');
        }
        Ok(())
    }

    pub(super) fn set(&mut self, set: ByteSet) {
        self.begin();
        set.write(&mut self.out);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.begin();
        self.out.push_str(text);
    }

    fn begin(&mut self) {
        self.item = Some(Item {
            extent: Extent::ONE,
            start: self.out.len(),
        });
    }
}

/// What can be decided without the machine: the epoch, and what holds in it.
///
/// The machine writes it each time that something changes, and requests read it without a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Word(u64);

const ADMITS: u64 = 1;
const COUNTED: u64 = 1 << 1;
const DEAF: u64 = 1 << 2;
const PLAIN: u64 = 1 << 3;
const QUIET: u64 = 1 << 4;
const TIMED: u64 = 1 << 5;
const FLAGS: u32 = 6;

impl Word {
    pub(super) const fn new(epoch: u64) -> Self {
        Self(epoch << FLAGS)
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn epoch(self) -> u64 {
        self.0 >> FLAGS
    }

    /// Every request goes through.
    pub(super) const fn with_admits(self, holds: bool) -> Self {
        self.with(ADMITS, holds)
    }

    /// There is a window.
    pub(super) const fn with_counted(self, holds: bool) -> Self {
        self.with(COUNTED, holds)
    }

    /// No result changes anything.
    pub(super) const fn with_deaf(self, holds: bool) -> Self {
        self.with(DEAF, holds)
    }

    /// What is [good anyhow](super::FailureOn::is_good_anyhow) is good.
    pub(super) const fn with_plain(self, holds: bool) -> Self {
        self.with(PLAIN, holds)
    }

    /// No good and quick result changes anything, but that it is counted if there is a window.
    pub(super) const fn with_quiet(self, holds: bool) -> Self {
        self.with(QUIET, holds)
    }

    /// The time that a call takes matters.
    pub(super) const fn with_timed(self, holds: bool) -> Self {
        self.with(TIMED, holds)
    }

    pub(super) const fn admits(self) -> bool {
        self.0 & ADMITS != 0
    }

    pub(super) const fn counted(self) -> bool {
        self.0 & COUNTED != 0
    }

    pub(super) const fn deaf(self) -> bool {
        self.0 & DEAF != 0
    }

    pub(super) const fn plain(self) -> bool {
        self.0 & PLAIN != 0
    }

    pub(super) const fn quiet(self) -> bool {
        self.0 & QUIET != 0
    }

    pub(super) const fn timed(self) -> bool {
        self.0 & TIMED != 0
    }

    const fn with(self, flag: u64, holds: bool) -> Self {
        if holds { Self(self.0 | flag) } else { self }
    }
}

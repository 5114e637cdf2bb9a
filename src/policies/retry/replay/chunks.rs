use bytes::Bytes;

/// What was read of a body, in the order in which it came.
///
/// The first chunk has a place of its own: most bodies that are sent by hand have no other.
#[derive(Debug, Default)]
pub(in crate::policies::retry) struct Chunks {
    first: Option<Bytes>,
    more: Vec<Bytes>,
}

impl Chunks {
    pub(in crate::policies::retry) fn push(&mut self, chunk: Bytes) {
        match self.first {
            None => self.first = Some(chunk),
            Some(_) => self.more.push(chunk),
        }
    }

    pub(in crate::policies::retry) fn get(&self, index: usize) -> Option<&Bytes> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.more.get(index),
        }
    }

    pub(in crate::policies::retry) const fn len(&self) -> usize {
        self.first.is_some() as usize + self.more.len()
    }

    /// The bytes from a chunk on.
    pub(in crate::policies::retry) fn bytes_from(&self, index: usize) -> u64 {
        let chunks = self.first.iter().chain(&self.more).skip(index);
        chunks.map(|chunk| chunk.len() as u64).sum()
    }
}

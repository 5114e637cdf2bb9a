use bytes::Bytes;

/// Data read from a body, in order of arrival.
///
/// The first chunk has its own field: most bodies have no other, and so need no vector.
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

    /// Returns the number of bytes from the chunk at `index` on.
    pub(in crate::policies::retry) fn bytes_from(&self, index: usize) -> u64 {
        let chunks = self.first.iter().chain(&self.more).skip(index);
        chunks.map(|chunk| chunk.len() as u64).sum()
    }
}

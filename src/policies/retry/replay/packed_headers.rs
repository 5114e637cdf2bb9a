use std::cell::RefCell;
use std::{iter, mem};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers packed into bytes: a word with both lengths, the name, and the value, for each value.
#[derive(Debug)]
pub(in crate::policies::retry) struct PackedHeaders(Vec<u8>);

/// Bytes reserved for each header; longer headers grow the buffer.
const USUAL: usize = 56;

/// One value with its name, which is repeated for each value of the name.
#[derive(Debug)]
struct Pair<'a> {
    name: &'a [u8],
    sensitive: bool,
    bytes: &'a [u8],
}

impl PackedHeaders {
    pub(in crate::policies::retry) fn of(headers: &HeaderMap) -> Self {
        let mut bytes = take_buffer();
        bytes.reserve(headers.len() * USUAL);
        for (name, value) in headers {
            let (name, text) = (name.as_str().as_bytes(), value.as_bytes());
            // Little-endian on every target; the words are not aligned, so they are copied byte by
            // byte.
            let word = PairHeader::new(name.len(), text.len(), value.is_sensitive());
            bytes.extend_from_slice(&word.0.to_le_bytes());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(text);
        }
        Self(bytes)
    }

    pub(in crate::policies::retry) fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for pair in self.pairs() {
            // Accepts one character more than `from_bytes`, and every name was valid in its map.
            let name = HeaderName::from_lowercase(pair.name).expect(VALID);
            map.append(name, pair.value());
        }
        map
    }

    /// Returns the first value of this name.
    pub(in crate::policies::retry) fn value(&self, name: &HeaderName) -> Option<HeaderValue> {
        let mut pairs = self.pairs();
        let found = pairs.find(|pair| pair.name == name.as_str().as_bytes());
        found.map(|pair| pair.value())
    }

    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let mut rest = self.0.as_slice();
        iter::from_fn(move || {
            let (word, after) = rest.split_first_chunk()?;
            let word = PairHeader(u64::from_le_bytes(*word));
            let (name, after) = after.split_at(word.name_len());
            let (bytes, after) = after.split_at(word.value_len());
            rest = after;
            Some(Pair {
                name,
                sensitive: word.is_sensitive(),
                bytes,
            })
        })
    }
}

impl Pair<'_> {
    fn value(&self) -> HeaderValue {
        let mut value = HeaderValue::from_bytes(self.bytes).expect(VALID);
        value.set_sensitive(self.sensitive);
        value
    }
}

impl Drop for PackedHeaders {
    fn drop(&mut self) {
        return_buffer(mem::take(&mut self.0));
    }
}

thread_local! {
    /// Buffers of dropped heads, reused by later ones to save an allocation for each.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

// Limits of the buffers that each thread keeps: 16 of at most 4 KiB, 64 KiB in all.
const MOST_SPARE: usize = 16;
const LARGEST_SPARE: usize = 4 * 1024;

fn take_buffer() -> Vec<u8> {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
    spare.ok().flatten().unwrap_or_default()
}

fn return_buffer(mut bytes: Vec<u8>) {
    if bytes.capacity() <= LARGEST_SPARE {
        bytes.clear();
        // Fails only while the thread shuts down; the buffer is then freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MOST_SPARE {
                spare.push(bytes);
            }
        });
    }
}

const VALID: &str = "it was a header's before it was packed";

/// Lengths of a name and a value, and a bit for a sensitive value.
#[derive(Clone, Copy, Debug)]
struct PairHeader(u64);

/// Bits of a name's length: `HeaderName` limits names to 64 KiB. The rest exceeds any value in
/// memory.
const NAME_BITS: u32 = 16;

impl PairHeader {
    const fn new(name_len: usize, value_len: usize, sensitive: bool) -> Self {
        Self((value_len as u64) << (NAME_BITS + 1) | (name_len as u64) << 1 | sensitive as u64)
    }

    const fn is_sensitive(self) -> bool {
        self.0 & 1 == 1
    }

    const fn name_len(self) -> usize {
        (self.0 >> 1) as usize & ((1 << NAME_BITS) - 1)
    }

    const fn value_len(self) -> usize {
        (self.0 >> (NAME_BITS + 1)) as usize
    }
}

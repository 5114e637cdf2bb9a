use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;

use super::encoding;
use crate::foundation::outcome::WorkloadMetadata;

/// Number of peers that are distinguished. Those after them are unknown: their names are labels of metrics.
const MAX_PEERS: usize = 1_024;

/// Number of peers that each thread remembers, a power of two.
const MAX_LOCAL: usize = 16;

/// Known peers by their header, so that each is decoded once.
#[derive(Debug, Default)]
pub(crate) struct PeerTable {
    known: Mutex<HashMap<HeaderValue, Option<Arc<WorkloadMetadata>>>>,
}

/// Header and peer that a thread has seen last at a place.
type Local = Option<(HeaderValue, Option<Arc<WorkloadMetadata>>)>;

thread_local! {
    static LOCAL: RefCell<[Local; MAX_LOCAL]> = const { RefCell::new([const { None }; MAX_LOCAL]) };
}

impl PeerTable {
    /// Returns the peer that a header names; none if it is invalid, or one too many.
    pub(crate) fn find(&self, header: &HeaderValue) -> Option<Arc<WorkloadMetadata>> {
        let bytes = header.as_bytes();
        let place = place_of(bytes);
        let local = LOCAL.try_with(|local| {
            let local = local.borrow();
            local[place]
                .as_ref()
                .filter(|(known, _)| known == header)
                .map(|(_, peer)| peer.clone())
        });
        if let Ok(Some(peer)) = local {
            return peer;
        }
        let peer = self.find_shared(header);
        // A copy of its own: the received one may hold the buffer of a connection.
        if let Ok(kept) = HeaderValue::from_bytes(bytes) {
            let _ = LOCAL.try_with(|local| local.borrow_mut()[place] = Some((kept, peer.clone())));
        }
        peer
    }

    #[cold]
    fn find_shared(&self, header: &HeaderValue) -> Option<Arc<WorkloadMetadata>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = known.get(header) {
            return peer.clone();
        }
        if known.len() >= MAX_PEERS {
            return None;
        }
        let peer = encoding::decode(header.as_bytes()).map(Arc::new);
        if let Ok(kept) = HeaderValue::from_bytes(header.as_bytes()) {
            known.insert(kept, peer.clone());
        }
        peer
    }
}

/// Returns the place of a header in a thread's memory, by steps of 8 bytes: a header has some hundreds.
fn place_of(bytes: &[u8]) -> usize {
    let mut hash = bytes.len() as u64;
    for chunk in bytes.as_chunks().0 {
        hash =
            (hash.rotate_left(5) ^ u64::from_le_bytes(*chunk)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    // The upper bits depend on all others.
    (hash >> 40) as usize % MAX_LOCAL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(number: usize) -> HeaderValue {
        let metadata = WorkloadMetadata::new(format!("w{number}"), "n", |_| None);
        HeaderValue::try_from(encoding::encode(&metadata)).expect("base64")
    }

    #[test]
    fn a_peer_is_decoded_once() {
        let table = PeerTable::default();
        let first = table.find(&header(1)).expect("valid");
        let second = table.find(&header(1)).expect("valid");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(&*first.workload, "w1");
    }

    #[test]
    fn peers_beyond_the_limit_are_unknown() {
        let table = PeerTable::default();
        for number in 0..MAX_PEERS {
            assert!(table.find(&header(number)).is_some());
        }
        assert_eq!(table.find(&header(MAX_PEERS)), None);
        assert!(table.find(&header(0)).is_some());
    }
}

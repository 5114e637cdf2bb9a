use std::collections::HashMap;
use std::sync::Arc;

use crate::istio::model::load::document_content::{Contents, DocumentContent};
use crate::istio::model::load::documents::Documents;

/// Contents of an earlier load, which hold for equal texts.
#[derive(Debug)]
pub(super) struct KnownContents {
    documents: Arc<Documents>,
    /// Position of the content that is expected next: most documents stay in their order.
    next: usize,
    /// Positions by the hash of the text; made for the first text that is not the expected one.
    by_hash: Option<HashMap<u64, usize>>,
}

impl KnownContents {
    pub(super) const fn new(documents: Arc<Documents>) -> Self {
        Self {
            documents,
            next: 0,
            by_hash: None,
        }
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.documents.contents
    }

    /// Returns the content of a text.
    pub(super) fn find(&mut self, text: &str) -> Option<Arc<DocumentContent>> {
        let contents = &self.documents.contents;
        let all = contents.all();
        let is_at = |place: usize| all.get(place).is_some_and(|one| *one.text == *text);
        let place = if is_at(self.next) {
            Some(self.next)
        } else {
            let hashes = || all.iter().map(|one| one.hash).zip(0..).collect();
            let by_hash = self.by_hash.get_or_insert_with(hashes);
            let found = by_hash.get(&contents.hash(text)).copied();
            // Two texts may have one hash: the second is then read again.
            found.filter(|place| is_at(*place))
        };
        // A text that is not found most likely replaces the expected one.
        self.next = place.unwrap_or(self.next) + 1;
        place.map(|place| Arc::clone(&all[place]))
    }
}

/// Shortens a text for an error message.
pub(crate) fn shorten(text: &str) -> &str {
    text.char_indices()
        // By characters, so that no UTF-8 sequence is cut.
        .nth(80)
        .map_or(text, |(end, _)| &text[..end])
}

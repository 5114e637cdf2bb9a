//! `x-request-id`, created and kept as by Envoy.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::hex::hex_of;
use crate::foundation::sync::rng::Rng;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Limit in bytes; a longer id is replaced, as it is copied into every log line and every call.
const LONGEST: usize = 256;

pub(in crate::policies::telemetry) fn is_there(headers: &HeaderMap) -> bool {
    headers.contains_key(&X_REQUEST_ID)
}

/// Returns the id of a request, if it is text of an accepted length.
pub(in crate::policies::telemetry) fn read(value: &HeaderValue) -> Option<HeaderValue> {
    // A header value without bytes beyond ASCII is text.
    let sound = (1..=LONGEST).contains(&value.len()) && value.as_bytes().is_ascii();
    sound.then(|| value.clone())
}

/// Creates a UUID of version 4 (RFC 9562).
pub(in crate::policies::telemetry) fn make(rng: &Rng) -> HeaderValue {
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    // Bits 76 to 79 hold the version, bits 62 and 63 the variant.
    let version = bits & !(0xf << 76) | 0x4 << 76;
    let uuid = version & !(0x3 << 62) | 0x2 << 62;
    let digits: [u8; 32] = hex_of(uuid.to_be_bytes());
    let mut text = *b"00000000-0000-0000-0000-000000000000";
    for (place, from) in [
        (0..8, 0),
        (9..13, 8),
        (14..18, 12),
        (19..23, 16),
        (24..36, 20),
    ] {
        let length = place.len();
        text[place].copy_from_slice(&digits[from..from + length]);
    }
    HeaderValue::from_bytes(&text).expect("digits and dashes are a header value")
}

/// Sets the id of a request that has none.
pub(in crate::policies::telemetry) fn write(request_id: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(&X_REQUEST_ID, request_id.clone());
}

/// Sets the id of a message, and replaces an existing one.
pub(in crate::policies::telemetry) fn overwrite(request_id: &HeaderValue, headers: &mut HeaderMap) {
    if headers.get(&X_REQUEST_ID) != Some(request_id) {
        headers.insert(&X_REQUEST_ID, request_id.clone());
    }
}

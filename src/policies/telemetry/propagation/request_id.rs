//! `x-request-id`, as Envoy makes and keeps it.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::hex::hex_of;
use crate::foundation::sync::rng::Rng;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A longer one is replaced: it goes into every log line and every call.
const LONGEST: usize = 256;

pub(in crate::policies::telemetry) fn is_there(headers: &HeaderMap) -> bool {
    headers.contains_key(&X_REQUEST_ID)
}

/// Returns the id that a request has, if it is text of a sound length.
pub(in crate::policies::telemetry) fn read(value: &HeaderValue) -> Option<HeaderValue> {
    // Of bytes that are not text a value of a header has only those beyond ASCII.
    let sound = (1..=LONGEST).contains(&value.len()) && value.as_bytes().is_ascii();
    sound.then(|| value.clone())
}

/// Makes a UUID of version 4 (RFC 9562).
pub(in crate::policies::telemetry) fn make(rng: &Rng) -> HeaderValue {
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
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

/// Puts the id on a request that has none.
pub(in crate::policies::telemetry) fn write(request_id: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(&X_REQUEST_ID, request_id.clone());
}

/// Puts the id on a message, whatever was there.
pub(in crate::policies::telemetry) fn overwrite(request_id: &HeaderValue, headers: &mut HeaderMap) {
    if headers.get(&X_REQUEST_ID) != Some(request_id) {
        headers.insert(&X_REQUEST_ID, request_id.clone());
    }
}

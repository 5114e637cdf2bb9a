//! Sizes of a request and its response, in bytes and in messages of gRPC.

use http::{HeaderMap, header};

use crate::foundation::http::{RequestHead, ResponseHead};

/// Bytes of a status line or a request line beside its texts, such as `HTTP/1.1 200 OK` with its line end.
const STATUS_LINE: u64 = 17;
const REQUEST_LINE: u64 = 12;

/// Bytes between a name, its value and the next name, and of the empty line.
const BETWEEN: usize = 4;
const EMPTY_LINE: u64 = 2;

/// Sizes of a request and its response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    /// Length of the request's body, if its headers declare it.
    declared: Option<u64>,
    /// Messages of the response, of a gRPC call.
    messages: Option<Messages>,
    request_head: u64,
    /// Bytes of the response so far.
    pub(super) response: u64,
}

impl Sizes {
    pub(super) fn of(head: RequestHead<'_>, is_grpc: bool) -> Self {
        let headers = head.headers();
        let path = head
            .uri()
            .path_and_query()
            .map_or(1, |path| path.as_str().len());
        // HTTP/1.1 has the authority in `Host`.
        let host = match head.uri().authority() {
            Some(authority) if !headers.contains_key(header::HOST) => authority.as_str().len() + 8,
            _ => 0,
        };
        let line = REQUEST_LINE + (head.method().as_str().len() + path + host) as u64;
        let declared = headers.get(header::CONTENT_LENGTH);
        Self {
            declared: declared.and_then(|length| length.to_str().ok()?.parse().ok()),
            messages: is_grpc.then(Messages::default),
            request_head: line + fields(headers),
            response: 0,
        }
    }

    /// Counts a piece of the response's body.
    pub(super) fn add(&mut self, data: &[u8]) {
        self.response += data.len() as u64;
        if let Some(messages) = &mut self.messages {
            messages.count_in(data);
        }
    }

    /// Returns the bytes of the request, whose body has this length if its headers declare none.
    pub(super) fn request(&self, body: Option<u64>) -> u64 {
        let body = self.declared.or(body).unwrap_or_default();
        self.request_head.saturating_add(body)
    }

    /// Returns the number of messages in the response.
    pub(super) fn messages(&self) -> u64 {
        self.messages.map_or(0, |messages| messages.count)
    }
}

/// Returns the bytes of a response's head.
pub(super) fn head_of_response(head: ResponseHead<'_>) -> u64 {
    STATUS_LINE + fields(head.headers())
}

fn fields(headers: &HeaderMap) -> u64 {
    let fields = headers.iter();
    let bytes: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + BETWEEN)
        .sum();
    bytes as u64 + EMPTY_LINE
}

/// Counter of gRPC's messages, each of which has a flag and a length of 4 bytes before it.
#[derive(Clone, Copy, Debug, Default)]
struct Messages {
    count: u64,
    /// Bytes of the current prefix that were read, 0 to 4.
    read: u8,
    /// Length in the prefix, as far as it was read.
    length: u32,
    /// Bytes of the current message that are to come.
    left: u32,
}

impl Messages {
    fn count_in(&mut self, mut data: &[u8]) {
        while let Some((&byte, rest)) = data.split_first() {
            if self.left > 0 {
                let skipped = data.len().min(self.left as usize);
                data = &data[skipped..];
                // No more than `left`, which is a `u32`.
                self.left -= u32::try_from(skipped).unwrap_or(self.left);
                continue;
            }
            data = rest;
            // The first byte is the flag, whose bits the shifts push out.
            self.length = self.length << 8 | u32::from(byte);
            self.read += 1;
            if self.read == 5 {
                self.count += 1;
                self.left = self.length;
                (self.read, self.length) = (0, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};

    use super::*;

    #[test]
    fn a_request_is_as_long_as_over_http_1() {
        let text = "PUT /a?b HTTP/1.1\r\nhost: users:80\r\ncontent-length: 7\r\n\r\n";
        let request = Request::put("http://users:80/a?b").header("content-length", "7");
        let request = request.body(()).expect("valid");
        let sizes = Sizes::of(RequestHead::of(&request), false);
        assert_eq!(sizes.request(None), text.len() as u64 + 7);
    }

    #[test]
    fn a_body_that_no_header_declares_counts_as_long_as_it_is_known() {
        let request = Request::new(());
        let sizes = Sizes::of(RequestHead::of(&request), false);
        assert_eq!(sizes.request(Some(9)), sizes.request(None) + 9);
    }

    #[test]
    fn a_response_is_as_long_as_over_http_1() {
        let text = "HTTP/1.1 200 OK\r\na: b\r\n\r\n";
        let response = Response::builder()
            .header("a", "b")
            .body(())
            .expect("valid");
        assert_eq!(
            head_of_response(ResponseHead::of(&response)),
            text.len() as u64
        );
    }

    #[test]
    fn messages_are_counted_wherever_they_are_cut() {
        let stream = [
            &[0, 0, 0, 0, 3][..],
            b"abc",
            &[1, 0, 0, 0, 0],
            &[0, 0, 0, 1, 4],
            &[7; 260],
        ]
        .concat();
        for size in [1, 2, 3, 7, stream.len()] {
            let mut messages = Messages::default();
            for piece in stream.chunks(size) {
                messages.count_in(piece);
            }
            assert_eq!((messages.count, messages.left), (3, 0), "pieces of {size}");
        }
    }
}

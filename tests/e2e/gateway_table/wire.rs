use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any answer takes.
const LIMIT: Duration = Duration::from_secs(10);

/// Returns the bytes that a table writes as characters up to 0xff, and `{{a:9}}` for nine letters.
pub(crate) fn bytes_of(text: &str) -> Vec<u8> {
    let mut text = text.to_owned();
    while let Some((before, after)) = text.split_once("{{a:") {
        let (count, after) = after.split_once("}}").unwrap();
        text = format!("{before}{}{after}", "a".repeat(count.parse().unwrap()));
    }
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

/// Writes 200 letters and more as a table does.
pub(crate) fn collapsed(text: &str) -> String {
    let mut collapsed = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(&"a".repeat(200)) {
        let letters = &rest[start..];
        let count = letters.len() - letters.trim_start_matches('a').len();
        collapsed = format!("{collapsed}{}{{{{a:{count}}}}}", &rest[..start]);
        rest = &letters[count..];
    }
    collapsed + rest
}

/// Sends bytes on a connection of their own, and returns the statuses of the answers: as many as are
/// wanted, or, if none is, those that come until the server closes.
pub(crate) async fn send(
    address: SocketAddr,
    request: &[u8],
    half_closed: bool,
    wanted: usize,
) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read all: its answer counts.
    let _ = stream.write_all(request).await;
    if half_closed {
        stream.shutdown().await.unwrap();
    }
    let without_body = request.starts_with(b"HEAD ");
    let mut data = Vec::new();
    let reading = async {
        let mut statuses = Vec::new();
        while statuses.len() < wanted.max(1) {
            if let Some(status) = answer(&mut data, without_body) {
                statuses.push(status);
            } else if stream.read_buf(&mut data).await.unwrap_or(0) == 0 {
                break;
            }
        }
        statuses
    };
    let in_time = tokio::time::timeout(LIMIT, reading).await;
    in_time.expect("it is answered long before")
}

/// Takes one answer from what came, if it is whole.
fn answer(data: &mut Vec<u8>, without_body: bool) -> Option<u16> {
    let head = data.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&data[..head]).to_ascii_lowercase();
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let field = |name: &str| {
        let mut lines = text.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| *own == name).map(|(_, value)| value)
    };
    let length: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
    let end = head + if without_body { 0 } else { length };
    (data.len() >= end).then(|| {
        data.drain(..end);
        status
    })
}

/// Sends one HTTP/2 request, field by field as written, and returns the status of its answer; nothing if its
/// stream or its connection is reset.
pub(crate) async fn send_h2(address: SocketAddr, fields: &Value) -> Vec<u16> {
    let mut block = Vec::new();
    for field in fields.as_array().unwrap() {
        let (name, value) = field.as_str().unwrap().rsplit_once(": ").unwrap();
        // Literal, not indexed, with a new name (RFC 7541, 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(
                u8::try_from(text.len())
                    .ok()
                    .filter(|length| *length < 127)
                    .unwrap(),
            );
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 0x5, 0, 0, 0, 1]);
    bytes.extend(block);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut data = Vec::new();
    let reading = async {
        loop {
            if let Some((kind, payload)) = frame(&mut data) {
                match kind {
                    0x1 => return vec![status(&payload)],
                    // RST_STREAM and GOAWAY.
                    0x3 | 0x7 => return Vec::new(),
                    _ => {}
                }
            } else if stream.read_buf(&mut data).await.unwrap_or(0) == 0 {
                return Vec::new();
            }
        }
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap()
}

fn frame(data: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let length = usize::from(*data.get(1)?) << 8 | usize::from(*data.get(2)?);
    let end = 9 + length;
    (data.len() >= end).then(|| {
        let frame: Vec<_> = data.drain(..end).collect();
        (frame[3], frame[9..].to_vec())
    })
}

/// Reads `:status`, which comes first, where the static table of HPACK has it (RFC 7541, appendix A); else 0.
fn status(block: &[u8]) -> u16 {
    match block[0] {
        0x88 => 200,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ => 0,
    }
}

//! Servers that fail in one way each.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::Certified;
use crate::support::Server;

/// What a server does wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It breaks off in the middle of a body of 10 bytes.
    BodyBreaksOff,
    /// It reads the request and closes the connection.
    Closed,
    /// It answers the first request of a connection, and closes it.
    ClosedWhenIdle,
    /// It answers the first request of a connection, and closes it when the second has arrived.
    ClosedWhenReused,
    /// It does not accept connections, and does not refuse them.
    Deaf,
    /// It answers with what is no HTTP.
    Garbage,
    /// It sends a GOAWAY that leaves the request's stream out.
    GoAwayLeftOut,
    /// It sends a GOAWAY that takes the request's stream in, and closes the connection all the same.
    GoAwayTakenIn,
    /// Its name is unknown.
    NoName,
    /// Nobody listens.
    Refused,
    /// It refuses the request's stream.
    RefusedStream,
    /// It reads the request and resets the connection.
    Reset,
    /// It resets the request's stream.
    ResetStream,
    /// It reads the request and says nothing.
    Silent,
    /// It ends the TLS handshake before it begins.
    TlsBrokenOff,
    /// It speaks HTTP where TLS is asked for.
    TlsSpeaksPlain,
    /// Its certificate is its own, and nobody vouches for it.
    TlsUntrusted,
}

impl Fault {
    pub(crate) const fn is_tls(self) -> bool {
        matches!(
            self,
            Self::TlsBrokenOff | Self::TlsSpeaksPlain | Self::TlsUntrusted
        )
    }
}

/// What it speaks until it fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A place that fails.
pub(crate) struct Faulty {
    authority: String,
    scheme: &'static str,
    /// What must live as long as it does.
    _held: Option<(TcpListener, Vec<TcpStream>)>,
    server: Option<Server>,
}

impl Faulty {
    pub(crate) async fn start(fault: Fault, protocol: Protocol) -> Self {
        let faulty = match fault {
            Fault::NoName => Self::nowhere("does-not-exist.invalid".into()),
            Fault::Refused => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                Self::nowhere(listener.local_addr().unwrap().to_string())
            }
            Fault::Deaf => Self::deaf().await,
            _ => Self::serving(fault, protocol).await,
        };
        let scheme = if fault.is_tls() { "https" } else { "http" };
        Self { scheme, ..faulty }
    }

    async fn serving(fault: Fault, protocol: Protocol) -> Self {
        let server = Server::run(move |listener, stopped| async move {
            tokio::select! {
                () = serve(listener, fault, protocol) => {}
                () = stopped => {}
            }
        })
        .await;
        let authority = server.address().to_string();
        Self {
            server: Some(server),
            ..Self::nowhere(authority)
        }
    }

    pub(crate) fn uri(&self) -> String {
        format!("{}://{}/", self.scheme, self.authority)
    }

    pub(crate) async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }

    const fn nowhere(authority: String) -> Self {
        Self {
            authority,
            scheme: "http",
            _held: None,
            server: None,
        }
    }

    /// Listens with a queue that is full, so that the kernel drops whoever knocks.
    async fn deaf() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            held.push(stream);
        }
        Self {
            _held: Some((listener, held)),
            ..Self::nowhere(address.to_string())
        }
    }
}

/// Serves connections one after the other, each to its end.
async fn serve(listener: TcpListener, fault: Fault, protocol: Protocol) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An error is the client's going away, and what it saw is what the test looks at.
        let _ = play(&mut stream, fault, protocol).await;
    }
}

async fn play(stream: &mut TcpStream, fault: Fault, protocol: Protocol) -> std::io::Result<()> {
    match fault {
        Fault::TlsBrokenOff => {
            client_hello(stream).await?;
            return Ok(());
        }
        Fault::TlsSpeaksPlain => {
            client_hello(stream).await?;
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
        Fault::TlsUntrusted => {
            // The client breaks the handshake off, and says why.
            let acceptor = Certified::of("localhost").acceptor();
            return acceptor.accept(stream).await.map(drop);
        }
        _ => {}
    }
    match protocol {
        Protocol::Http1 => http1_request(stream).await?,
        Protocol::Http2 => http2_request(stream).await?,
    }
    match fault {
        Fault::BodyBreaksOff if protocol == Protocol::Http1 => {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
            stream.write_all(answer).await?;
        }
        Fault::BodyBreaksOff => {
            let status_200 = 0x88;
            stream
                .write_all(&frame(HEADERS, 4, 1, &[status_200]))
                .await?;
            stream.write_all(&frame(DATA, 0, 1, b"hello")).await?;
        }
        Fault::ClosedWhenIdle => stream.write_all(ANSWER).await?,
        Fault::ClosedWhenReused => {
            stream.write_all(ANSWER).await?;
            http1_request(stream).await?;
        }
        Fault::Garbage => stream.write_all(b"220 smtp.example.com ESMTP\r\n").await?,
        Fault::GoAwayLeftOut => stream.write_all(&go_away(0)).await?,
        Fault::GoAwayTakenIn => stream.write_all(&go_away(1)).await?,
        Fault::RefusedStream => stream.write_all(&rst_stream(REFUSED_STREAM)).await?,
        Fault::ResetStream => stream.write_all(&rst_stream(INTERNAL_ERROR)).await?,
        Fault::Reset => return stream.set_zero_linger(),
        Fault::Silent => return drain(stream).await,
        _ => {}
    }
    stream.shutdown().await?;
    // Closed with something unread, the end would be a reset.
    drain(stream).await
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

async fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn client_hello(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let length = u16::from_be_bytes([head[3], head[4]]);
    stream.read_exact(&mut vec![0; length.into()]).await?;
    Ok(())
}

/// Reads a request that has no body.
async fn http1_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const ACK: u8 = 1;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;

/// Shakes hands, and reads to the end of the request's head.
///
/// It waits for the client's last word on the handshake, too: then the client reads, and sees what
/// happens, instead of writing into it.
async fn http2_request(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; PREFACE]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let (mut asked, mut shaken) = (false, false);
    while !asked || !shaken {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        stream.read_exact(&mut vec![0; length as usize]).await?;
        match kind {
            HEADERS => asked = true,
            SETTINGS if flags == ACK => shaken = true,
            SETTINGS => stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
            _ => {}
        }
    }
    Ok(())
}

fn rst_stream(reason: u32) -> Vec<u8> {
    frame(3, 0, 1, &reason.to_be_bytes())
}

fn go_away(last_stream: u32) -> Vec<u8> {
    let mut payload = last_stream.to_be_bytes().to_vec();
    payload.extend(0_u32.to_be_bytes());
    frame(7, 0, 0, &payload)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![0, 0, length, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

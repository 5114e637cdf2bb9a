//! Servers that serve many connections at once, and each of them badly; what arrives is written down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::Server;

/// What a server does to each connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// It answers what is no HTTP.
    AnswersNonsense,
    /// It answers a request and closes the connection, as the client is about to use it again.
    ClosesAfterEach,
    /// It answers one request, and closes the connection when it has read another.
    ClosesWhenReused,
    /// It accepts connections and reads nothing.
    Hangs,
    /// It resets the connection in the middle of a body.
    ResetsMidBody,
}

/// A server that behaves badly.
pub(crate) struct Bad {
    arrived: Arc<Mutex<Vec<String>>>,
    server: Server,
}

impl Bad {
    pub(crate) async fn start(manner: Manner) -> Self {
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&arrived);
        let server = Server::run(move |listener, mut stopped| async move {
            // They end with the server.
            let mut connections = JoinSet::new();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut stopped => return,
                };
                let (stream, _) = accepted.unwrap();
                connections.spawn(misbehave(stream, manner, Arc::clone(&book)));
            }
        })
        .await;
        Self { arrived, server }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many requests with this method have arrived.
    pub(crate) fn arrived(&self, method: &str) -> usize {
        let arrived = self.arrived.lock().unwrap();
        let has_method = |line: &&String| line.split(' ').next() == Some(method);
        arrived.iter().filter(has_method).count()
    }

    /// How often a request for this path has arrived.
    pub(crate) fn arrived_for(&self, method: &str, path: &str) -> usize {
        let line = format!("{method} {path}");
        let arrived = self.arrived.lock().unwrap();
        arrived.iter().filter(|arrived| **arrived == line).count()
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

/// An error is the client's going away.
async fn misbehave(
    mut stream: TcpStream,
    manner: Manner,
    arrived: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    if manner == Manner::Hangs {
        std::future::pending::<()>().await;
    }
    let first = read(&mut stream).await?;
    arrived.lock().unwrap().push(first);
    if manner == Manner::AnswersNonsense {
        return stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    }
    if manner == Manner::ResetsMidBody {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
        stream.write_all(answer).await?;
        return stream.set_zero_linger();
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    stream.write_all(answer).await?;
    if manner == Manner::ClosesWhenReused {
        let second = read(&mut stream).await?;
        arrived.lock().unwrap().push(second);
    }
    Ok(())
}

/// Reads a request to its end, and returns its method and its path.
async fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).await?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    Ok(format!("{} {path}", method.to_ascii_uppercase()))
}

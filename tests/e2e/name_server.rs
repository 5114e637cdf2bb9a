//! A name server on loopback that says what it is told to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// What is asked, over what, and when.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) name: String,
    pub(crate) over_tcp: bool,
}

#[derive(Debug, Default)]
struct Zone {
    asked: Vec<Asked>,
    fails: bool,
    records: HashMap<(String, u16), Vec<Record>>,
    silent: bool,
    /// How long an answer takes, by its kind.
    slow: HashMap<u16, Duration>,
    truncates: bool,
}

#[derive(Clone, Debug)]
struct Record {
    name: String,
    kind: u16,
    data: Vec<u8>,
    ttl: u32,
}

/// It stops when it is dropped.
pub(crate) struct NameServer {
    address: SocketAddr,
    _tasks: JoinSet<()>,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Self {
            address,
            _tasks: tasks,
            zone,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the addresses of a name.
    pub(crate) fn set<'a>(
        &self,
        name: &str,
        ttl: u32,
        addresses: impl IntoIterator<Item = &'a str>,
    ) {
        let mut zone = self.zone();
        zone.records.retain(|(known, _), _| known != name);
        for address in addresses {
            let (kind, data) = match address.parse().unwrap() {
                IpAddr::V4(ip) => (A, ip.octets().to_vec()),
                IpAddr::V6(ip) => (AAAA, ip.octets().to_vec()),
            };
            zone.add(name, record(name, kind, ttl, data));
        }
    }

    /// Makes `alias` another name for the IPv4 addresses of `name`.
    pub(crate) fn alias(&self, alias: &str, ttl: u32, name: &str) {
        let mut zone = self.zone();
        let of_name = zone.records[&(name.to_owned(), A)].clone();
        let cname = record(alias, CNAME, ttl, encoded(name));
        let records = std::iter::once(cname).chain(of_name).collect();
        zone.records.insert((alias.to_owned(), A), records);
    }

    /// Sets the priorities, weights, ports and hosts of a service.
    pub(crate) fn serve(&self, name: &str, ttl: u32, services: &[(u16, u16, u16, &str)]) {
        let mut zone = self.zone();
        zone.records.retain(|(known, _), _| known != name);
        for (priority, weight, port, host) in services {
            let numbers = [*priority, *weight, *port].map(u16::to_be_bytes).concat();
            let data = [numbers, encoded(host)].concat();
            zone.add(name, record(name, SRV, ttl, data));
        }
    }

    pub(crate) fn forget(&self, name: &str) {
        self.zone().records.retain(|(known, _), _| known != name);
    }

    /// Makes it answer that it has failed.
    pub(crate) fn fail(&self, fails: bool) {
        self.zone().fails = fails;
    }

    /// Makes it say nothing.
    pub(crate) fn silence(&self, silent: bool) {
        self.zone().silent = silent;
    }

    /// Makes its answers over UDP take so long: those for IPv4, and those for IPv6.
    pub(crate) fn slow_down(&self, v4: Duration, v6: Duration) {
        self.zone().slow = HashMap::from([(A, v4), (AAAA, v6)]);
    }

    /// Makes it say over UDP that there is more than fits.
    pub(crate) fn truncate(&self) {
        self.zone().truncates = true;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.zone().asked.clone()
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap()
    }
}

impl Zone {
    fn add(&mut self, name: &str, record: Record) {
        let key = (name.to_owned(), record.kind);
        self.records.entry(key).or_default().push(record);
    }

    /// How long the answer to a question takes.
    fn delay(&self, question: &[u8]) -> Duration {
        let kind = name_at(question, 12).and_then(|(_, end)| {
            let kind = question.get(end..end + 2)?;
            Some(u16::from_be_bytes(kind.try_into().ok()?))
        });
        let slow = kind.and_then(|kind| self.slow.get(&kind));
        slow.copied().unwrap_or_default()
    }

    /// Answers a question; not at all if it is silent.
    #[expect(
        clippy::disallowed_methods,
        reason = "when it is asked is what tests look at"
    )]
    fn answer(&mut self, question: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        let (name, end) = name_at(question, 12)?;
        let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
        self.asked.push(Asked {
            at: Instant::now(),
            name: name.clone(),
            over_tcp,
        });
        if self.silent {
            return None;
        }
        let truncated = self.truncates && !over_tcp;
        let is_known = self.records.keys().any(|(known, _)| *known == name);
        let code = match (self.fails, is_known) {
            (true, _) => SERVFAIL,
            (false, true) => 0,
            (false, false) => NXDOMAIN,
        };
        let records = self.records.get(&(name, kind));
        let records = records.filter(|_| !self.fails && !truncated);
        let records = records.map(Vec::as_slice).unwrap_or_default();
        let mut answer = question[..2].to_vec();
        // A response, recursion desired and available.
        answer.extend([0x81 | u8::from(truncated) << 1, 0x80 | code]);
        let count = u16::try_from(records.len()).unwrap();
        answer.extend([1, count, 0, 0].map(u16::to_be_bytes).concat());
        answer.extend(&question[12..end + 4]);
        for record in records {
            answer.extend(encoded(&record.name));
            answer.extend([record.kind, 1].map(u16::to_be_bytes).concat());
            answer.extend(record.ttl.to_be_bytes());
            let length = u16::try_from(record.data.len()).unwrap();
            answer.extend(length.to_be_bytes());
            answer.extend(&record.data);
        }
        Some(answer)
    }
}

/// Two sockets on one port.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let socket = Arc::new(socket);
    let mut question = [0; 1_500];
    let mut late = JoinSet::new();
    loop {
        let (length, from) = socket.recv_from(&mut question).await.unwrap();
        let (answer, delay) = {
            let mut zone = zone.lock().unwrap();
            let delay = zone.delay(&question[..length]);
            (zone.answer(&question[..length], false), delay)
        };
        let Some(answer) = answer else { continue };
        if delay.is_zero() {
            socket.send_to(&answer, from).await.unwrap();
        } else {
            let socket = Arc::clone(&socket);
            late.spawn(async move {
                tokio::time::sleep(delay).await;
                // The one that asked may be gone.
                let _ = socket.send_to(&answer, from).await;
            });
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, Arc::clone(&zone)));
    }
}

/// Answers on one connection until the other side goes away.
async fn converse(mut stream: TcpStream, zone: Arc<Mutex<Zone>>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; length.into()];
        stream.read_exact(&mut question).await?;
        let answer = zone.lock().unwrap().answer(&question, true);
        if let Some(answer) = answer {
            stream
                .write_u16(u16::try_from(answer.len()).unwrap())
                .await?;
            stream.write_all(&answer).await?;
        }
    }
}

fn record(name: &str, kind: u16, ttl: u32, data: Vec<u8>) -> Record {
    Record {
        name: name.to_owned(),
        kind,
        data,
        ttl,
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Reads a name that is not compressed, and says where it ends.
fn name_at(message: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut labels) = (start, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = std::str::from_utf8(message.get(at..at + length)?).ok()?;
        labels.push(label.to_ascii_lowercase());
        at += length;
    }
}

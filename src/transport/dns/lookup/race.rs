//! Finds out which family of addresses works: RFC 8305, for a name and not for each connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Most addresses of a family that are tried.
const TRIED: usize = 3;
/// Time by which the other family may connect later: RFC 8305's delay between attempts.
const LATER: Duration = Duration::from_millis(250);
/// Time that the first may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// Says whether IPv4 and IPv6 work, by a connection that is closed at once.
///
/// A family is left out if the other connects and it does not. If neither does, that says nothing about
/// the families.
pub(in crate::transport::dns) async fn race([v4, v6]: [Vec<SocketAddr>; 2]) -> [bool; 2] {
    let (mut v4, mut v6) = (pin!(connects(v4)), pin!(connects(v6)));
    let first = async {
        tokio::select! {
            works = &mut v4 => (0, works),
            works = &mut v6 => (1, works),
        }
    };
    let Ok((first, works)) = timeout(LIMIT, first).await else {
        return [true, true];
    };
    let later = if works { LATER } else { LIMIT };
    let other = if first == 0 {
        timeout(later, v6).await
    } else {
        timeout(later, v4).await
    };
    match (first, works, other.unwrap_or(false)) {
        (0, true, false) | (1, false, true) => [true, false],
        (1, true, false) | (0, false, true) => [false, true],
        _ => [true, true],
    }
}

/// Says whether one of the addresses takes a connection.
async fn connects(addresses: Vec<SocketAddr>) -> bool {
    let mut connecting = JoinSet::new();
    for address in addresses.into_iter().take(TRIED) {
        connecting.spawn(TcpStream::connect(address));
    }
    while let Some(connected) = connecting.join_next().await {
        if matches!(connected, Ok(Ok(_))) {
            return true;
        }
    }
    false
}

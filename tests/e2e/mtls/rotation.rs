use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use meshless::client::{Client, TcpConnector, Transport};
use meshless::events::EventKind;
use meshless::mtls::{
    CertificateError, CertificateFiles, CertificateOptions, Certificates, Credentials, MtlsMode,
};
use meshless::pool::PoolPolicy;
use meshless::testing::RecordingObserver;
use rcgen::date_time_ymd;

use super::Workload;
use super::identities::{Authority, CART, Leaf, USERS, certificates, leaf_params, options};
use crate::support::until;

/// A client that shakes hands for each request.
fn client(certificates: &Certificates) -> Client {
    let connector = TcpConnector::new()
        .without_proxies()
        .with_mtls(certificates.clone(), [USERS]);
    let policy = PoolPolicy::default().with_max_requests_per_connection(1);
    Client::new(Transport::pooled(policy, connector))
}

#[tokio::test]
async fn certificates_and_roots_are_replaced_under_load_without_a_failed_request() {
    let [old, new] = [Authority::new(), Authority::new()];
    let both = format!("{}{}", old.root(), new.root());
    let ours = certificates(&old.credentials(CART));
    let theirs = certificates(&old.credentials(USERS));
    let server = Workload::new(MtlsMode::Strict, theirs.clone()).await;
    let url = format!("https://{}/", server.address());
    let (done, stop) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let client = client(&ours);
            let (done, stop, url) = (Arc::clone(&done), Arc::clone(&stop), url.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let response = client.get(&url).send().await.unwrap();
                    assert_eq!(response.text().await.unwrap(), CART);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let leaf = |authority: &Authority, id: &str, roots: &str| {
        let Leaf { chain, key } = authority.issue(id);
        Credentials::from_pem(chain, key, roots)
    };
    // Roots first, then leaves, then the old root goes; and the other way.
    for (from, to) in [(&old, &new), (&new, &old), (&old, &new)] {
        for (authority, roots) in [(from, &*both), (to, &*both), (to, to.root())] {
            for (certificates, id) in [(&ours, CART), (&theirs, USERS)] {
                certificates.replace(&leaf(authority, id, roots)).unwrap();
                let before = done.load(Ordering::Relaxed);
                until(|| done.load(Ordering::Relaxed) >= before + 8).await;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(server.stats.callers(), []);
    assert!(server.stats.mutual_tls() >= 18 * 8);
}

#[tokio::test]
async fn files_are_followed_and_a_half_written_pair_is_not_used() {
    let authority = Authority::new();
    let folder = std::env::temp_dir().join(format!("meshless-mtls-files-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [chain, key, roots] = ["chain.pem", "key.pem", "roots.pem"].map(|name| folder.join(name));
    let first = authority.issue(CART);
    fs::write(&chain, &first.chain).unwrap();
    fs::write(&key, &first.key).unwrap();
    fs::write(&roots, authority.root()).unwrap();
    let events = Arc::new(RecordingObserver::new(100));
    let options = options()
        .with_observer(Arc::clone(&events) as _)
        .with_refresh(Duration::from_millis(5));
    let files = CertificateFiles::new(&chain, &key, &roots);
    let certificates = Certificates::new(files, options).unwrap();
    let server = Workload::new(MtlsMode::Strict, authority.certificates(USERS)).await;
    let client = client(&certificates);
    let call = || async {
        let url = format!("https://{}/", server.address());
        let response = client.get(url).send().await.unwrap();
        response.text().await.unwrap()
    };
    assert_eq!(call().await, CART);

    let second = authority.issue("spiffe://cluster.local/ns/shop/sa/renamed");
    fs::write(&chain, &second.chain).unwrap();
    until(|| events.count("certificate_not_loaded") == 1).await;
    assert!(matches!(
        certificates.refresh(),
        Err(CertificateError::KeyMismatch { .. })
    ));
    let failed = events.take();
    let text = failed[0].0.to_string();
    assert!(
        text.contains("key.pem: the private key does not belong"),
        "{text}"
    );
    assert_eq!(call().await, CART);

    fs::write(&key, &second.key).unwrap();
    until(|| events.count("certificate_rotated") == 1).await;
    assert_eq!(call().await, "spiffe://cluster.local/ns/shop/sa/renamed");
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_an_error_with_the_file() {
    let authority = Authority::new();
    let leaf = authority.issue(CART);
    let load = |chain: &str, key: &str, roots: &str| {
        let credentials = Credentials::from_pem(chain, key, roots);
        Certificates::new(credentials, options()).unwrap_err()
    };
    let mut params = leaf_params(&[CART]);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
    let expired = authority.sign(&params);
    let two = authority.sign(&leaf_params(&[CART, USERS]));
    let root = authority.root();
    let broken = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    for (error, text) in [
        (
            load(&expired.chain, &expired.key, root),
            "the certificate chain: the certificate is expired",
        ),
        (
            load(&two.chain, &two.key, root),
            "the certificate chain: certificate with several URIs",
        ),
        (
            load(&leaf.chain, &two.key, root),
            "the private key: the private key does not belong to the certificate of the certificate chain",
        ),
        (
            load("", &leaf.key, root),
            "the certificate chain: no certificate (`BEGIN CERTIFICATE`)",
        ),
        (
            load(&leaf.chain, "", root),
            "the private key: no private key (`BEGIN PRIVATE KEY`)",
        ),
        (
            load(&leaf.chain, &leaf.key, ""),
            "the roots: no certificate (`BEGIN CERTIFICATE`)",
        ),
        (
            load(broken, &leaf.key, root),
            "the certificate chain: not PEM: base64 decode error: InvalidCharacter(63)",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
    let files = CertificateFiles::new("/nowhere/a.pem", "/nowhere/b.pem", "/nowhere/c.pem");
    let error = Certificates::new(files, options()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/a.pem: No such file"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_that_expires_soon_is_reported() {
    let authority = Authority::new();
    let mut params = leaf_params(&[CART]);
    // Of years, it has an hour left.
    params.not_after = (std::time::SystemTime::now() + Duration::from_secs(3_600)).into();
    let Leaf { chain, key } = authority.sign(&params);
    let events = Arc::new(RecordingObserver::new(10));
    let options: CertificateOptions = options().with_observer(Arc::clone(&events) as _);
    let credentials = Credentials::from_pem(chain, key, authority.root());
    let certificates = Certificates::new(credentials, options).unwrap();
    let all = events.events();
    let [EventKind::CertificateExpiring { expires_in }] = all[..] else {
        panic!("{all:?}");
    };
    assert!(expires_in <= Duration::from_secs(3_600));
    assert!(certificates.expires_in() > Duration::from_secs(3_000));
    certificates.refresh().unwrap();
    assert_eq!(events.names().len(), 1);
}

//! Istio's form of a workload's metadata: a `google.protobuf.Struct` in base64.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::foundation::outcome::WorkloadMetadata;

/// Longest accepted header, and longest accepted name in it: those of Kubernetes have 253 characters at the most.
const MAX_HEADER: usize = 4_096;
const MAX_NAME: usize = 253;

/// Padding is written as Istio does, and not asked for, as Istio does not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const CLUSTER: &str = "CLUSTER_ID";
const LABELS: &str = "LABELS";
const NAMESPACE: &str = "NAMESPACE";
const WORKLOAD: &str = "WORKLOAD_NAME";

const APP: &str = "app";
const CANONICAL_NAME: &str = "service.istio.io/canonical-name";
const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";
const VERSION: &str = "version";

/// Wire types of protobuf.
const FIXED64: u64 = 1;
const FIXED32: u64 = 5;
const LENGTH_DELIMITED: u64 = 2;
const VARINT: u64 = 0;

/// Field of a `Struct` with its map, and fields of `Value`.
const ENTRIES: u64 = 1;
const STRING_VALUE: u64 = 3;
const STRUCT_VALUE: u64 = 5;

/// Writes the metadata.
pub(super) fn encode(metadata: &WorkloadMetadata) -> String {
    let mut labels = Vec::new();
    // Not what the reader assumes without a label: it takes each of these for the others, too.
    let is_assumed = |name, value: &str| match name {
        CANONICAL_NAME => metadata.app.is_empty() && *value == *metadata.workload,
        CANONICAL_REVISION => metadata.version.is_empty() && value == "latest",
        _ => value.is_empty(),
    };
    for (name, value) in [
        (APP, &metadata.app),
        (CANONICAL_NAME, &metadata.canonical_service),
        (CANONICAL_REVISION, &metadata.canonical_revision),
        (VERSION, &metadata.version),
    ] {
        if !is_assumed(name, value) {
            write_entry(&mut labels, name, STRING_VALUE, value.as_bytes());
        }
    }
    let mut fields = Vec::new();
    write_entry(
        &mut fields,
        CLUSTER,
        STRING_VALUE,
        metadata.cluster.as_bytes(),
    );
    write_entry(&mut fields, LABELS, STRUCT_VALUE, &labels);
    write_entry(
        &mut fields,
        NAMESPACE,
        STRING_VALUE,
        metadata.namespace.as_bytes(),
    );
    write_entry(
        &mut fields,
        WORKLOAD,
        STRING_VALUE,
        metadata.workload.as_bytes(),
    );
    BASE64.encode(fields)
}

fn write_entry(to: &mut Vec<u8>, name: &str, kind: u64, value: &[u8]) {
    let mut wrapped = Vec::new();
    write_bytes(&mut wrapped, kind, value);
    let mut entry = Vec::new();
    write_bytes(&mut entry, 1, name.as_bytes());
    write_bytes(&mut entry, 2, &wrapped);
    write_bytes(to, ENTRIES, &entry);
}

fn write_bytes(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    write_varint(to, field << 3 | LENGTH_DELIMITED);
    write_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low bits are what is written"
)]
fn write_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Reads metadata that another workload has sent; none if it is invalid, too long, or names no workload.
pub(super) fn decode(header: &[u8]) -> Option<WorkloadMetadata> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let bytes = BASE64.decode(header).ok()?;
    let mut cluster = None;
    let mut labels: &[u8] = &[];
    let mut namespace = None;
    let mut workload = None;
    for entry in entries(&bytes) {
        let (name, kind, value) = entry?;
        match (name, kind) {
            (CLUSTER, STRING_VALUE) => cluster = text(value),
            (LABELS, STRUCT_VALUE) => labels = value,
            (NAMESPACE, STRING_VALUE) => namespace = text(value),
            (WORKLOAD, STRING_VALUE) => workload = text(value),
            _ => {}
        }
    }
    let workload: Arc<str> = workload.filter(|name| !name.is_empty())?.into();
    let mut known = Vec::new();
    for entry in entries(labels) {
        let (name, kind, value) = entry?;
        if let (STRING_VALUE, Some(value)) = (kind, text(value)) {
            known.push((name, value));
        }
    }
    let label = |name: &str| {
        known
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    let metadata = WorkloadMetadata::new(workload, namespace.unwrap_or_default(), label);
    Some(metadata.with_cluster(cluster.unwrap_or_default()))
}

/// Returns the entries of a `Struct`: name, field of the value, and the value's bytes.
fn entries(bytes: &[u8]) -> impl Iterator<Item = Option<(&str, u64, &[u8])>> {
    let mut fields = Fields(bytes);
    std::iter::from_fn(move || {
        loop {
            match fields.next()? {
                None => return Some(None),
                Some((ENTRIES, entry)) => return Some(read_entry(entry)),
                Some(_) => {}
            }
        }
    })
}

fn read_entry(entry: &[u8]) -> Option<(&str, u64, &[u8])> {
    let (mut name, mut value) = ("", (0, &[][..]));
    for field in Fields(entry) {
        match field? {
            (1, bytes) => name = std::str::from_utf8(bytes).ok()?,
            (2, bytes) => value = Fields(bytes).next().unwrap_or(Some(value))?,
            _ => {}
        }
    }
    Some((name, value.0, value.1))
}

/// Returns a name that can be a label, and is none of those that could be anything.
fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let is_name = text.len() <= MAX_NAME && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then_some(text)
}

/// Fields of a message with their numbers; those that are no bytes have none. Ends with `None` where it is malformed.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, &'a [u8])> {
        let key = self.varint()?;
        let length = match key & 7 {
            VARINT => {
                self.varint()?;
                0
            }
            FIXED64 => {
                self.bytes(8)?;
                0
            }
            FIXED32 => {
                self.bytes(4)?;
                0
            }
            LENGTH_DELIMITED => usize::try_from(self.varint()?).ok()?,
            _ => return None,
        };
        Some((key >> 3, self.bytes(length)?))
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> WorkloadMetadata {
        let label = |name: &str| match name {
            "app" => Some("ratings"),
            "version" => Some("v1"),
            CANONICAL_REVISION => Some("version-1"),
            _ => None,
        };
        WorkloadMetadata::new("ratings-v1", "default", label).with_cluster("server-cluster")
    }

    #[test]
    fn what_is_written_is_read() {
        let written = encode(&metadata());
        assert_eq!(decode(written.as_bytes()), Some(metadata()));
        let unpadded = written.trim_end_matches('=');
        assert_eq!(decode(unpadded.as_bytes()), Some(metadata()));
    }

    #[test]
    fn a_workload_without_labels_is_read_without_labels() {
        let bare = WorkloadMetadata::new("ratings", "default", |_| None);
        assert_eq!(decode(encode(&bare).as_bytes()), Some(bare));
    }

    #[test]
    fn metadata_as_a_sidecar_writes_it_is_read() {
        // NAME, NAMESPACE, OWNER, WORKLOAD_NAME, CLUSTER_ID, and LABELS with `app`.
        let mut fields = Vec::new();
        let texts = [
            ("NAME", "productpage-v1-84975bc778-pxz2w"),
            (
                "OWNER",
                "kubernetes://apis/apps/v1/namespaces/default/deployments/productpage-v1",
            ),
            (NAMESPACE, "default"),
            (WORKLOAD, "productpage-v1"),
            (CLUSTER, "client-cluster"),
        ];
        for (name, value) in texts {
            write_entry(&mut fields, name, STRING_VALUE, value.as_bytes());
        }
        let mut labels = Vec::new();
        write_entry(&mut labels, APP, STRING_VALUE, b"productpage");
        write_entry(&mut fields, LABELS, STRUCT_VALUE, &labels);
        let read = decode(BASE64.encode(fields).as_bytes()).expect("valid");
        let names = [&read.workload, &read.namespace, &read.app, &read.cluster];
        assert_eq!(
            names.map(|name| &**name),
            ["productpage-v1", "default", "productpage", "client-cluster"]
        );
        assert_eq!(&*read.canonical_service, "productpage");
        assert_eq!(&*read.canonical_revision, "latest");
    }

    #[test]
    fn what_is_no_metadata_names_no_workload() {
        let long = "A".repeat(MAX_HEADER + 1);
        let name = "x".repeat(MAX_NAME + 1);
        let mut too_long = Vec::new();
        write_entry(&mut too_long, WORKLOAD, STRING_VALUE, name.as_bytes());
        let mut with_control = Vec::new();
        write_entry(&mut with_control, WORKLOAD, STRING_VALUE, b"a\nb");
        for header in [
            String::new(),
            "!".to_owned(),
            long,
            BASE64.encode([0x0a, 0xff, 0xff, 0xff]),
            BASE64.encode([0xff; 20]),
            BASE64.encode(too_long),
            BASE64.encode(with_control),
        ] {
            assert_eq!(decode(header.as_bytes()), None, "{header:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes: Vec<u8>) {
            decode(&bytes);
            decode(BASE64.encode(bytes).as_bytes());
        }
    }
}

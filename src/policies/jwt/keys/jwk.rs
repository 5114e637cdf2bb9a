use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};

use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::foundation::identity::ClaimValue;
use crate::foundation::outcome::JwtStatus;
use crate::policies::jwt::token::{Token, decode};

/// Length of an Ed25519 signature in bytes.
const ED25519_SIGNATURE: usize = 64;

/// Bytes of an RSA modulus: 1,024 to 8,192 bits, beyond which a single check takes too long.
const MODULUS: std::ops::RangeInclusive<usize> = 128..=1_024;

/// One key of a set.
pub(super) struct Jwk {
    /// The algorithm that it is for; empty if it does not say.
    alg: Box<str>,
    key: PublicKey,
    /// Its id; empty for none.
    kid: Box<str>,
}

/// Key by its type. The type decides about the algorithm, whatever a token says.
enum PublicKey {
    /// P-256 or P-384.
    Ec(Algorithm, DecodingKey),
    Ed25519(DecodingKey),
    /// P-521: a key that no provider of the library has.
    P521,
    Rsa(DecodingKey),
    /// A secret that issuer and server share.
    Secret(DecodingKey),
}

type Members = BTreeMap<Box<str>, ClaimValue>;

impl Jwk {
    /// Reads a key; none if it is not whole, of an unknown type, or of another type than its `alg`.
    pub(super) fn of(members: &Members, provider: &CryptoProvider) -> Option<Self> {
        // As for Envoy, a name that is no string is none.
        let name = |name| text(members, name).unwrap_or_default();
        let alg = name("alg");
        let key = match text(members, "kty")? {
            "EC" => ec(members, alg)?,
            "OKP" => ed25519(members, alg)?,
            "RSA" => rsa(members, alg)?,
            "oct" => secret(members, alg)?,
            _ => return None,
        };
        let this = Self {
            alg: alg.into(),
            key,
            kid: name("kid").into(),
        };
        // Points that are not on their curve are noticed here.
        match &this.key {
            PublicKey::Ec(algorithm, key) => {
                (provider.verifier_factory)(algorithm, key).ok()?;
            }
            PublicKey::Ed25519(key) => {
                (provider.verifier_factory)(&Algorithm::EdDSA, key).ok()?;
            }
            PublicKey::P521 | PublicKey::Rsa(_) | PublicKey::Secret(_) => {}
        }
        Some(this)
    }

    /// Returns true if the token may be signed by this key: neither id nor algorithm differs, where both have one.
    pub(super) fn matches(&self, token: &Token<'_>) -> bool {
        let is_id = token.kid.is_empty() || self.kid.is_empty() || self.kid == token.kid;
        is_id && (self.alg.is_empty() || *self.alg == *token.algorithm.name())
    }

    /// Checks the signature of a token that this key [matches](Self::matches).
    pub(super) fn verify(
        &self,
        token: &Token<'_>,
        provider: &CryptoProvider,
    ) -> Result<(), JwtStatus> {
        use Algorithm::{EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
        if matches!(self.key, PublicKey::Ed25519(_)) && token.signature.len() != ED25519_SIGNATURE {
            return Err(JwtStatus::SignatureLength);
        }
        let algorithm = token.algorithm.known();
        let algorithm = algorithm.ok_or(JwtStatus::VerificationFailed)?;
        // A token chooses only among the algorithms of the key's type: a public key is never a secret.
        let key = match (&self.key, algorithm) {
            (PublicKey::Rsa(key), PS256 | PS384 | PS512 | RS256 | RS384 | RS512)
            | (PublicKey::Secret(key), HS256 | HS384 | HS512)
            | (PublicKey::Ed25519(key), EdDSA) => key,
            (PublicKey::Ec(own, key), named) if *own == named => key,
            _ => return Err(JwtStatus::VerificationFailed),
        };
        let verifier = (provider.verifier_factory)(&algorithm, key)
            .map_err(|_| JwtStatus::VerificationFailed)?;
        verifier
            .verify(token.signed.as_bytes(), &token.signature)
            .map_err(|_| JwtStatus::VerificationFailed)
    }
}

/// Shows no part of a key, since it may be a secret.
impl Debug for Jwk {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .finish_non_exhaustive()
    }
}

fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name)?.as_text()
}

fn bytes(members: &Members, name: &str) -> Option<Vec<u8>> {
    decode(text(members, name)?)
}

fn rsa(members: &Members, alg: &str) -> Option<PublicKey> {
    if !alg.is_empty() && !alg.starts_with("RS") && !alg.starts_with("PS") {
        return None;
    }
    let (n, e) = (bytes(members, "n")?, bytes(members, "e")?);
    let strip = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[zeros..].to_vec()
    };
    let (n, e) = (strip(&n), strip(&e));
    // Other exponents than 3 and 65,537 are refused, as by Envoy; an even modulus is no product of primes.
    let is_exponent = matches!(e[..], [3] | [1, 0, 1]);
    let is_odd = n.last().is_some_and(|last| last % 2 == 1);
    (is_exponent && is_odd && MODULUS.contains(&n.len()))
        .then(|| PublicKey::Rsa(DecodingKey::from_rsa_raw_components(&n, &e)))
}

fn ec(members: &Members, alg: &str) -> Option<PublicKey> {
    // Without a curve the algorithm says it, and without both it is P-256, as for Envoy.
    let curve = match members.get("crv") {
        None => "",
        Some(ClaimValue::Text(curve)) => curve,
        Some(_) => return None,
    };
    let (algorithm, size) = match (curve, alg) {
        ("P-256" | "", "ES256" | "") => (Algorithm::ES256, 32),
        ("P-384" | "", "ES384") | ("P-384", "") => (Algorithm::ES384, 48),
        ("P-521" | "", "ES512") | ("P-521", "") => return Some(PublicKey::P521),
        _ => return None,
    };
    let mut point = vec![4];
    for coordinate in ["x", "y"] {
        let bytes = bytes(members, coordinate)?;
        // Some issuers leave leading zeros out.
        let missing = usize::checked_sub(size, bytes.len()).filter(|_| !bytes.is_empty())?;
        point.resize(point.len() + missing, 0);
        point.extend(bytes);
    }
    Some(PublicKey::Ec(algorithm, DecodingKey::from_ec_der(&point)))
}

fn ed25519(members: &Members, alg: &str) -> Option<PublicKey> {
    if !matches!(alg, "" | "EdDSA") || text(members, "crv")? != "Ed25519" {
        return None;
    }
    // The library expects 32 bytes at least.
    let key = bytes(members, "x").filter(|key| key.len() == 32)?;
    Some(PublicKey::Ed25519(DecodingKey::from_ed_der(&key)))
}

fn secret(members: &Members, alg: &str) -> Option<PublicKey> {
    if !matches!(alg, "" | "HS256" | "HS384" | "HS512") {
        return None;
    }
    let key = DecodingKey::from_secret(&bytes(members, "k")?).ok()?;
    Some(PublicKey::Secret(key))
}

use jsonwebtoken::Algorithm;

/// The algorithm that a token names: one of those that Envoy implements.
#[derive(Clone, Copy, Debug)]
pub(in crate::policies::jwt) struct TokenAlgorithm {
    name: &'static str,
    /// None for ES512, whose keys no provider of the library has.
    known: Option<Algorithm>,
}

const ALL: [TokenAlgorithm; 13] = [
    of("ES256", Some(Algorithm::ES256)),
    of("ES384", Some(Algorithm::ES384)),
    of("ES512", None),
    of("EdDSA", Some(Algorithm::EdDSA)),
    of("HS256", Some(Algorithm::HS256)),
    of("HS384", Some(Algorithm::HS384)),
    of("HS512", Some(Algorithm::HS512)),
    of("PS256", Some(Algorithm::PS256)),
    of("PS384", Some(Algorithm::PS384)),
    of("PS512", Some(Algorithm::PS512)),
    of("RS256", Some(Algorithm::RS256)),
    of("RS384", Some(Algorithm::RS384)),
    of("RS512", Some(Algorithm::RS512)),
];

const fn of(name: &'static str, known: Option<Algorithm>) -> TokenAlgorithm {
    TokenAlgorithm { name, known }
}

impl TokenAlgorithm {
    /// Returns the algorithm of this name; none for others, `none` among them.
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|one| one.name == name)
    }

    pub(in crate::policies::jwt) const fn name(self) -> &'static str {
        self.name
    }

    pub(in crate::policies::jwt) const fn known(self) -> Option<Algorithm> {
        self.known
    }
}

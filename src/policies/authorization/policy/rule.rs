use crate::foundation::outcome::Origin;

/// A rule of a policy: sources, operations and conditions, all of which have to match.
///
/// A rule without any matches every request.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub(in crate::policies::authorization) conditions: Vec<Condition>,
    pub(in crate::policies::authorization) operations: Vec<OperationMatch>,
    pub(in crate::policies::authorization) origin: Option<Origin>,
    pub(in crate::policies::authorization) sources: Vec<SourceMatch>,
}

/// Values of a field, and those that must not match.
#[derive(Clone, Debug, Default)]
pub(in crate::policies::authorization) struct Values {
    pub(in crate::policies::authorization) any: Vec<Box<str>>,
    pub(in crate::policies::authorization) not: Vec<Box<str>>,
}

impl Values {
    pub(in crate::policies::authorization) const fn is_empty(&self) -> bool {
        self.any.is_empty() && self.not.is_empty()
    }
}

/// Defines a matcher of several fields, each with values and excluded values.
macro_rules! fields {
    ($(#[$meta:meta])* $name:ident { $(
        $(#[$field_meta:meta])* $field:ident, $with:ident, $without:ident;
    )* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $(pub(in crate::policies::authorization) $field: Values,)*
        }

        impl $name {
            /// Creates a matcher of every request.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$field_meta])*
                ///
                /// One of the values has to match. By default all do.
                #[must_use]
                pub fn $with<V: Into<Box<str>>>(
                    mut self,
                    values: impl IntoIterator<Item = V>,
                ) -> Self {
                    self.$field.any.extend(values.into_iter().map(Into::into));
                    self
                }

                /// Adds values of that field of which none may match.
                #[must_use]
                pub fn $without<V: Into<Box<str>>>(
                    mut self,
                    values: impl IntoIterator<Item = V>,
                ) -> Self {
                    self.$field.not.extend(values.into_iter().map(Into::into));
                    self
                }
            )*
        }
    };
}

fields! {
    /// Matcher of the source of a request: Istio's `from.source`. All of its fields have to match.
    ///
    /// Texts may begin or end with `*`, and `*` alone matches every text that is not empty.
    SourceMatch {
        /// Adds addresses or networks of the peer of the connection.
        ip_blocks, with_ip_blocks, with_not_ip_blocks;
        /// Adds namespaces of the peer's certificate.
        namespaces, with_namespaces, with_not_namespaces;
        /// Adds identities of the peer's certificate, without `spiffe://`: `cluster.local/ns/shop/sa/cart`.
        principals, with_principals, with_not_principals;
        /// Adds addresses or networks of the caller, which trusted proxies may forward.
        remote_ip_blocks, with_remote_ip_blocks, with_not_remote_ip_blocks;
        /// Adds issuers and subjects of the token: `issuer/subject`.
        request_principals, with_request_principals, with_not_request_principals;
        /// Adds service accounts of the peer's certificate: `name`, or `namespace/name`.
        service_accounts, with_service_accounts, with_not_service_accounts;
        /// Adds trust domains of the peer's certificate.
        trust_domains, with_trust_domains, with_not_trust_domains;
    }
}

fields! {
    /// Matcher of the operation of a request: Istio's `to.operation`. All of its fields have to match.
    ///
    /// Texts may begin or end with `*`, and `*` alone matches every text.
    OperationMatch {
        /// Adds hosts, as the request writes them, in either case.
        hosts, with_hosts, with_not_hosts;
        /// Adds methods; that of gRPC is `POST`.
        methods, with_methods, with_not_methods;
        /// Adds paths without their query, in their normal form. `{*}` stands for one segment, `{**}` for any number.
        paths, with_paths, with_not_paths;
        /// Adds ports of the server.
        ports, with_ports, with_not_ports;
    }
}

/// Condition of a rule: Istio's `when`.
///
/// The keys are Istio's, such as `request.headers[x-tier]`, `source.ip` and `request.auth.claims[roles]`.
#[derive(Clone, Debug)]
pub struct Condition {
    pub(in crate::policies::authorization) key: Box<str>,
    pub(in crate::policies::authorization) values: Values,
}

impl Condition {
    /// Creates a condition without values, which is always met.
    #[must_use]
    pub fn new(key: impl Into<Box<str>>) -> Self {
        Self {
            key: key.into(),
            values: Values::default(),
        }
    }

    /// Adds values of which one has to match. By default all do.
    #[must_use]
    pub fn with_values<V: Into<Box<str>>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.values.any.extend(values.into_iter().map(Into::into));
        self
    }

    /// Adds values of which none may match.
    #[must_use]
    pub fn with_not_values<V: Into<Box<str>>>(
        mut self,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.values.not.extend(values.into_iter().map(Into::into));
        self
    }
}

impl Rule {
    /// Creates a rule that matches every request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source; one of them has to match.
    #[must_use]
    pub fn from(mut self, source: SourceMatch) -> Self {
        self.sources.push(source);
        self
    }

    /// Adds an operation; one of them has to match.
    #[must_use]
    pub fn to(mut self, operation: OperationMatch) -> Self {
        self.operations.push(operation);
        self
    }

    /// Adds a condition; all of them have to match.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Sets the place of the rule in the documents.
    #[cfg(feature = "istio")]
    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub(super) fn needs_peer_identity(&self) -> bool {
        let of_source = |source: &SourceMatch| {
            let fields = [
                &source.namespaces,
                &source.principals,
                &source.service_accounts,
                &source.trust_domains,
            ];
            fields.into_iter().any(|values| !values.is_empty())
        };
        let of_condition = |condition: &Condition| {
            matches!(
                &*condition.key,
                "source.namespace"
                    | "source.principal"
                    | "source.serviceAccount"
                    | "source.trustDomain"
            )
        };
        self.sources.iter().any(of_source) || self.conditions.iter().any(of_condition)
    }

    pub(super) fn needs_claims(&self) -> bool {
        let of_source = |source: &SourceMatch| !source.request_principals.is_empty();
        let of_condition = |condition: &Condition| condition.key.starts_with("request.auth.");
        self.sources.iter().any(of_source) || self.conditions.iter().any(of_condition)
    }
}

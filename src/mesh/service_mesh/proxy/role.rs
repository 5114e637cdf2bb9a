/// Whom a proxy works for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(in crate::mesh) enum Role {
    Gateway,
    Workload,
}

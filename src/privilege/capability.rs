//! A capability: a part of the rights of root, on Linux.

/// A capability that the program can use, and whether the program holds it now.
///
/// Live capture needs `CAP_NET_RAW`. The others are needed to name the processes of other users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// The name in `man 7 capabilities`.
    pub name: &'static str,
    /// What the program needs the capability for.
    pub purpose: &'static str,
    /// Whether the capability is effective.
    pub held: bool,
}

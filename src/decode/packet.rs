//! The rest of a frame behind the headers that were read: the cursor that every layer takes and
//! returns.

use super::{Skip, Tenant, Tunnel};
use crate::source::Frame;

/// Maximum depth of nested frames and packets; a deeper one is skipped. Counts tunnels and frames
/// within frames, not VLAN tags, labels and extension headers, which have limits of their own.
const MAX_NESTED: u8 = 8;

/// The captured bytes from a header on, and their number on the wire, which is never smaller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    bytes: &'a [u8],
    wire_len: usize,
    depth: u8,
    tunnel: Option<Tunnel>,
    tenant: Tenant,
}

impl<'a> Packet<'a> {
    /// A whole frame.
    pub(super) fn from_frame(frame: &Frame<'a>) -> Self {
        // A damaged record may state fewer bytes on the wire than it holds.
        let wire_len = (frame.wire_len as usize).max(frame.bytes.len());
        Self { bytes: frame.bytes, wire_len, depth: 0, tunnel: None, tenant: Tenant::NONE }
    }

    /// The captured bytes.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Number of bytes on the wire.
    pub(super) const fn wire_len(self) -> usize {
        self.wire_len
    }

    /// Whether fewer bytes were captured than there were on the wire or a header promises.
    pub(super) const fn is_cut(self) -> bool {
        self.bytes.len() < self.wire_len
    }

    /// The innermost tunnel so far.
    pub(super) const fn tunnel(self) -> Option<Tunnel> {
        self.tunnel
    }

    /// The VLANs and the virtual network so far.
    pub(super) const fn tenant(self) -> Tenant {
        self.tenant
    }

    /// The same bytes, of this tenant.
    pub(super) const fn with_tenant(self, tenant: Tenant) -> Self {
        Self { tenant, ..self }
    }

    /// The rest behind a header of `len` bytes.
    pub(super) fn after(self, len: usize) -> Result<Self, Skip> {
        let bytes = self.bytes.get(len..).ok_or_else(|| self.short(len))?;
        Ok(Self { bytes, wire_len: self.wire_len - len, ..self })
    }

    /// The first `wire_len` bytes, as a length field states; what is behind them is padding.
    pub(super) fn limit(self, wire_len: usize) -> Self {
        Self { bytes: self.bytes.get(..wire_len).unwrap_or(self.bytes), wire_len, ..self }
    }

    /// The same position with other bytes: a datagram in place of its last fragment.
    pub(super) fn replaced(self, bytes: &[u8], wire_len: usize) -> Packet<'_> {
        Packet {
            bytes,
            wire_len: wire_len.max(bytes.len()),
            depth: self.depth,
            tunnel: self.tunnel,
            tenant: self.tenant,
        }
    }

    /// The same bytes, one layer deeper.
    pub(super) fn deeper(self) -> Result<Self, Skip> {
        if self.depth < MAX_NESTED {
            Ok(Self { depth: self.depth + 1, ..self })
        } else {
            Err(Skip::Nested)
        }
    }

    /// The same bytes, one layer deeper, as what a tunnel carries.
    pub(super) fn through(self, tunnel: Tunnel) -> Result<Self, Skip> {
        Ok(Self { tunnel: Some(tunnel), tenant: self.tenant.in_tunnel(), ..self.deeper()? })
    }

    /// The reason why there are fewer than `len` bytes.
    pub(super) const fn short(self, len: usize) -> Skip {
        if self.wire_len < len { Skip::Malformed } else { Skip::Truncated }
    }

    /// The `N` bytes at offset `at`.
    pub(super) fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Skip> {
        self.bytes
            .get(at..)
            .and_then(|bytes| bytes.first_chunk())
            .copied()
            .ok_or_else(|| self.short(at.saturating_add(N)))
    }

    pub(super) fn byte(self, at: usize) -> Result<u8, Skip> {
        self.array(at).map(|[byte]| byte)
    }

    pub(super) fn be_u16(self, at: usize) -> Result<u16, Skip> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn be_u32(self, at: usize) -> Result<u32, Skip> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn le_u16(self, at: usize) -> Result<u16, Skip> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn le_u32(self, at: usize) -> Result<u32, Skip> {
        self.array(at).map(u32::from_le_bytes)
    }
}

//! Packets with a long header (RFC 8999, section 5.1; RFC 9000, section 17.2) and the decryption of
//! a client's Initial packet (RFC 9001, sections 5.2 to 5.4). The key follows from the packet
//! itself, so decryption proves only that the packet is one and that no byte was changed.

use std::sync::LazyLock;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, Key};
use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;

use super::version::{SALT_1, Version};

pub(super) const LONG: u8 = 0x80;
pub(super) const FIXED: u8 = 0x40;
const LONGEST_ID: usize = 20;
const TAG: usize = 16;
/// Bytes from the packet number to the sample that masks it, and bytes of the sample.
const SAMPLE_AT: usize = 4;
const SAMPLE: usize = 16;

/// The part of a long header that every version has, and the offset of the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongHeader<'a> {
    pub(super) first: u8,
    pub(super) version: u32,
    pub(super) destination: &'a [u8],
    pub(super) source: &'a [u8],
    pub(super) rest: usize,
}

impl<'a> LongHeader<'a> {
    pub(super) fn read(datagram: &'a [u8]) -> Option<Self> {
        let [first @ LONG..=0xff, a, b, c, d, behind @ ..] = datagram else { return None };
        let (destination, behind) = identifier(behind)?;
        let (source, behind) = identifier(behind)?;
        let version = u32::from_be_bytes([*a, *b, *c, *d]);
        Some(Self {
            first: *first,
            version,
            destination,
            source,
            rest: datagram.len() - behind.len(),
        })
    }
}

/// A length and a connection identifier.
fn identifier(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = bytes.split_first()?;
    let len = usize::from(*len);
    if len > LONGEST_ID { None } else { behind.split_at_checked(len) }
}

/// A variable-length integer of one to eight bytes (RFC 9000, section 16).
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let first = *bytes.get(*at)?;
    let len = 1 << (first >> 6);
    let rest = bytes.get(*at + 1..*at + len)?;
    *at += len;
    let value = rest.iter().fold(u64::from(first & 0x3f), |n, &byte| n << 8 | u64::from(byte));
    usize::try_from(value).ok()
}

/// The type of a packet with a long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketType {
    Initial,
    /// Early data of a client, which cannot be decrypted, but another packet may follow.
    Early,
    /// Handshake, which cannot be decrypted either.
    Sealed,
    Retry,
}

/// The offsets of a packet's number and of its end in the datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) kind: PacketType,
    number_at: usize,
    pub(super) end: usize,
    /// The length takes more than one byte, as that of most packets does.
    pub(super) is_wide: bool,
}

impl Bounds {
    /// The bounds of the packet at the beginning of `packet`, of which the capture may have cut the
    /// end: `len` bytes were sent.
    pub(super) fn read(
        header: &LongHeader<'_>,
        packet: &[u8],
        len: usize,
        version: Version,
    ) -> Option<Self> {
        let kind = match header.first >> 4 & 3 {
            kind if header.first & FIXED == 0 || kind > 3 => return None,
            // Version 2 counts the types from another one on (RFC 9369, section 3.2).
            kind => match (kind + 3 * u8::from(version.second)) % 4 {
                0 => PacketType::Initial,
                1 => PacketType::Early,
                2 => PacketType::Sealed,
                _ => PacketType::Retry,
            },
        };
        let mut at = header.rest;
        if kind == PacketType::Retry {
            return Some(Self { kind, number_at: at, end: len, is_wide: false });
        }
        if kind == PacketType::Initial {
            let token = varint(packet, &mut at)?;
            at = at.checked_add(token)?;
        }
        let len_at = at;
        let sealed = varint(packet, &mut at)?;
        let is_wide = at > len_at + 1;
        let end = at.checked_add(sealed).filter(|&end| end <= len)?;
        (sealed >= SAMPLE_AT + SAMPLE).then_some(Self { kind, number_at: at, end, is_wide })
    }
}

/// HKDF-Extract of version 1 with the salt hashed already: nearly every key begins so.
static EXTRACT_1: LazyLock<HkdfExtract<Sha256>> = LazyLock::new(|| HkdfExtract::new(Some(&SALT_1)));

/// The keys of the Initial packets of one side.
pub(super) struct Keys {
    seal: Aes128Gcm,
    mask: Aes128,
    vector: [u8; 12],
}

impl Keys {
    /// The client's keys, from the identifier that the client chose for the server.
    pub(super) fn from_destination(version: Version, destination: &[u8]) -> Option<Self> {
        let mut extract = if *version.salt == SALT_1 {
            EXTRACT_1.clone()
        } else {
            HkdfExtract::new(Some(version.salt))
        };
        extract.input_ikm(destination);
        let (_, initial) = extract.finalize();
        let client = Hkdf::<Sha256>::from_prk(&expand::<32>(&initial, b"tls13 client in")?).ok()?;
        let labels: [&[u8]; 3] = if version.second {
            [b"tls13 quicv2 key", b"tls13 quicv2 iv", b"tls13 quicv2 hp"]
        } else {
            [b"tls13 quic key", b"tls13 quic iv", b"tls13 quic hp"]
        };
        Some(Self {
            seal: Aes128Gcm::new(&Key::<Aes128Gcm>::from(expand::<16>(&client, labels[0])?)),
            vector: expand::<12>(&client, labels[1])?,
            mask: Aes128::new(&expand::<16>(&client, labels[2])?.into()),
        })
    }

    /// Decrypts a packet to its frames; `None` where the keys are others.
    pub(super) fn open(&self, packet: &[u8], bounds: Bounds) -> Option<Vec<u8>> {
        let sample = packet.get(bounds.number_at + SAMPLE_AT..)?.first_chunk::<SAMPLE>()?;
        let mut mask = (*sample).into();
        self.mask.encrypt_block(&mut mask);
        let mut header = packet.get(..bounds.number_at + SAMPLE_AT)?.to_vec();
        let first = header.first_mut()?;
        *first ^= mask[0] & 0x0f;
        let number_len = usize::from(*first & 3) + 1;
        header.truncate(bounds.number_at + number_len);
        let mut nonce = self.vector;
        for i in 0..number_len {
            let byte = header.get_mut(bounds.number_at + i)?;
            *byte ^= mask[i + 1];
            // The number is aligned with the end of the vector.
            *nonce.get_mut(12 - number_len + i)? ^= *byte;
        }
        let sealed = packet.get(bounds.number_at + number_len..bounds.end)?;
        let (content, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
        let mut content = content.to_vec();
        let tag: [u8; TAG] = tag.try_into().ok()?;
        self.seal
            .decrypt_inout_detached(
                &nonce.into(),
                &header,
                content.as_mut_slice().into(),
                &tag.into(),
            )
            .ok()?;
        Some(content)
    }
}

/// HKDF-Expand-Label (RFC 8446, section 7.1) without a context.
fn expand<const LEN: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; LEN]> {
    let mut info = vec![0, LEN as u8, label.len() as u8];
    info.extend_from_slice(label);
    info.push(0);
    let mut key = [0; LEN];
    secret.expand(&info, &mut key).ok()?;
    Some(key)
}

/// A client's Initial packet of 1,200 bytes with these frames.
#[cfg(test)]
pub(super) fn sealed(version: Version, packet_number: u8, frames: &[u8]) -> Vec<u8> {
    const ID: &[u8] = b"somebody";
    let keys = Keys::from_destination(version, ID).unwrap();
    let first = if version.second { 0xd0 } else { 0xc0 };
    let mut header = vec![first];
    header.extend(version.number.to_be_bytes());
    header.push(ID.len() as u8);
    header.extend(ID);
    // No identifier of its own, no token; the length of what follows.
    header.extend([0, 0]);
    let number_at = header.len() + 2;
    header.extend((0x4000_u16 | (1200 - number_at) as u16).to_be_bytes());
    header.push(packet_number);
    let mut content = frames.to_vec();
    content.resize(1200 - header.len() - TAG, 0);
    let mut nonce = keys.vector;
    nonce[11] ^= packet_number;
    let tag = keys
        .seal
        .encrypt_inout_detached(&nonce.into(), &header, content.as_mut_slice().into())
        .unwrap();
    let mut packet = [header, content, tag.to_vec()].concat();
    let sample: [u8; SAMPLE] = packet[number_at + SAMPLE_AT..][..SAMPLE].try_into().unwrap();
    let mut mask = sample.into();
    keys.mask.encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at] ^= mask[1];
    packet
}

//! Streams made by the usual tools (see `fixtures/forms/README.md`), and the result when they are
//! cut, damaged or malicious.

use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use super::*;

const KINDS: [(Compression, &str); 5] = [
    (Compression::Gzip, "gzip-compressed.pcap.gz"),
    (Compression::Zstd, "zstd-compressed.pcap.zst"),
    (Compression::Xz, "xz-compressed.pcap.xz"),
    (Compression::Lz4, "lz4-compressed.pcap.lz4"),
    (Compression::Bzip2, "bzip2-compressed.pcap.bz2"),
];

fn form(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/forms").join(name)).unwrap()
}

fn unpack(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let (first, rest) = peek(Cursor::new(bytes)).unwrap();
    let mut unpacked = Vec::new();
    Compression::from_magic(&first).unwrap().open(rest)?.read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

#[test]
fn streams_of_every_kind_are_told_by_content_and_unpacked_members_behind_each_other_too() {
    let plain = form("pcap-le-us.pcap");
    for (kind, name) in KINDS {
        let stream = form(name);
        assert_eq!(Compression::from_magic(&stream), Some(kind));
        assert!(unpack(stream.clone()).unwrap() == plain, "{kind}");
        assert!(
            unpack([&stream[..], &stream].concat()).unwrap() == [&plain[..], &plain].concat(),
            "{kind}: more members"
        );
    }
}

#[test]
fn a_cut_stream_gives_no_more_than_the_whole_and_says_so_wherever_it_was_cut() {
    let plain = form("pcap-le-us.pcap");
    for (kind, name) in KINDS {
        let stream = form(name);
        let mut whole = 0;
        for len in PEEK_BYTES..stream.len() {
            let (_, rest) = peek(Cursor::new(stream[..len].to_vec())).unwrap();
            let mut unpacked = Vec::new();
            match kind.open(rest).unwrap().read_to_end(&mut unpacked) {
                // Between two members.
                Ok(_) => whole += 1,
                Err(error) => {
                    let said = error.to_string();
                    assert!(
                        said.contains("is incomplete") || said.contains("is damaged"),
                        "{kind} cut at {len}: {said}"
                    );
                }
            }
            assert!(plain.starts_with(&unpacked), "{kind} cut at {len}");
        }
        assert!(whole <= 1, "{kind}: {whole} cuts were not noticed");
    }
}

#[test]
fn a_damaged_stream_ends_without_a_panic() {
    for (kind, name) in KINDS {
        let stream = form(name);
        for at in 0..stream.len().min(1_500) {
            let mut damaged = stream.clone();
            damaged[at] ^= 1 << (at % 8);
            let _ =
                kind.open(Cursor::new(damaged)).unwrap().take(1 << 20).read_to_end(&mut Vec::new());
        }
    }
}

#[test]
fn lz4_frames_behind_each_other_may_have_blocks_of_different_sizes() {
    let frame = |size| {
        let mut encoder =
            FrameEncoder::with_frame_info(FrameInfo::new().block_size(size), Vec::new());
        encoder.write_all(&[7; 1000]).unwrap();
        encoder.finish().unwrap()
    };
    let stream =
        [frame(BlockSize::Max4MB), frame(BlockSize::Max64KB), frame(BlockSize::Max256KB)].concat();
    assert_eq!(unpack(stream).unwrap(), [7; 3000]);
}

#[test]
fn an_lz4_block_with_nothing_in_it_does_not_end_its_frame() {
    let mut encoder = FrameEncoder::with_frame_info(
        FrameInfo::new().block_size(BlockSize::Max64KB).content_checksum(true),
        Vec::new(),
    );
    encoder.write_all(&[7; 1000]).unwrap();
    let mut stream = encoder.finish().unwrap();
    // Behind the head: magic number, flags, block size, checksum.
    stream.splice(7..7, [0, 0, 0, 0x80]);
    assert_eq!(unpack(stream.clone()).unwrap(), [7; 1000]);
    assert_eq!(unpack([&stream[..], &stream].concat()).unwrap(), [7; 2000]);
    let error = unpack(stream[..11].to_vec()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("is incomplete"), "{error}");
}

/// Found by fuzzing, each from a file of its format: an xz reader went on for ever, a bzip2 reader
/// counted below zero and read beyond its tables, and so did one of zstd; one of lz4 took a frame's
/// block size for the next frame's.
#[test]
fn what_once_hung_or_panicked_is_damaged() {
    for name in ["nowhere.xz", "underflow.bz2", "beyond.bz2", "panics.zst", "sizes.lz4"] {
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(name);
        let error = unpack(std::fs::read(found).unwrap()).unwrap_err().to_string();
        assert!(error.contains("stream is damaged"), "{error}");
    }
}

#[test]
fn a_stream_that_expands_beyond_reason_is_refused() {
    let zeros = vec![0_u8; 1 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..8).for_each(|_| gzip.write_all(&zeros).unwrap());
    let bomb = gzip.finish().unwrap();
    assert_eq!(unpack(bomb.clone()).unwrap().len(), 8 << 20, "a small one does no harm");
    let mut unpacked = Compression::Gzip.open(Cursor::new(bomb)).unwrap();
    unpacked.free = 4 << 20;
    let error = io::copy(&mut unpacked, &mut io::sink()).unwrap_err().to_string();
    assert!(
        error.contains("possible decompression bomb); to read it anyway: `gunzip -c FILE"),
        "{error}"
    );
}

#[test]
fn a_stream_that_wants_too_much_memory_is_refused() {
    // A frame header that claims a window of 3.75 TiB.
    let error = unpack(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]).unwrap_err().to_string();
    assert!(error.contains("needs too much memory; try `zstd -dc --long=31 FILE"), "{error}");
    // A block header with a dictionary of 4 GiB: the size is one byte, behind it the header's
    // CRC-32.
    let mut xz = form("xz-compressed.pcap.xz");
    let (filter, crc) = ([0x21, 1], 12 + 8);
    let at = xz[..crc].windows(2).position(|pair| pair == filter).unwrap();
    xz[at + 2] = 40;
    let mut hash = flate2::Crc::new();
    hash.update(&xz[12..crc]);
    xz[crc..crc + 4].copy_from_slice(&hash.sum().to_le_bytes());
    let error = unpack(xz).unwrap_err().to_string();
    assert!(error.contains("needs too much memory; try `xz -dc FILE"), "{error}");
}

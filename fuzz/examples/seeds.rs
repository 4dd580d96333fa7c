//! Writes the first inputs of the targets, each in the target's own form: the detectors' samples
//! and the captures of `fixtures/`. `cargo run --example seeds` in this folder.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use portlore::decode::{Decoder, TcpFlags, Transport};
use portlore::detect::DETECTORS;
use portlore::source::{Files, Next, Source};

/// Bytes of a capture that is a seed as a whole: larger ones slow the fuzzer down.
const SMALL: usize = 8 << 10;

/// Series of files as inputs of `follow`.
const FOLLOWED: [(&str, &[u8]); 5] = [
    ("grows", &[0, 7, 2, 15, 0x52, 7, 0x4a, 1]),
    ("rotates", &[0, 3, 0, 7, 0x2a, 3, 3, 1, 7]),
    ("is-renamed", &[0, 4, 7, 4, 4, 0x3a, 7]),
    ("is-rewritten", &[0, 0, 5, 7, 5, 0, 15, 15, 6, 0, 7]),
    ("is-damaged", &[0, 14, 5, 1, 2, 3, 4, 5, 0, 7, 3, 14, 2, 9, 9, 7]),
];

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = |target: &str| -> io::Result<PathBuf> {
        let folder = here.join("corpus").join(target);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    let (detect, decode, opening) = (folder("detect")?, folder("decode")?, folder("opening")?);
    let (file, whole, catalogue) = (folder("file")?, folder("whole")?, folder("catalogue")?);
    for detector in DETECTORS {
        for (number, sample) in detector.samples.iter().enumerate() {
            let mut seed = vec![u8::from(sample.transport == Transport::Udp)];
            for (pieces, side) in [(sample.initiator, 0), (sample.responder, 0x8000)] {
                for piece in pieces {
                    seed.extend((side | piece.len() as u16).to_le_bytes());
                    seed.extend(*piece);
                }
            }
            fs::write(detect.join(format!("{}-{number}", detector.protocol)), seed)?;
        }
    }
    let snapshot = folder("snapshot")?;
    for frames in [0, 9, 60, 150, 291] {
        let sections = portlore_fuzz::snapshot::sections(frames);
        fs::write(snapshot.join(frames.to_string()), portlore_fuzz::snapshot::input(&sections))?;
    }
    let follow = folder("follow")?;
    for (name, steps) in FOLLOWED {
        fs::write(follow.join(name), steps)?;
    }
    for entry in fs::read_dir(here.join("../catalogue/services"))? {
        let entry = entry?;
        fs::copy(entry.path(), catalogue.join(entry.file_name()))?;
    }
    for from in ["../fixtures", "../fixtures/forms"] {
        for entry in fs::read_dir(here.join(from))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.contains(".pcap") {
                continue;
            }
            let bytes = fs::read(&path)?;
            fs::write(opening.join(&name), segments(&bytes))?;
            for (number, frame) in frames(&bytes).into_iter().enumerate() {
                fs::write(decode.join(format!("{name}-{number}")), frame)?;
            }
            if bytes.len() <= SMALL {
                fs::write(file.join(&name), &bytes)?;
                fs::write(whole.join(&name), bytes)?;
            }
        }
    }
    Ok(())
}

fn read(bytes: &[u8], mut each: impl FnMut(&portlore::source::Frame<'_>)) {
    let Ok(mut files) = Files::from_readers(vec![("seed".into(), Box::new(Cursor::new(bytes.to_vec())))]) else { return };
    loop {
        match files.next() {
            Ok(Next::Frame(frame)) => each(&frame),
            Ok(Next::Idle) => {}
            Ok(Next::End) | Err(_) => return,
        }
    }
}

/// Some frames of a capture as inputs of `decode`.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    read(bytes, |frame| {
        if frame.number % 8 == 1 && frame.bytes.len() <= 512 {
            let [low, high] = frame.link.0.to_le_bytes();
            let cut = (i64::from(frame.wire_len) - frame.bytes.len() as i64).clamp(0, i16::MAX.into()) as i16;
            // The first byte may be the place of a link type in the target's list; the second keeps
            // it from that.
            let link = if high == 0 { portlore_fuzz::decode::place_of(frame.link).unwrap_or([low, high]) } else { [low, high] };
            seeds.push([&link[..], &cut.to_le_bytes(), frame.bytes].concat());
        }
    });
    seeds
}

/// The segments of a capture as an input of `opening`: how each lies to the one before it.
fn segments(bytes: &[u8]) -> Vec<u8> {
    let (mut seed, mut decoder) = (Vec::new(), Decoder::new(true));
    read(bytes, |frame| {
        let Ok((segment, payload)) = decoder.decode(frame) else { return };
        let tuple = segment.five_tuple;
        let end = u8::from(tuple.source.port > tuple.destination.port);
        let flow = tuple.source.port.min(tuple.destination.port) as u8 & 3;
        let udp = u8::from(tuple.transport == Transport::Udp);
        let distance = i16::from(segment.flags.has(TcpFlags::SYN));
        let cut = (segment.payload_len as usize - payload.len()).min(255) as u8;
        seed.extend([flow | end << 2 | udp << 3, segment.flags.0]);
        seed.extend(distance.to_le_bytes());
        seed.extend((segment.payload_len.min(0x1fff) as u16).to_le_bytes());
        seed.extend([cut, 0]);
    });
    seed
}

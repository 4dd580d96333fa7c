//! Fast paths give the results of the slow ones: frames in blocks equal those read one by one, and
//! the fast path of decoding equals the slow path, on every capture of the repository and of the
//! folder that `PORTLORE_CAPTURES` names, if any.

use std::path::{Path, PathBuf};

use portlore::decode::Decoder;
use portlore::source::{Block, Files, Filled, Frame, Next, Source};

use crate::run::{captures, document, files, outcome};

fn open(path: &Path) -> Option<Files> {
    Files::open(&[path.to_owned()]).ok()
}

fn all() -> Vec<PathBuf> {
    let here = captures("fixtures").into_iter().chain(captures("fixtures/forms"));
    let here = here.map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let others = std::env::var_os("PORTLORE_CAPTURES").map(PathBuf::from);
    here.chain(others.iter().flat_map(|folder| files(folder))).collect()
}

/// The fields that distinguish two frames.
type Print = (u64, i64, u16, u32, Vec<u8>);

fn print(frame: &Frame<'_>) -> Print {
    (frame.number, frame.time.0, frame.link.0, frame.wire_len, frame.bytes.to_vec())
}

#[test]
fn frames_in_blocks_are_those_that_come_one_by_one() {
    for path in all() {
        let (Some(mut single), Some(mut blocks)) = (open(&path), open(&path)) else { continue };
        let mut block = Block::default();
        loop {
            block.clear();
            let filled = blocks.read(&mut block).unwrap();
            for frame in block.frames(0) {
                let Next::Frame(alone) = single.next().unwrap() else {
                    panic!("{}: more in blocks", path.display())
                };
                assert_eq!(print(&alone), print(&frame), "{}", path.display());
            }
            if filled == Filled::End {
                break;
            }
        }
        assert!(matches!(single.next().unwrap(), Next::End), "{}: fewer in blocks", path.display());
        assert_eq!(
            (single.problems(), single.drops()),
            (blocks.problems(), blocks.drops()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_fast_path_of_decoding_gives_what_the_slow_path_gives() {
    let (mut fast, mut frames) = (0, 0);
    for path in all() {
        let Some(mut files) = open(&path) else { continue };
        let mut decoders = [Decoder::new(true), Decoder::new(false)];
        while let Next::Frame(frame) = files.next().unwrap() {
            for decoder in &mut decoders {
                frames += 1;
                let Some((segment, payload)) = decoder.fast_path(&frame) else { continue };
                fast += 1;
                let (same, all) = decoder.slow_path(&frame).unwrap();
                let place = || format!("{}, frame {}", path.display(), frame.number);
                assert_eq!(
                    (format!("{segment:?}"), payload),
                    (format!("{same:?}"), &*all),
                    "{}",
                    place()
                );
            }
        }
    }
    assert!(fast * 2 > frames, "{fast} of {frames} take the fast path");
}

/// Facts that no mark uses are stated only if reasons are requested.
#[test]
fn what_speaks_does_not_depend_on_whether_anybody_asks_why() {
    for path in all() {
        let path = path.to_str().unwrap();
        let (status, short, _) = outcome(&["replay", "--format", "json", path]);
        if !matches!(status, 0 | 3) {
            continue;
        }
        let (_, mut long) = document(&[path]);
        long.as_object_mut().unwrap().remove("flows");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&short).unwrap(), long, "{path}");
    }
}

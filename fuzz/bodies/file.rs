//! Bytes as a capture file, compressed or not: whatever they are, the reader comes to an end, and
//! what it gives decodes or is skipped.

use std::io::Cursor;

use portlore::decode::Decoder;
use portlore::source::{Files, Next, Source};

pub fn run(bytes: &[u8]) {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(mut files) = Files::from_readers(vec![("fuzzed".into(), input)]) else { return };
    let mut frames = 0;
    let mut decoder = Decoder::new(true);
    loop {
        match files.next().expect("files have no failure for good") {
            Next::End => break,
            Next::Idle => {}
            Next::Frame(frame) => {
                frames += 1;
                assert_eq!(frame.number, frames);
                let _ = decoder.decode(&frame);
            }
        }
    }
    assert!(matches!(files.next(), Ok(Next::End)), "the end is the end");
    let _ = (files.drops(), files.problems(), files.links());
}

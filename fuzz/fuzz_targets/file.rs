//! Bytes as a capture file: whatever they are, the reader comes to an end, and what it gives decodes or is skipped.

#![no_main]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use portlore::decode::Decoder;
use portlore::source::{Files, Next, Source};

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a written file");
    let stop = Arc::new(AtomicBool::new(false));
    let Ok(mut files) = Files::open(&[file.path().to_owned()], &stop) else { return };
    let mut frames = 0;
    let mut decoder = Decoder::new(true);
    while let Next::Frame(frame) = files.next().expect("files have no failure for good") {
        frames += 1;
        assert_eq!(frame.number, frames);
        let _ = decoder.decode(&frame);
    }
    assert!(matches!(files.next(), Ok(Next::End)), "the end is the end");
    let _ = (files.drops(), files.problems(), files.links());
});

//! Captures that were cut anywhere and damaged anywhere, through the whole program: it ends, its
//! report is sound.
//!
//! And the inputs that fuzzing kept, through the bodies of the fuzz targets (`fuzz/README.md`).

#![allow(
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "the fuzz targets' bodies are tests"
)]

use std::path::{Path, PathBuf};

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use crate::run::captures;

/// Cuts and damages of each capture, each at a place of its own in the whole program, and more in
/// the reader and decoder alone. `PORTLORE_EVERY_BYTE` in the environment makes them all: in a
/// release build an hour and more.
const WHOLE: usize = 5;
const READ: usize = 120;

/// A row of numbers that looks like chance and is the same every time (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn of(name: &str) -> Self {
        Self(
            name.bytes().fold(0x9e37_79b9_7f4a_7c15, |seed, byte| {
                (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            }) | 1,
        )
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = captures("fixtures").into_iter().chain(captures("fixtures/forms"));
    names.map(|name| (name.clone(), std::fs::read(root.join(&name)).unwrap())).collect()
}

/// The places that are tried: all, or some by chance.
fn places(name: &str, len: usize, some: usize) -> Vec<usize> {
    if std::env::var_os("PORTLORE_EVERY_BYTE").is_some() {
        return (0..len).collect();
    }
    let mut chance = Chance::of(name);
    (0..some).map(|_| chance.below(len)).collect()
}

#[test]
fn no_cut_of_a_capture_brings_the_program_down() {
    for (name, bytes) in fixtures() {
        for len in places(&name, bytes.len(), READ) {
            bodies::file::run(&bytes[..len]);
        }
        for len in places(&name, bytes.len(), WHOLE) {
            bodies::whole::run(&bytes[..len]);
        }
    }
}

#[test]
fn no_damage_of_a_capture_brings_the_program_down() {
    for (name, bytes) in fixtures() {
        let mut chance = Chance::of(&name);
        let mut damaged = |at: usize| {
            let mut damaged = bytes.clone();
            // One bit at the place, and some more anywhere.
            damaged.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << chance.below(8));
            for _ in 0..chance.below(4) {
                let at = chance.below(bytes.len());
                damaged.get_mut(at).into_iter().for_each(|byte| *byte = chance.below(256) as u8);
            }
            damaged
        };
        for at in places(&name, bytes.len(), READ) {
            bodies::file::run(&damaged(at));
        }
        for at in places(&name, bytes.len(), WHOLE) {
            bodies::whole::run(&damaged(at));
        }
    }
}
/// Damages of the state of the showcase, behind checksums that are right.
#[test]
fn a_snapshot_whose_state_is_damaged_is_refused_or_continued() {
    for frames in [0, 60, 291] {
        let input = bodies::snapshot::input(&bodies::snapshot::sections(frames));
        bodies::snapshot::run(&input);
        for at in places("snapshot", input.len(), 40) {
            let mut damaged = input.clone();
            damaged[at] = damaged[at].wrapping_add(1 << (at % 8));
            bodies::snapshot::run(&damaged);
        }
    }
}

#[test]
fn every_input_that_fuzzing_kept_still_holds() {
    for (name, body) in bodies::BODIES {
        let inputs = bodies::kept::read(&kept(name)).unwrap();
        assert!(inputs.len() > 20, "{name}: {} inputs", inputs.len());
        inputs.iter().for_each(|input| body(input));
    }
}

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/kept").join(name)
}

//! The cost of a frame, stage by stage and as a whole; `benches/README.md` explains each figure.
//!
//! Every input is made in code from fixed seeds, so that two runs measure the same work.

#![allow(clippy::unwrap_used, reason = "an input that cannot be made ends the run")]

mod classify;
mod decode;
mod detect;
mod filter;
mod flow;
mod read;
mod traffic;
mod whole;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let capture = traffic::Capture::make();
    read::bench(&mut criterion, &capture);
    decode::bench(&mut criterion);
    flow::bench(&mut criterion);
    detect::bench(&mut criterion);
    classify::bench(&mut criterion);
    filter::bench(&mut criterion);
    whole::bench(&mut criterion, &capture);
    criterion.final_summary();
}

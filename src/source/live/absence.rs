//! How long an interface was missing, for the report.

use std::time::{Duration, Instant};

use crate::sentence::plural;

/// The times during which an interface did not exist.
#[derive(Debug, Default)]
pub(super) struct Absences {
    /// Since when it does not exist.
    since: Option<Instant>,
    /// Those that are over.
    times: u64,
    total: Duration,
}

impl Absences {
    /// Notes whether the interface exists at a time.
    pub(super) fn note(&mut self, is_there: bool, now: Instant) {
        if !is_there {
            self.since.get_or_insert(now);
        } else if let Some(since) = self.since.take() {
            self.times += 1;
            self.total += now.duration_since(since);
        }
    }

    /// The line for the report, if the interface was missing and came back.
    pub(super) fn notice(&self, name: &str) -> Option<String> {
        let seconds = self.total.as_secs_f64();
        let times = plural(self.times, "time");
        (self.times > 0).then(|| {
            format!(
                "{name} was missing {times}, for {seconds:.1} s in all; what was sent then was not \
                 captured"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absences_that_ended_are_notable_and_their_times_add_up() {
        let begin = Instant::now();
        let mut absences = Absences::default();
        let mut note = |is_there, tenths: u64| {
            absences.note(is_there, begin + Duration::from_millis(100 * tenths));
            absences.notice("veth0")
        };
        assert_eq!([note(true, 0), note(false, 10), note(false, 12)], [None, None, None]);
        let once = note(true, 25).unwrap();
        assert!(once.starts_with("veth0 was missing 1 time, for 1.5 s in all; "), "{once}");
        assert_eq!(note(false, 30), Some(once));
        let twice = note(true, 40).unwrap();
        assert!(twice.starts_with("veth0 was missing 2 times, for 2.5 s in all; "), "{twice}");
    }
}

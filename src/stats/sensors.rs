//! Statistics of one sensor as a part of those of several.

use super::{Aggregate, EarlyFrames, SpeakerStats, Stats};

/// What tells the statistics of one sensor from those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorPlace {
    /// The number of the sensor, from 1: servers at the same address of other sensors are others.
    pub sensor: u16,
    /// Frames of the sensors before it.
    pub frames: u64,
}

impl Stats {
    /// The complete statistics of one sensor, as they count among those of several.
    #[must_use]
    pub(crate) fn at(mut self, place: SensorPlace) -> Self {
        // The frames that it is about are those of one sensor.
        self.limit_examples();
        self.early_frames = EarlyFrames::default();
        let SensorPlace { frames, .. } = place;
        for port in self.ports.values_mut() {
            port.all.move_frames(frames);
            port.speakers.values_mut().for_each(|speaking| speaking.move_frames(frames));
        }
        self.services.values_mut().for_each(|service| service.all.move_frames(frames));
        self.servers = self.servers.at(place);
        self.dns_parents.move_to(place);
        self
    }
}

impl Aggregate {
    fn move_frames(&mut self, by: u64) {
        if let Some(failed) = &mut self.failed {
            move_frame(&mut failed.first_refused, by);
            move_frame(&mut failed.first_unanswered, by);
        }
    }
}

impl SpeakerStats {
    fn move_frames(&mut self, by: u64) {
        if let Some(example) = &mut self.example {
            example.record.move_frames(by);
            example.verdict.move_frames(by);
        }
    }
}

/// Moves the number of a frame; [`u64::MAX`] stands for none.
pub(super) const fn move_frame(frame: &mut u64, by: u64) {
    *frame = frame.saturating_add(by);
}

//! Servers as they are written: in the order of ranks, with numbers in the order of what they stand
//! for, so that the same servers have the same bytes whoever counted them.

use super::interned::Interned;
use super::row::ServerRow;
use super::{LayeredService, Servers, Slots};
use crate::saved::{BadState, MOST, check};
use crate::stats::Speaker;
use crate::stats::sensors::{SensorPlace, move_frame};

impl Servers {
    /// The same servers in order.
    pub(crate) fn in_order(self) -> Self {
        let mut services: Interned<LayeredService> = self.services.in_order();
        let mut speakers: Interned<Speaker> = self.speakers.in_order();
        let new_services = services.adopt(&self.services);
        let new_speakers = speakers.adopt(&self.speakers);
        let mut slots = Slots::new(self.slots.limit());
        let mut rows: Vec<ServerRow> = self.slots.into_rows().collect();
        rows.sort_by_key(|row| row.key.rank());
        for mut row in rows {
            for proof in row.services.iter_mut().flatten() {
                proof.service = new_services[proof.service as usize];
            }
            for spoken in row.spoken.iter_mut().flatten() {
                let number = new_speakers[spoken.speaker.speaker() as usize];
                spoken.speaker = spoken.speaker.with_speaker(number);
            }
            row.services.sort_by_key(|proof| {
                proof.map_or((true, 0, None), |proof| (false, proof.service, proof.protocol))
            });
            row.spoken.sort_by_key(|spoken| {
                spoken.map_or((true, 0, 0), |spoken| {
                    (false, spoken.speaker.speaker(), spoken.speaker.product())
                })
            });
            slots.place(row);
        }
        Self { slots, services, speakers, ..self }
    }

    /// The servers as they count among those of several sensors.
    pub(in crate::stats) fn at(self, place: SensorPlace) -> Self {
        let SensorPlace { sensor, frames } = place;
        let mut slots = Slots::new(self.slots.limit());
        for mut row in self.slots.into_rows() {
            row.key.sensor = sensor;
            let proofs = row.services.iter_mut().flatten().map(|proof| &mut proof.frame);
            let own = [&mut row.proof_frame, &mut row.farthest_frame];
            proofs.chain(own).for_each(|frame| move_frame(frame, frames));
            slots.place(row);
        }
        Self {
            slots,
            texts: self.texts.at(place),
            names: self.names.at(place),
            client_sets: self.client_sets.of_sensor(sensor),
            anomalies: self.anomalies.at(place),
            ..self
        }
    }

    /// Checks what was read.
    pub(in crate::stats) fn check(&self) -> Result<(), BadState> {
        let (services, speakers) = (self.services.len(), self.speakers.len());
        let is_one = |row: &ServerRow| {
            let proved = row.services.iter().flatten();
            let spoken = row.spoken.iter().flatten();
            row.bytes.iter().all(|&bytes| bytes <= MOST)
                && proved.map(|proof| proof.service as usize).all(|number| number < services)
                && spoken.clone().all(|spoken| (spoken.speaker.speaker() as usize) < speakers)
                && spoken.map(|spoken| spoken.bytes).all(|bytes| bytes <= MOST)
        };
        check(self.slots.rows().all(is_one), "a server has what nobody spoke")?;
        check(self.texts.is_counted() && self.names.is_counted(), "names do not add up")?;
        check(self.flows_beyond_limit <= MOST, "a number is too large")
    }
}

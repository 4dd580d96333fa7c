//! The interfaces of several files, numbered consecutively.

use super::capture_file::CaptureFile;

/// Maximum number of interfaces with a number of their own; those beyond share one.
const MAX_INTERFACES: usize = 1 << 12;

/// Numbers and names of the interfaces.
#[derive(Default)]
pub(super) struct InterfaceNumbers {
    /// By index of the file, then by number of the interface in it.
    numbers: Vec<Vec<Option<u32>>>,
    names: Vec<String>,
}

impl InterfaceNumbers {
    /// Numbers behind those of interfaces with these names.
    pub(super) fn following(names: &[String]) -> Self {
        Self { numbers: Vec::new(), names: names.to_vec() }
    }

    /// The number of an interface of a file.
    #[inline]
    pub(super) fn number(&mut self, slot: usize, file: &CaptureFile, place: u32) -> u32 {
        match self.numbers.get(slot).and_then(|of_file| of_file.get(place as usize)) {
            Some(&Some(number)) => number,
            _ => self.add(slot, file, place),
        }
    }

    #[cold]
    fn add(&mut self, slot: usize, file: &CaptureFile, place: u32) -> u32 {
        if self.numbers.len() <= slot {
            self.numbers.resize_with(slot + 1, Vec::new);
        }
        let of_file = &mut self.numbers[slot];
        if of_file.len() <= place as usize {
            of_file.resize(place as usize + 1, None);
        }
        if self.names.len() < MAX_INTERFACES {
            self.names.push(file.interface(place));
        } else if self.names.len() == MAX_INTERFACES {
            self.names.push("others".into());
        }
        let number = self.names.len() as u32 - 1;
        of_file[place as usize] = Some(number);
        number
    }

    pub(super) fn name(&self, number: u32) -> String {
        self.names.get(number as usize).cloned().unwrap_or_default()
    }
}

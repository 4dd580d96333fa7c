//! The tenants in the keys of flows. A key has 16 bits left: it holds the number of its tenant.
//!
//! The thread that makes keys numbers the tenants in the order in which they come; the threads that
//! finish flows look them up. Neither locks.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::decode::{Tenant, TenantParts};
use crate::saved::{BadState, StateReader, StateWriter, check};

/// Maximum number of tenants that have a number of their own; further ones share the last number.
const MAX_TENANTS: usize = u16::MAX as usize - 1;
/// The number of further ones.
const OTHERS: u16 = u16::MAX;

/// Tenants by number. Clones share them. Without `--key` nothing is allocated.
#[derive(Debug, Clone, Default)]
pub struct Tenants(Arc<OnceLock<Box<[OnceLock<Tenant>]>>>);

impl Tenants {
    /// The tenant with a number; zero is that of keys without one.
    #[must_use]
    pub fn get(&self, number: u16) -> Tenant {
        let slot = self.0.get().and_then(|slots| slots.get(usize::from(number)));
        slot.and_then(OnceLock::get).copied().unwrap_or_default()
    }

    fn set(&self, number: u16, tenant: Tenant) {
        let slots = self.0.get_or_init(|| vec![OnceLock::new(); usize::from(u16::MAX) + 1].into());
        if let Some(slot) = slots.get(usize::from(number)) {
            slot.get_or_init(|| tenant);
        }
    }
}

/// Numbers tenants.
#[derive(Debug)]
pub struct TenantNumbers {
    numbers: BTreeMap<Tenant, u16>,
    tenants: Tenants,
    /// The tenant before, which is usually the next one too.
    last: (Tenant, u16),
    /// Whether tenants share the last number.
    is_full: bool,
}

impl TenantNumbers {
    /// Numbers tenants for those who look them up in `tenants`.
    #[must_use]
    pub fn new(tenants: &Tenants) -> Self {
        let (numbers, last) = (BTreeMap::new(), (Tenant::NONE, 0));
        Self { numbers, tenants: tenants.clone(), last, is_full: false }
    }

    /// The number of a tenant, of which these parts belong to the key; zero if none does.
    pub fn number(&mut self, tenant: Tenant, parts: TenantParts) -> u16 {
        let tenant = tenant.in_key(parts);
        if self.last.0 == tenant {
            return self.last.1;
        }
        let number = self.numbers.get(&tenant).copied().unwrap_or_else(|| self.add(tenant));
        self.last = (tenant, number);
        number
    }

    /// Writes the tenants that have a number, and those that share one.
    pub(crate) fn write_state(&self, writer: &mut StateWriter) {
        let mut tenants: Vec<_> = self.numbers.iter().collect();
        tenants.sort_by_key(|(_, number)| **number);
        writer.put(&tenants.into_iter().map(|(tenant, _)| tenant).collect::<Vec<_>>());
        writer.put(&self.is_full.then(|| self.tenants.get(OTHERS)));
    }

    /// Numbers tenants as those that were written.
    ///
    /// # Errors
    /// The state cannot be.
    pub(crate) fn read_state(&mut self, reader: &mut StateReader<'_>) -> Result<(), BadState> {
        let tenants: Vec<Tenant> = reader.take()?;
        let others: Option<Tenant> = reader.take()?;
        check(tenants.len() <= MAX_TENANTS, "there are too many tenants")?;
        for &tenant in &tenants {
            self.add(tenant);
        }
        check(self.numbers.len() == tenants.len(), "a tenant comes twice")?;
        if let Some(others) = others {
            self.is_full = true;
            self.tenants.set(OTHERS, others);
        }
        Ok(())
    }

    #[cold]
    fn add(&mut self, tenant: Tenant) -> u16 {
        if self.numbers.len() >= MAX_TENANTS {
            self.is_full = true;
            self.tenants.set(OTHERS, Tenant::NONE.in_key(tenant.parts()));
            return OTHERS;
        }
        let number = self.numbers.len() as u16 + 1;
        self.numbers.insert(tenant, number);
        self.tenants.set(number, tenant);
        number
    }

    /// The notice for the report, if tenants share a number.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.is_full.then(|| {
            format!("flows are kept apart for at most {MAX_TENANTS} VLANs and virtual networks; there were more")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: TenantParts = TenantParts { vlan: true, vni: true };

    #[test]
    fn tenants_come_back_by_number_and_without_a_key_there_are_none() {
        let tenants = Tenants::default();
        let mut numbers = TenantNumbers::new(&tenants);
        let vlan = |id| Tenant::NONE.in_vlan(id);
        assert_eq!(numbers.number(vlan(10), TenantParts::NONE), 0);
        assert!(tenants.0.get().is_none(), "nothing is allocated");
        let given =
            [vlan(10), vlan(20), Tenant::NONE, vlan(10)].map(|one| numbers.number(one, BOTH));
        assert_eq!(given, [1, 2, 3, 1]);
        assert_eq!(tenants.get(2), vlan(20).in_key(BOTH));
        assert_eq!((tenants.get(3).parts(), tenants.get(3).vlan()), (BOTH, None));
        assert_eq!((tenants.get(0), tenants.get(9)), (Tenant::NONE, Tenant::NONE));
    }

    #[test]
    fn more_tenants_than_numbers_share_the_last_one_and_it_is_told() {
        let tenants = Tenants::default();
        let mut numbers = TenantNumbers::new(&tenants);
        let network = |vni| Tenant::NONE.in_network(vni);
        for vni in 0..MAX_TENANTS as u32 {
            assert_eq!(u32::from(numbers.number(network(vni), BOTH)), vni + 1);
        }
        assert_eq!(numbers.notice(), None);
        assert_eq!(numbers.number(network(u32::MAX), BOTH), OTHERS);
        assert_eq!(numbers.number(network(5), BOTH), 6);
        assert_eq!((tenants.get(OTHERS).vni(), tenants.get(OTHERS).parts()), (None, BOTH));
        assert!(numbers.notice().unwrap().contains("at most 65534 VLANs and virtual networks"));
    }
}

//! The tenant of a flow, as far as it belongs to the key of flows.

use crate::decode::Tenant;

/// VLAN and VNI, each behind a blank; empty if there is neither.
#[must_use]
pub fn label(tenant: Tenant) -> String {
    let vlan = match (tenant.outer_vlan(), tenant.vlan()) {
        (Some(outer), Some(vlan)) => format!(" vlan {outer}.{vlan}"),
        (None, Some(vlan)) => format!(" vlan {vlan}"),
        (_, None) => String::new(),
    };
    tenant.vni().map_or_else(|| vlan.clone(), |vni| format!("{vlan} vni {vni}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacked_vlans_are_joined_by_a_dot_and_what_is_missing_is_left_out() {
        let vlan = Tenant::NONE.in_vlan(10);
        assert_eq!(label(Tenant::NONE), "");
        assert_eq!(label(vlan), " vlan 10");
        assert_eq!(label(vlan.in_vlan(20)), " vlan 10.20");
        assert_eq!(label(vlan.in_network(0)), " vlan 10 vni 0");
    }
}

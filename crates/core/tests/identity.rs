//! The names of connections, against what another library makes of them.

use core::net::IpAddr;

use community_id::calculate_community_id;
use proptest::prelude::*;
use rst_storm_core::flow::zeek::ConnectionTable;
use rst_storm_core::tcp::Endpoint;
use rst_storm_core::testing::sightings;

proptest! {
    #[test]
    fn a_community_id_is_what_another_library_makes_it(
        bits in any::<[u128; 2]>(), ports in any::<[u16; 2]>(), is_v6: bool, is_same: bool,
    ) {
        let addresses = if is_same { [bits[0]; 2] } else { bits };
        let addresses = addresses.map(|bits| match is_v6 {
            true => IpAddr::V6(bits.into()),
            false => IpAddr::V4((bits as u32).into()),
        });
        let [client, server] = [0, 1].map(|end| Endpoint::new(addresses[end], ports[end]));
        let mut ids = Vec::new();
        let mut table = ConnectionTable::default();
        for (segment, checksum) in sightings(&format!("client {client}\nserver {server}\n> S 1")) {
            table.push(&segment, checksum, &mut |_| {});
        }
        table.finish(&mut |connection| ids.push(connection.community_id()));
        let [one, other] = addresses;
        let known = calculate_community_id(0, one, other, Some(ports[0]), Some(ports[1]), 6, false);
        prop_assert_eq!(ids, [known.ok()]);
    }
}

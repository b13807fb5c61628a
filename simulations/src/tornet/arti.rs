//! The file from which arti learns of this network instead of the public one.

use std::net::SocketAddr;

use super::identity::Identity;

/// Its text, in arti's own format, for `arti_config` in a `[tor]` table.
///
/// Only the authority is a fallback cache: it has the first consensus before the relays do. The subnets keep arti
/// from taking all relays on one address for one family.
pub(super) fn config(authority: &Identity, v3_identity: &str, or_port: SocketAddr) -> String {
    let Identity { rsa, ed25519 } = authority;
    format!(
        "[tor_network]\n\
         fallback_caches = [\n  \
         {{ rsa_identity = \"{rsa}\", ed_identity = \"{ed25519}\", orports = [\"{or_port}\"] }},\n\
         ]\n\
         authorities = {{ v3idents = [\"{v3_identity}\"] }}\n\
         \n\
         [path_rules]\n\
         ipv4_subnet_family_prefix = 33\n\
         ipv6_subnet_family_prefix = 129\n\
         \n\
         # There are no exits, so no circuits to them need to be kept ready.\n\
         [preemptive_circuits]\n\
         initial_predicted_ports = []\n\
         \n\
         [override_net_params]\n\
         guard-min-filtered-sample-size = 3\n"
    )
}

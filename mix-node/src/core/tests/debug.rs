//! What `Debug` shows of a mix: counts and public names, no secret.

use super::*;

#[test]
fn debug_shows_no_secret() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    bench.reply_to(&grant.session);
    insta::assert_snapshot!(format!("{grant:?}"), @"SessionGrant { session: SessionAddress([scrubbed]), token: ResumeToken([scrubbed]), resumable: 300s, class: 0, resumed: false }");
    insta::assert_snapshot!(format!("{:#?}", bench.mix), @r"
    Mix {
        node: NodeId(01010101),
        place: Some(
            Entry,
        ),
        consensus_epoch: Some(
            1000,
        ),
        keys: HopKeys([(999, HopPublic(4e041be4)), (1000, HopPublic(80ae27db)), (1001, HopPublic(907f89be)), (1002, HopPublic(59e29f84)), (1003, HopPublic(e3371f3c))]),
        held: 1,
        sessions: [
            Session {
                class: 0,
                connected: true,
                waiting: 1,
                ..
            },
        ],
        ..
    }
    ");
    let log = bench.run_until(start() + ms(2_000));
    let (_, delivery) = &log[0];
    insta::assert_snapshot!(format!("{delivery:?}"), @"Deliver { session: SessionAddress([scrubbed]), frame: Frame(delivery), ticket: Ticket(DownlinkDummy(SessionAddress([scrubbed]))) }");
    insta::assert_snapshot!(format!("{:?}", Source::Client(grant.session)), @"Client(SessionAddress([scrubbed]))");
}

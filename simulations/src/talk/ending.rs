//! The end of a conversation: everything has come, both have read it, what disappears has gone, and both sides are
//! compared with the script.

use std::time::Duration;

use sotto_client::core::{Direction, MessageState};

use super::row::{Row, rows};
use super::{NAMES, Talk, TalkError, name};

/// How long it may take until nothing moves any more.
const REST_MAX: Duration = Duration::from_secs(3 * 3600);
/// The time between two looks whether it has.
const REST_LOOK: Duration = Duration::from_secs(10);
/// Differences that are reported one by one.
const DIFFERENCES_MAX: usize = 10;

/// What one engine has of the conversation.
struct Kept {
    sent: Vec<Row>,
    received: Vec<Row>,
    /// Messages that are to disappear and have not.
    ending: usize,
    /// Messages of its own that the other one is not known to have read.
    unread: usize,
}

impl Talk {
    /// Both read all that comes, until everything has come and is known to have been read.
    pub(super) fn come_to_rest(&mut self) -> Result<(), TalkError> {
        let begin = self.net.now();
        while self.net.now().since(begin) < REST_MAX {
            self.net.run_for(REST_LOOK);
            for index in 0..NAMES.len() {
                self.listen(index)?;
                let seq = self.sides.get(index).map_or(0, |side| side.last_seq);
                self.net.mark_read(name(index), name(1 - index), seq)?;
            }
            let [alice, bob] = [self.kept(0)?, self.kept(1)?];
            let is_left = |kept: &Kept| kept.ending > 0 || kept.unread > 0;
            if !is_left(&alice) && !is_left(&bob) && alice.sent == bob.received && bob.sent == alice.received
            {
                self.report.rest_s = self.net.now().since(begin).as_secs_f64();
                break;
            }
        }
        let [alice, bob] = [self.kept(0)?, self.kept(1)?];
        for (index, author, other) in [(0, &alice, &bob), (1, &bob, &alice)] {
            let script = self.script.rows(index);
            self.report.messages_left += script.len();
            self.compare(&format!("sent by {}, at its own side", name(index)), &script, &author.sent);
            self.compare(&format!("sent by {}, at the other side", name(index)), &script, &other.received);
            if author.ending > 0 || author.unread > 0 {
                let Kept { ending, unread, .. } = author;
                let what =
                    format!("{}: {ending} have not gone, {unread} of its own not known as read", name(index));
                self.report.differences.push(what);
            }
        }
        Ok(())
    }

    /// The figures of the whole.
    pub(super) fn sum_up(&mut self) {
        self.net.look_at_all();
        self.report.messages = self.script.len();
        self.report.claims = self.net.claims();
        self.report.unseen = self.net.unseen();
        self.report.falsehoods = self.net.falsehoods().to_vec();
        self.report.elapsed_s = self.net.elapsed().as_secs_f64();
    }

    fn kept(&mut self, index: usize) -> Result<Kept, TalkError> {
        let partner = name(1 - index);
        Ok(self.net.with_person(name(index), |engine, _, _| {
            let (sent, ending_sent) = rows(engine, partner, Direction::Out);
            let (received, ending_received) = rows(engine, partner, Direction::In);
            let views = engine.messages(partner, None).unwrap_or_default();
            let own = views.iter().filter(|view| view.direction == Direction::Out);
            let unread = own.filter(|view| view.state != MessageState::Read).count();
            Kept { sent, received, ending: ending_sent + ending_received, unread }
        })?)
    }

    fn compare(&mut self, what: &str, script: &[Row], kept: &[Row]) {
        if script == kept {
            return;
        }
        self.report.differences.push(format!("{what}: {} lines, kept {}", script.len(), kept.len()));
        let pairs = script.iter().map(Some).chain(std::iter::repeat(None));
        let kept = kept.iter().map(Some).chain(std::iter::repeat(None));
        let both = pairs.zip(kept).take_while(|(one, other)| one.is_some() || other.is_some());
        for (one, other) in both.filter(|(one, other)| one != other).take(DIFFERENCES_MAX) {
            let short = |row: Option<&Row>| row.map_or_else(|| "nothing".to_owned(), Row::in_short);
            self.report.differences.push(format!("  script {}, kept {}", short(one), short(other)));
        }
    }
}

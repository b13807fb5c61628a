//! How the two people meet: an invitation, its acceptance, and the comparison of safety numbers.

use serde::Deserialize;
use serde_json::{Value, json};
use sotto_client::cli::qr;
use sotto_client::core::Trust;

use super::conversation::Conversation;
use super::side::is;
use super::since;
use super::steps::Step;
use crate::localnet::LocalnetError;

/// For how long the invitation holds, in seconds.
const INVITE_TTL_S: u64 = 3_600;
/// Groups of a safety number in one line.
const GROUPS_PER_LINE: usize = 6;

/// What the program shows of a safety number.
#[derive(Deserialize)]
struct Number {
    trust: Trust,
    digits: String,
    groups: Vec<String>,
    /// Only after a comparison.
    matches: Option<bool>,
}

impl Conversation {
    /// The first invites the second, who accepts.
    pub(super) async fn meet(&mut self) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let invited = self.first.call("invite", json!({ "name": second, "ttl_s": INVITE_TTL_S })).await?;
        let link = invited.get("link").and_then(Value::as_str).ok_or_else(|| self.first.odd("no link"))?;
        self.narrator.say(&format!("{first} makes an invitation, and hands it over:"));
        self.narrator.say(link);
        if let Some(code) = qr::on_this_terminal(link) {
            self.narrator.block(&code);
        }
        let found = format!("The link has {} characters; it holds for one use, for an hour.", link.len());
        self.record(Step::Invite, link.starts_with("sotto:invite:"), found);

        let begin = self.clock.now();
        self.second.call("accept", json!({ "name": first, "link": link })).await?;
        for side in [&mut self.second, &mut self.first] {
            let met = |event: &Value| is(event, "contact-established");
            side.hear(met).await?.ok_or_else(|| side.odd("the other side's keys have not come"))?;
        }
        let found = format!(
            "{second} has fetched the keys of {first} and answered with fresh ones ({}). Nobody registered anywhere.",
            since(&self.clock, begin)
        );
        self.record(Step::Accept, true, found);
        Ok(())
    }

    /// Both compare safety numbers: first a wrong one, as from somebody who stands between them, then the other side's.
    pub(super) async fn verify(&mut self) -> Result<(), LocalnetError> {
        let number = self.number(true).await?;
        let other = self.number(false).await?;
        self.narrator.say(
            "Does anybody stand between them? Both programs show 60 digits, which they read to each other:",
        );
        for line in number.groups.chunks(GROUPS_PER_LINE) {
            self.narrator.say(&format!("    {}", line.join(" ")));
        }
        let wrong = with_another_last_digit(&number.digits);
        let (mut refused, mut verified) = (true, true);
        for is_first in [true, false] {
            let after = self.compare(is_first, &wrong).await?;
            refused &= after.matches == Some(false) && after.trust == Trust::Unverified;
        }
        let found = if refused {
            "A number with one wrong digit is refused by both, and verifies nobody.".to_owned()
        } else {
            "A number with one wrong digit was taken.".to_owned()
        };
        self.record(Step::WrongNumber, refused, found);
        for (is_first, digits) in [(true, &other.digits), (false, &number.digits)] {
            let after = self.compare(is_first, digits).await?;
            verified &= after.matches == Some(true) && after.trust == Trust::Verified;
        }
        let digits = number.digits.len();
        let found = if verified {
            format!("The {digits} digits are the same on both sides: each is verified by the other.")
        } else {
            "The digits differ: somebody stands between them.".to_owned()
        };
        self.record(Step::Verify, verified && number.digits == other.digits, found);
        Ok(())
    }

    /// The digits that one side sees, for comparison later on.
    pub(super) async fn digits(&self, is_first: bool) -> Result<String, LocalnetError> {
        Ok(self.number(is_first).await?.digits)
    }

    async fn number(&self, is_first: bool) -> Result<Number, LocalnetError> {
        let (side, other) = if is_first { (&self.first, &self.second) } else { (&self.second, &self.first) };
        side.ask("verify", json!({ "contact": other.name() })).await
    }

    async fn compare(&self, is_first: bool, digits: &str) -> Result<Number, LocalnetError> {
        let (side, other) = if is_first { (&self.first, &self.second) } else { (&self.second, &self.first) };
        side.ask("compare", json!({ "contact": other.name(), "number": digits })).await
    }
}

/// The number with its last digit changed.
fn with_another_last_digit(digits: &str) -> String {
    let mut wrong = digits.to_owned();
    let last = wrong.pop().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
    wrong.push(char::from_digit((last + 1) % 10, 10).unwrap_or('0'));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_is_wrong_and_has_as_many_digits() {
        for (right, wrong) in [("01234", "01235"), ("99999", "99990")] {
            assert_eq!(with_another_last_digit(right), wrong);
        }
    }
}

//! An introduction that is under way, as it is kept: one that we make between two contacts, or that a contact makes for us.
//!
//! It is kept in the commit that takes or writes the letter which changes it, and goes when nothing can follow any more.
//! What letters say is in [`super::letter`], what a user does in [`super::introducing`], what comes of it without one in
//! [`super::introduced`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::id::ContactId;
use super::letter::{IntroductionTag, Name, Part};
use super::limits::{INTRODUCTIONS_MAX, INTRODUCTIONS_OF_CONTACT_MAX};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// One of the two whom we introduce.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Party {
    pub(crate) contact: ContactId,
    pub(crate) agrees: bool,
}

/// One that we make. Once both agree, the inviter's link goes to the joiner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Made {
    #[zeroize(skip)]
    pub(crate) inviter: Party,
    #[zeroize(skip)]
    pub(crate) joiner: Party,
    /// What the inviter has sent for the joiner.
    pub(crate) link: Option<String>,
}

/// One that a contact makes for us.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Offered {
    #[zeroize(skip)]
    pub(crate) from: ContactId,
    #[zeroize(skip)]
    pub(crate) part: Part,
    /// What the contact calls the other person.
    pub(crate) name: String,
    pub(crate) note: String,
    /// What the letter is called that it came by.
    #[zeroize(skip)]
    pub(crate) letter: Name,
    /// As a joiner who has agreed: what the user wants to call the other person.
    pub(crate) promised: Option<String>,
    /// The link that has come since.
    pub(crate) link: Option<String>,
}

/// Whose it is. The numbers are on disk: append only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Matter {
    Made(Made),
    Offered(Offered),
}

/// An introduction's record. `Debug` shows no name and no link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Introduction {
    /// Its name within this profile, which never leaves the device.
    pub(crate) id: ContactId,
    /// What letters call it.
    pub(crate) tag: IntroductionTag,
    pub(crate) at_ms: u64,
    /// From here on nothing comes of it.
    pub(crate) until_ms: u64,
    pub(crate) matter: Matter,
}

impl Introduction {
    /// Whether something can still come of it.
    pub(crate) const fn is_open(&self, now: Timestamp) -> bool {
        now.as_millis() < self.until_ms
    }

    /// Whether it goes with this contact.
    pub(crate) fn concerns(&self, contact: ContactId) -> bool {
        match &self.matter {
            Matter::Made(made) => made.inviter.contact == contact || made.joiner.contact == contact,
            Matter::Offered(offered) => offered.from == contact,
        }
    }

    /// One that we make.
    pub(crate) const fn made(&self) -> Option<&Made> {
        match &self.matter {
            Matter::Made(made) => Some(made),
            Matter::Offered(_) => None,
        }
    }

    /// One that was made for us.
    pub(crate) const fn offered(&self) -> Option<&Offered> {
        match &self.matter {
            Matter::Made(_) => None,
            Matter::Offered(offered) => Some(offered),
        }
    }

    /// The name that somebody is to have who is still to come.
    pub(crate) fn promised(&self) -> Option<&str> {
        self.offered().and_then(|offered| offered.promised.as_deref())
    }

    fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: introduction_key(self.id), value: record::encode(self)? })
    }
}

/// Where an introduction is kept.
pub(crate) const fn introduction_key(id: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Introduction, id: *id.as_bytes() }
}

/// All that are under way.
pub(crate) type Introductions = BTreeMap<ContactId, Introduction>;

/// What is to become of some of them; `None` for those that go.
pub(crate) type IntroductionChanges = BTreeMap<ContactId, Option<Introduction>>;

/// The changes that keep these.
pub(crate) fn put_all(changes: &IntroductionChanges) -> Result<Vec<Change>, StoreError> {
    let change = |(id, introduction): (&ContactId, &Option<Introduction>)| match introduction {
        Some(introduction) => introduction.put(),
        None => Ok(Change::Delete { key: introduction_key(*id) }),
    };
    changes.iter().map(change).collect()
}

/// Whether there is room for one more of this contact, among those that are ours or those that are not.
pub(crate) fn has_room<'a>(
    introductions: impl Iterator<Item = &'a Introduction>,
    contact: ContactId,
    is_ours: bool,
    now: Timestamp,
) -> bool {
    let alike = introductions
        .filter(|introduction| introduction.made().is_some() == is_ours && introduction.is_open(now));
    let (mut all, mut of_contact) = (0usize, 0usize);
    for introduction in alike {
        all = all.saturating_add(1);
        of_contact = of_contact.saturating_add(usize::from(introduction.concerns(contact)));
    }
    all < INTRODUCTIONS_MAX && of_contact < INTRODUCTIONS_OF_CONTACT_MAX
}

/// The introductions with changes that are not kept yet.
pub(crate) struct IntroductionDraft<'a> {
    kept: &'a Introductions,
    pub(crate) changes: IntroductionChanges,
}

impl<'a> IntroductionDraft<'a> {
    pub(crate) const fn of(kept: &'a Introductions) -> Self {
        Self { kept, changes: BTreeMap::new() }
    }

    /// All of them as they will be.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Introduction> {
        let unchanged = self.kept.iter().filter(|(id, _)| !self.changes.contains_key(id));
        unchanged.map(|(_, introduction)| introduction).chain(self.changes.values().flatten())
    }

    pub(crate) fn put(&mut self, introduction: Introduction) {
        self.changes.insert(introduction.id, Some(introduction));
    }

    pub(crate) fn remove(&mut self, id: ContactId) {
        self.changes.insert(id, None);
    }
}

impl fmt::Debug for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matter = match &self.matter {
            Matter::Made(_) => "made",
            Matter::Offered(_) => "offered",
        };
        write!(f, "Introduction({}, {matter}, [scrubbed])", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::letter::Series;

    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn offered(number: u8, from: u8) -> Introduction {
        let letter = Name { series: Series::from_bytes([1; 8]), number: 1 };
        let (name, note) = ("Carol".to_owned(), "from the choir".to_owned());
        let (from, part) = (ContactId::from_bytes([from; 16]), Part::Joiner);
        let matter = Matter::Offered(Offered {
            from,
            part,
            name,
            note,
            letter,
            promised: Some("Carol B.".to_owned()),
            link: Some("sotto:invite:secret".to_owned()),
        });
        let id = ContactId::from_bytes([number; 16]);
        Introduction { id, tag: [number; 16], at_ms: 0, until_ms: 2000, matter }
    }

    #[test]
    fn debug_shows_no_name_and_no_link() {
        insta::assert_snapshot!(format!("{:?}", offered(1, 2)), @"Introduction(01010101010101010101010101010101, offered, [scrubbed])");
    }

    #[test]
    fn room_is_counted_for_each_contact_and_for_all_and_what_is_over_does_not_count() {
        let from = |contact: u8| ContactId::from_bytes([contact; 16]);
        let mut some: Vec<Introduction> = (0..8).map(|number| offered(number, 1)).collect();
        assert!(!has_room(some.iter(), from(1), false, NOW));
        assert!(has_room(some.iter(), from(2), false, NOW));
        assert!(has_room(some.iter(), from(1), true, NOW), "those that we make are counted by themselves");
        assert!(has_room(some.iter(), from(1), false, Timestamp::from_millis(2000)));
        some.extend((8..64).map(|number| offered(number, number)));
        assert!(!has_room(some.iter(), from(99), false, NOW));
    }

    #[test]
    fn a_draft_shows_what_will_be_and_changes_nothing() {
        let kept: Introductions = (1..3).map(|number| offered(number, 1)).map(|one| (one.id, one)).collect();
        let mut draft = IntroductionDraft::of(&kept);
        draft.remove(ContactId::from_bytes([1; 16]));
        draft.put(offered(3, 1));
        let mut ids: Vec<ContactId> = draft.iter().map(|introduction| introduction.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [ContactId::from_bytes([2; 16]), ContactId::from_bytes([3; 16])]);
        assert_eq!(kept.len(), 2);
        let value = record::encode(&offered(3, 1)).unwrap();
        assert!(record::decode::<Introduction>(&value).unwrap() == offered(3, 1));
    }
}

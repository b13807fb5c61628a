//! Which messages hold a text.

use memchr::memmem::Finder;
use zeroize::Zeroizing;

use super::fold::Folder;
use super::signature::Signature;
use crate::core::message::{Body, Message};

/// What a search looks at in a message; `None` if a message is never found.
///
/// What this program says of a conversation is not searched, and a kind that it does not know cannot be.
pub(super) fn searchable(message: &Message) -> Option<&str> {
    match &message.body {
        Body::Request(text) => Some(text),
        // What is to be read once is shown when it is read, and by nothing else.
        _ if message.disappearing.read_once => None,
        _ => message.text(),
    }
}

/// A text that is looked for, folded.
pub(super) struct Needle {
    folded: Zeroizing<String>,
    /// What messages are passed over by.
    pub(super) signature: Signature,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let folded = Zeroizing::new(Folder::default().fold(text).to_owned());
        let signature = Signature::of(&folded);
        Self { folded, signature }
    }
}

/// Looks for one text in many, in time that grows with their lengths and with nothing else.
pub(super) struct Search<'n> {
    finder: Finder<'n>,
    needle_is_ascii: bool,
    folder: Folder,
}

impl<'n> Search<'n> {
    pub(super) fn of(needle: &'n Needle) -> Self {
        let finder = Finder::new(needle.folded.as_bytes());
        Self { finder, needle_is_ascii: needle.folded.is_ascii(), folder: Folder::default() }
    }

    /// Whether the text holds what is looked for.
    pub(super) fn finds(&mut self, text: &str) -> bool {
        // ASCII folds into ASCII.
        if !self.needle_is_ascii && text.is_ascii() {
            return false;
        }
        self.finder.find(self.folder.fold(text).as_bytes()).is_some()
    }

    /// How much work it was since this was asked last, in bytes of ASCII.
    pub(super) const fn take_work(&mut self) -> u64 {
        self.folder.take_work()
    }
}

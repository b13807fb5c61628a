//! The cryptography of a conversation.

pub mod safety;

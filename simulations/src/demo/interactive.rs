//! The person at the terminal takes over both roles for a while.

use std::io;

use super::conversation::{Conversation, Speaker};
use crate::localnet::LocalnetError;

/// Offers to type messages. An empty line, or the end of the input, ends it.
pub(super) async fn offer(conversation: &mut Conversation) -> Result<(), LocalnetError> {
    let narrator = conversation.narrator;
    narrator.chapter("Your turn");
    let (first, second) = conversation.names();
    narrator.say(&format!("Type a message and press Enter: {first} and {second} speak in turn."));
    narrator.say("An empty line ends the demonstration.");
    let mut speaker = Speaker::First;
    loop {
        let (first, second) = conversation.names();
        let name = if speaker == Speaker::First { first } else { second };
        narrator.prompt(&format!("  {name}> "));
        let text = read_line().await?;
        if text.is_empty() {
            return Ok(());
        }
        conversation.say(speaker, &text).await?;
        speaker = speaker.other();
    }
}

async fn read_line() -> Result<String, LocalnetError> {
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line.trim_end_matches(['\n', '\r']).to_owned())
    });
    reading
        .await
        .map_err(io::Error::other)
        .and_then(|line| line)
        .map_err(LocalnetError::system("read what you type"))
}

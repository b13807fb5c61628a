//! The client's engine: contacts, messages, cover traffic and retransmission as one state machine.
//!
//! [`Engine`] is told what happened (`handle_*`) and asked what to do (`poll_*`). There is deliberately
//! no clock, socket, task or global random generator here, and no decision of when a packet leaves
//! looks at what the user does.
//!
//! | concern | modules |
//! |---|---|
//! | by which way packets leave | `route`, `lane`, `lanes`, `choice`, `routing`, `entry`, `circuits` |
//! | when packets leave | `cover` |
//! | what they hold | `slots`, `scheduler`, `decoys`, `rotation`, `packets`, `parcel` |
//! | answers and retransmission | `arq`, `rtt`, `freeing`, `outbox`, `term`, `inbox` |
//! | people and their keys | `contact`, `trust`, `bond`, `link`, `stream`, `renewal` |
//! | how people meet | `invite`, `inviting`, `meeting`; `address`, `publishing`, `asking`, `request`; `introduction`, `introducing`, `introduced` |
//! | sessions made anew | `renewing`, `rendezvous`, `watch`, `watching`, `backup` |
//! | what a user asks for | `sending`, `acting`, `sealing`, `verifying`, `managing`, `forgetting`, `notes` |
//! | what comes in | `receiving`, `harvest`, `fragment`, `taking`, `message` |
//! | what is counted, told and repaired | `letter`, `ledger`, `reporting`, `confirming` |
//! | files | `file` |
//! | what ends | `vanishing` |
//! | what is kept | `keeper`, `book`, `conversation`, `places`, `update`, `settling`, `tending`, `aside` |
//! | what is shown | `status`, `why`, `history`, `cursor`, `view`, `event`, `error` |
//! | what a checker has to know | `audit` |
//! | what it costs and how long it takes | `network`, `budget`, `forecast`, `expecting`, `delay_law`, `turns` |

mod acting;
mod action;
mod address;
mod arq;
mod aside;
mod asking;
mod audit;
mod backup;
mod bond;
mod book;
mod budget;
mod choice;
mod circuits;
mod confirming;
mod contact;
mod conversation;
mod cover;
mod cursor;
mod decoys;
mod delay_law;
mod engine;
mod entry;
mod error;
mod event;
mod expecting;
mod file;
mod filling;
mod forecast;
mod forgetting;
mod fragment;
mod freeing;
mod harvest;
mod history;
mod id;
mod inbox;
mod introduced;
mod introducing;
mod introduction;
mod invite;
mod inviting;
mod keeper;
mod lane;
mod lanes;
mod ledger;
mod letter;
pub mod limits;
mod link;
mod managing;
mod meeting;
mod message;
mod network;
mod notes;
mod outbox;
mod packets;
mod parcel;
mod places;
mod publishing;
mod receiving;
mod rendezvous;
mod renewal;
mod renewing;
mod reporting;
mod request;
mod rotation;
pub mod route;
mod routing;
mod rtt;
mod scheduler;
mod sealing;
mod sending;
mod settling;
mod slots;
mod status;
mod stream;
mod taking;
mod tending;
mod term;
mod trust;
mod turns;
mod update;
mod vanishing;
mod verifying;
mod view;
mod watch;
mod watching;
mod why;

#[cfg(test)]
mod tests;

pub use action::{Action, CircuitId, Via};
pub use address::AddressLink;
pub use aside::Opened;
pub use audit::LetterName;
pub use backup::restored;
pub use budget::Volume;
pub use cursor::{Cursor, CursorError};
pub use engine::{Engine, EngineSettings};
pub use error::EngineError;
pub use event::Event;
pub use file::{FILE_BLOCK_LEN, FileState, FileView};
pub use forecast::{Delays, Expected};
pub use history::{HistoryPage, HistoryQuery, HistoryRow, PageStart};
pub use id::{ContactId, IdError, MessageId};
pub use introducing::{IntroduceOptions, IntroductionState, IntroductionView};
pub use invite::{Invite, InviteError};
pub use ledger::Receipts;
pub use letter::Disappearing;
pub use message::{Direction, MessageState};
pub use network::{Carried, ClassCost, NetworkView, RouteUse, Traffic};
pub use notes::NOTES_NAME;
pub use route::{Route, RoutePlan, RoutePlanError};
pub use sending::SendOptions;
pub use trust::Trust;
pub use view::{
    AddressView, ConsensusState, ContactState, ContactView, Counters, CoverView, DeletionView,
    DisappearingView, MessageKind, MessageView, ReactionsView, RequestView, RouteState, RouteView,
    StatusView, UndeliveredView, WaitingView,
};

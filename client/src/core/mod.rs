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
//! | answers and retransmission | `arq`, `rtt`, `freeing`, `outbox`, `inbox` |
//! | people and their keys | `contact`, `trust`, `bond`, `link`, `stream`, `renewal` |
//! | how people meet | `invite`, `inviting`, `meeting`; `address`, `publishing`, `asking`, `request` |
//! | sessions made anew | `renewing`, `rendezvous`, `watch`, `watching`, `backup` |
//! | what a user asks for | `sending`, `sealing`, `verifying`, `forgetting` |
//! | what comes in | `receiving`, `harvest`, `fragment`, `message` |
//! | what is kept | `keeper`, `book`, `conversation`, `places`, `update`, `settling`, `tending`, `aside` |
//! | what is shown | `status`, `why`, `history`, `cursor`, `view`, `event`, `error` |

mod action;
mod address;
mod arq;
mod aside;
mod asking;
mod backup;
mod bond;
mod book;
mod choice;
mod circuits;
mod contact;
mod conversation;
mod cover;
mod cursor;
mod decoys;
mod engine;
mod entry;
mod error;
mod event;
mod filling;
mod forgetting;
mod fragment;
mod freeing;
mod harvest;
mod history;
mod id;
mod inbox;
mod invite;
mod inviting;
mod keeper;
mod lane;
mod lanes;
pub mod limits;
mod link;
mod meeting;
mod message;
mod outbox;
mod packets;
mod parcel;
mod places;
mod publishing;
mod receiving;
mod rendezvous;
mod renewal;
mod renewing;
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
mod tending;
mod trust;
mod update;
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
pub use backup::restored;
pub use cursor::{Cursor, CursorError};
pub use engine::{Engine, EngineSettings};
pub use error::EngineError;
pub use event::Event;
pub use history::{HistoryPage, HistoryQuery, HistoryRow, PageStart};
pub use id::{ContactId, IdError, MessageId};
pub use invite::{Invite, InviteError};
pub use message::{Direction, MessageState};
pub use route::{Route, RoutePlan, RoutePlanError};
pub use trust::Trust;
pub use view::{
    AddressView, ConsensusState, ContactState, ContactView, Counters, CoverView, MessageKind, MessageView,
    RequestView, RouteState, RouteView, StatusView, WaitingView,
};
